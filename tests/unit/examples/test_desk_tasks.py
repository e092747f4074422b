"""What the order desk asks of its agent, and what its coach says."""

from itertools import islice
from pathlib import Path

import pytest
import yaml

from desk.agent import MAX_TOKENS, Answer
from desk.coach import NO_NUMBER, PIECES, WRONG, judgement, named_order, review
from desk.prompt import asked
from desk.recording.review import OBJECTOR, reviews
from desk.shift import work
from desk.tasks import Task, tasks


def broken_lamps() -> Task:
    return Task("Order 237: 3 lamps broken.", order=237, pieces=3, customer=None)


class Scripted:
    """An agent that says what it is told to, in turn."""

    def __init__(self, *texts: str) -> None:
        self.texts = list(texts)
        self.heard: list[list[dict[str, str]]] = []

    def answer(self, conversations):  # type: ignore[no-untyped-def]
        self.heard.extend(list(conversation) for conversation in conversations)
        return [Answer(self.texts.pop(0), 30, 5, 1.0) for _ in conversations]


def test_the_same_seed_gives_the_same_tasks_and_another_seed_others() -> None:
    def first(seed: int) -> list[Task]:
        return list(islice(tasks(seed), 50))

    assert first(1) == first(1)
    assert first(1) != first(2)


def test_no_message_comes_twice_and_none_that_is_known() -> None:
    known = {task.message for task in islice(tasks(1), 500)}
    others = [task.message for task in islice(tasks(1, known), 5000)]
    assert len(set(others)) == 5000
    assert not known & set(others)


def test_every_message_names_its_order_once_and_its_pieces_once() -> None:
    for task in islice(tasks(3), 500):
        numbers = [word.strip(".,:?") for word in task.message.split()]
        assert numbers.count(str(task.order)) == 1
        assert numbers.count(str(task.pieces)) == 1
        assert len(str(task.order)) == 3
        assert len(str(task.pieces)) == 1
        assert task.customer is None or task.customer in task.message


@pytest.mark.parametrize(
    ("answer", "guidance"),
    [
        ("237", None),
        ("The order number is 237.", None),
        ("3 lamps of order 237", None),
        ("Order 237 has 3 lamps", PIECES),
        ("The order number is 238.", WRONG),
        ("Sorry for your loss.", NO_NUMBER),
        ("", NO_NUMBER),
    ],
)
def test_the_coach_takes_the_last_number_as_the_order(answer: str, guidance: str | None) -> None:
    verdict = review(broken_lamps(), answer)
    assert verdict.guidance == guidance
    assert verdict.valid == (guidance is None)


def test_guidance_never_holds_a_number() -> None:
    assert [named_order(text) for text in (NO_NUMBER, PIECES, WRONG)] == [None, None, None]


def test_right_at_once_is_worth_more_than_right_after_guidance_and_that_more_than_wrong() -> None:
    right, wrong = review(broken_lamps(), "237"), review(broken_lamps(), "3")
    at_once, guided, never = (judgement(verdicts)[0] for verdicts in ([right], [wrong, right], [wrong, wrong]))
    assert 1.0 >= at_once >= 0.8 > guided > never > 0.0


def test_a_right_answer_is_not_asked_for_again() -> None:
    agent = Scripted("237")
    [visit] = work(agent, [broken_lamps()])
    assert len(visit.attempts) == 1
    assert agent.heard == [asked(broken_lamps().message)]


def test_a_wrong_answer_is_tried_once_more_with_the_coachs_guidance() -> None:
    agent = Scripted("3", "237")
    [visit] = work(agent, [broken_lamps()])
    assert [attempt.verdict.valid for attempt in visit.attempts] == [False, True]
    assert agent.heard == [asked(broken_lamps().message), asked(broken_lamps().message, [PIECES])]


def test_a_session_fails_only_when_the_last_answer_names_nothing() -> None:
    assert work(Scripted("no", "neither"), [broken_lamps()])[0].failed
    assert not work(Scripted("no", "3"), [broken_lamps()])[0].failed


def test_the_reviewer_approves_most_leaves_the_newest_and_puts_aside_who_objected() -> None:
    batch = [*islice((task for task in tasks(1) if task.customer != OBJECTOR), 31)]
    objection = next(task for task in tasks(2) if task.customer == OBJECTOR)
    found = reviews(work(Scripted(*["237"] * 64), [objection, *batch]))
    assert [review.status for review in found] == ["quarantined", *["approved"] * 29, "pending", "pending"]


def test_the_agent_answers_at_the_length_that_it_was_trained_at() -> None:
    example = yaml.safe_load((Path(__file__).parents[3] / "examples" / "laptop-grpo.yaml").read_text())
    assert example["spec"]["grpo"]["maxCompletionTokens"] == MAX_TOKENS
