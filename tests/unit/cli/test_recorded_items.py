"""Recorded sessions as items: what judges see, and what they must not see."""

from dataclasses import replace
from pathlib import Path

import pytest
from support.trainer.trainings import write_export, write_manifest

from atlas_api import InvalidManifest
from atlas_api.errors import NothingMatched
from atlas_api.training.reward import Answer
from atlas_core.report.recorded_items import RecordedItem, item_of, recorded_items, traces_in
from atlas_trainer.traces.session import Session, Step, StepAttempt, Tally

DESK = Path(__file__).parents[3] / "examples" / "desk-sessions.jsonl"
TRIES = (Step(1, "Answer", (StepAttempt("6", "Look for the order"), StepAttempt("159"))),)


def session(
    final_answer: str = "159",
    steps: tuple[Step, ...] = TRIES,
    ground_truth: str | None = None,
    system_prompt: str | None = None,
) -> Session:
    return Session(
        id="7",
        task="Which order?",
        status="succeeded",
        review_status="approved",
        created_at=None,
        final_answer=final_answer,
        reward=0.6,
        steps=steps,
        ground_truth=ground_truth,
        system_prompt=system_prompt,
    )


def scored(told: Session) -> RecordedItem:
    found = item_of(told)
    assert found is not None
    return found


def test_the_final_answer_is_scored_against_what_the_caller_knows() -> None:
    found = scored(session(ground_truth="159", system_prompt="Be short."))
    assert (found.item.completion, found.item.reference, found.reward) == ("159", "159", 0.6)
    assert [message["role"] for message in found.item.prompt] == ["system", "user"]


def test_where_verifiers_demand_a_form_the_agents_own_text_is_scored() -> None:
    said = '{"result": {"deliverable": "159", "artifacts": null}}'
    for text, completion in ((said, said), ("It is 159.", "159")):
        found = item_of(session(steps=(Step(1, "Answer", (StepAttempt(text),)),)), Answer(source="envelope"))
        assert found is not None
        assert found.item.completion == completion


def test_an_answer_is_never_its_own_reference() -> None:
    assert scored(session()).item.reference is None


def test_a_judge_cannot_read_the_recorded_reward_anywhere() -> None:
    assert "0.6" not in repr(scored(session()).item)


def test_verifiers_learn_the_same_facts_of_a_session_as_in_training() -> None:
    keyed = replace(session(), learning_key="refunds")
    assert scored(keyed).item.metadata == {"sessionId": "7", "task": "Which order?", "learningKey": "refunds"}
    assert "learningKey" not in scored(session()).item.metadata


def test_the_first_try_the_guidance_and_the_whole_trace_are_shown() -> None:
    item = scored(session()).item
    assert item.baseline == "6"
    assert item.teacher_trace == "Look for the order"
    assert item.student_trace == "Attempt 1: 6\n\nGuidance: Look for the order\n\nAttempt 2: 159"


def test_the_plan_of_a_session_with_several_steps_is_shown() -> None:
    steps = (
        Step(1, "Find the order", (StepAttempt("159"),)),
        Step(2, " ", ()),
        Step(3, "Answer", (StepAttempt("159"),)),
    )
    assert scored(session(steps=steps)).item.plan == "Find the order\n\nAnswer"


def test_a_session_of_one_step_has_no_plan() -> None:
    assert scored(session()).item.plan is None


def test_without_guidance_there_is_no_baseline() -> None:
    item = scored(session(steps=(Step(1, "Answer", (StepAttempt("159"),)),))).item
    assert (item.baseline, item.teacher_trace) == (None, None)


def test_a_session_that_failed_is_scored_by_its_last_attempt() -> None:
    assert scored(session(final_answer="")).item.completion == "159"


def test_a_session_without_any_answer_cannot_be_scored() -> None:
    assert item_of(session(final_answer=" ", steps=())) is None


def test_the_seed_alone_decides_the_order() -> None:
    def order(seed: int) -> list[str]:
        return [one.session for one in recorded_items(traces_in(DESK), seed, Tally())]

    assert order(1) == order(1)
    assert order(1) != order(2)
    assert sorted(order(1)) == sorted(order(2))


def test_an_export_is_read_as_a_whole_failed_sessions_included() -> None:
    rewards = [one.reward for one in recorded_items(traces_in(DESK), 0, Tally())]
    assert (len(rewards), rewards.count(1.0)) == (40, 16)


def test_the_prompt_is_what_the_agent_was_asked_when_it_gave_the_answer() -> None:
    asked = ({"role": "system", "content": "Be short."}, {"role": "user", "content": "Step ID: 1 ..."})
    steps = (Step(1, "Answer", (StepAttempt("6", "Look for the order"), StepAttempt("159", asked=asked))),)
    assert scored(session(steps=steps)).item.prompt == asked


def test_a_manifest_says_which_sessions_count(tmp_path: Path) -> None:
    write_export(tmp_path, 6)
    traces = {"file": {"path": str(tmp_path / "traces.jsonl")}, "filter": {"limit": 4}}
    assert len(recorded_items(traces_in(write_manifest(tmp_path, traces=traces)), 0, Tally())) == 4


def test_a_wrong_manifest_of_traces_is_named(tmp_path: Path) -> None:
    file = write_manifest(tmp_path, traces={})
    with pytest.raises(InvalidManifest) as refusal:
        traces_in(file)
    assert refusal.value.problems[0].startswith(f"--traces {file}: spec.traces: set exactly one of")


def test_an_empty_export_is_refused_with_the_causes(tmp_path: Path) -> None:
    file = tmp_path / "traces.jsonl"
    file.write_text('{"task": "a", "final_answer": ""}\n')
    with pytest.raises(NothingMatched, match="noAnswer 1"):
        recorded_items(traces_in(file), 0, Tally())
