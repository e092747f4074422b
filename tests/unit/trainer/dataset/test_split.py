"""Near-duplicates stay on one side of the split, whatever the order of the rows."""

import random
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_api.errors import ZeroSteps
from atlas_api.training.traces import Split
from atlas_trainer.dataset.held_out.near_duplicates import canonical, group_near_duplicates
from atlas_trainer.dataset.held_out.split import alike, held_out
from atlas_trainer.dataset.rows import Row

HALF = Split(eval=0.5)


def make_row(task: str, session_id: str = "1") -> Row:
    return Row(session_id=session_id, turn=1, task=task, prompt=(), reference=None, recorded="x")


def make_rows(*tasks: str) -> list[Row]:
    return [make_row(task, str(number)) for number, task in enumerate(tasks)]


def different_tasks(count: int) -> list[str]:
    return [f"Task number {number}" for number in range(count)]


def together(left: str, right: str) -> bool:
    first, second = group_near_duplicates([left, right])
    return first == second


@pytest.mark.parametrize(
    ("left", "right"),
    [
        pytest.param("Refund order 12", "refund   ORDER 12!", id="case, space and punctuation"),
        pytest.param("Refund order \uff11\uff12", "Refund order 12", id="full-width digits"),
        pytest.param("Stra\u00dfe suchen bitte", "STRASSE suchen bitte", id="case folding beyond lower case"),
        pytest.param("Please refund order 12", "Refund order 12", id="a word more at the start"),
        pytest.param("Refund order 12", "Refund order 12 now", id="a word more at the end"),
        pytest.param("Refund this order 12", "Refund that order 12", id="another word in the middle"),
        pytest.param("refund the order", "refund order", id="a short task with a word more"),
        pytest.param("\u8acb\u9000\u6b3e\u8a02\u55ae12", "\u9000\u6b3e\u8a02\u55ae12", id="one Chinese character more"),
    ],
)
def test_near_identical_tasks_are_one_group(left: str, right: str) -> None:
    assert together(left, right)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        pytest.param("What is 3 plus 4", "What is 3 plus 5", id="another number"),
        pytest.param("What is 3 plus 4", "What is 3 plus 4 5", id="a number more"),
        pytest.param("Refund order A12", "Refund order B12", id="another word with digits"),
        pytest.param("Refund order 12 now please", "Refund order 12 at once", id="two words apart"),
        pytest.param("refund order twelve now", "now refund order twelve", id="a word moved"),
        pytest.param("refund order", "cancel order", id="short tasks are mostly one word"),
        pytest.param("?", "!", id="no words at all"),
        pytest.param("word " * 300, "word " * 301, id="too long for edits"),
    ],
)
def test_tasks_that_ask_for_something_else_are_not(left: str, right: str) -> None:
    assert not together(left, right)


def test_being_alike_is_carried_on() -> None:
    ends = ["move the red box", "move that blue box"]
    first, _, last = group_near_duplicates([ends[0], "move the blue box", ends[1]])
    assert first == last
    assert not together(*ends)


words = st.lists(st.sampled_from(["refund", "order", "the", "now", "12", "7", "b2"]), min_size=1, max_size=6)
tasks = words.map(" ".join)


def one_edit_apart(left: str, right: str) -> bool:
    """Whether two tasks are one edit apart, by definition, the slow way."""
    a, b = sorted((left.split(), right.split()), key=len)
    if a == b:
        return True
    if len(b) < 3 or len(b) - len(a) > 1:
        return False

    def free(word: str) -> bool:
        return not any(character.isdigit() for character in word)

    if len(a) == len(b):
        (differing, *more) = [(x, y) for x, y in zip(a, b, strict=True) if x != y]
        return not more and free(differing[0]) and free(differing[1])
    return any(free(b[place]) and b[:place] + b[place + 1 :] == a for place in range(len(b)))


@given(tasks, tasks)
def test_hashing_finds_exactly_the_pairs_of_the_definition(left: str, right: str) -> None:
    assert together(left, right) == one_edit_apart(left, right)


