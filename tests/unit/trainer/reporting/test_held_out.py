"""The report says what a held-out figure is worth: how rows were held out, and how like the training tasks they are."""

from support.trainer.measured import make_dataset

from atlas_api.training.status import DatasetStatus
from atlas_api.training.traces import Split
from atlas_trainer.reporting.held_out import held_out_text


def dataset(held_out: int | None, alike: int | None) -> DatasetStatus:
    return make_dataset().model_copy(update={"held_out": held_out, "held_out_alike": alike})


def test_the_rule_of_the_split_stands_beside_the_count() -> None:
    told = held_out_text(dataset(38, 0), Split())
    assert told.startswith("38 of 160 rows, by task: all rows of near-identical tasks are on one side.")
    assert "the same words, or differ in one; words with digits always count" in told
    assert "But for their numbers" not in told


def test_tasks_on_both_sides_that_differ_in_numbers_are_said() -> None:
    assert "But for their numbers, 22 of the 38 are near-identical to training tasks" in held_out_text(
        dataset(38, 22), Split()
    )


def test_a_split_by_session_says_that_tasks_may_be_on_both_sides() -> None:
    assert "the same task may be on both" in held_out_text(dataset(38, None), Split(by="session"))


def test_nothing_is_said_where_nothing_is_held_out_or_nobody_counted() -> None:
    assert held_out_text(dataset(0, 0), Split(eval=0.0)) == ""
    assert held_out_text(dataset(None, None), Split()) == ""