@given(st.lists(tasks, min_size=2, max_size=12), st.integers(0, 5))
def test_near_identical_tasks_never_sit_on_both_sides(some: list[str], seed: int) -> None:
    if len(set(group_near_duplicates(some))) == 1:
        return
    outside = held_out(make_rows(*some), Split(eval=0.5, seed=seed))
    for left, right in combinations(range(len(some)), 2):
        if one_edit_apart(some[left], some[right]):
            assert (left in outside) == (right in outside)


@given(st.lists(tasks, min_size=2, max_size=12), st.randoms(use_true_random=False))
def test_order_does_not_matter(some: list[str], dice: random.Random) -> None:
    if len(set(group_near_duplicates(some))) == 1:
        return
    rows = make_rows(*some)
    shuffled = dice.sample(rows, len(rows))
    picked = {rows[index].session_id for index in held_out(rows, HALF)}
    assert {shuffled[index].session_id for index in held_out(shuffled, HALF)} == picked


@given(st.integers(2, 40), st.floats(0.01, 0.9), st.integers(0, 1000), st.sampled_from(["task", "session"]))
def test_both_sides_always_have_something(count: int, share: float, seed: int, by: str) -> None:
    split = Split.model_validate({"eval": share, "seed": seed, "by": by})
    assert 0 < len(held_out(make_rows(*different_tasks(count)), split)) < count


def test_the_share_is_about_what_was_asked_for() -> None:
    outside = held_out(make_rows(*different_tasks(4000)), Split(eval=0.1))
    assert len(outside) / 4000 == pytest.approx(0.1, abs=0.02)


def test_another_seed_holds_out_others() -> None:
    rows = make_rows(*different_tasks(100))
    assert held_out(rows, Split(eval=0.5, seed=1)) != held_out(rows, Split(eval=0.5, seed=2))


def test_rows_that_come_later_move_none_of_the_old_ones() -> None:
    rows = make_rows(*different_tasks(500))
    assert held_out(rows[:400], HALF) == {index for index in held_out(rows, HALF) if index < 400}


def test_with_share_zero_nothing_is_held_out() -> None:
    assert held_out(make_rows("a", "a"), Split(eval=0.0)) == frozenset()


def test_by_session_one_task_may_sit_on_both_sides() -> None:
    rows = make_rows(*["Refund order 12"] * 50)
    assert 0 < len(held_out(rows, Split(eval=0.5, by="session"))) < 50


def test_a_single_task_cannot_be_split_and_the_message_names_the_cure() -> None:
    with pytest.raises(ZeroSteps, match=r"all 2 sessions .* set split\.by to session, set split\.eval to 0"):
        held_out(make_rows("Refund order 12", "Please refund order 12"), HALF)


def test_a_single_session_cannot_be_split() -> None:
    with pytest.raises(ZeroSteps, match=r"only one session.*split\.eval to 0"):
        held_out(make_rows("Refund order 12"), Split(eval=0.5, by="session"))


def test_canonical_text_is_stable() -> None:
    assert canonical(" Refund, order #12!\n") == "refund order 12"
    assert canonical(canonical("\u212b\u00df x")) == canonical("\u212b\u00df x")


def test_a_letter_with_marks_without_end_is_a_task_like_any_other() -> None:
    """Unicode's normal form would take hours to sort so many marks."""
    assert canonical("refund a" + "\u0301\u0327" * 500_000).startswith("refund ")


def test_held_out_tasks_that_are_in_training_but_for_their_numbers_are_counted() -> None:
    rows = make_rows("Refund order 12 now", "Refund order 13 please", "Where is parcel 5 of mine?", "Cancel all of it")
    assert alike(rows, frozenset({1, 2, 3})) == 1
    assert alike(rows, frozenset({0, 2})) == 1
    assert alike(rows, frozenset({3})) == 0


def test_nothing_held_out_is_like_no_training_task() -> None:
    assert alike(make_rows("Refund order 12", "Refund order 13"), frozenset()) == 0
