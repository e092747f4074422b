"""
Rows out of a session: which turns are learnt from, with which reference. Pure.

For the student a row is a turn of the agent. For the teacher it is a note of guidance, in answer to what the agent was
asked and what it said; who speaks where is stated in the prompt (`teacher_prompt.txt`).
"""

from collections.abc import Sequence
from dataclasses import replace
from importlib.resources import files
from string import Template
from typing import Literal, NamedTuple

from atlas_api.training.traces import Traces
from atlas_trainer.dataset.rows import Row
from atlas_trainer.dataset.turns import Turn, step_output, turns_of
from atlas_trainer.traces.messages import Message
from atlas_trainer.traces.session import Session, vouches

Cause = Literal["noTask", "noAnswer", "noGuidance", "promptNotRecorded"]
"""Cause for which a session gives no row."""

_SPEAKERS = {"system": "SYSTEM", "user": "HUMAN", "assistant": "AI", "tool": "TOOL"}
"""Role -> how the SDK marks it where it writes all messages of a call into one text."""

_TEACHER_PROMPT = Template(files(__package__).joinpath("teacher_prompt.txt").read_text(encoding="utf-8").rstrip("\n"))


class SessionRows(NamedTuple):
    """What a session gives to learn from."""

    rows: list[Row]

    left_out: dict[str, int]
    """Turns that are no rows, by cause."""


def session_rows(session: Session, traces: Traces) -> SessionRows | Cause:
    """The rows of *session*, at most `traces.turnsPerSession`, that of its answer among them; or why there is none."""
    if not session.task.strip():
        return "noTask"
    turns = turns_of(session)
    if traces.role == "teacher":
        turns = [turn for turn in turns if turn.is_answer and turn.guidance and turn.guidance.strip()]
    if not turns:
        return "noGuidance" if traces.role == "teacher" else "noAnswer"
    found = len(turns)
    if traces.prompts == "recorded":
        turns = [turn for turn in turns if turn.origin == "recorded"]
        if not turns:
            return "promptNotRecorded"
    last = len(turns) - 1
    chosen = [last] if traces.turns == "last" else spread(last + 1, traces.turns_per_session)
    cut = "notLast" if traces.turns == "last" else "turnsPerSession"
    left_out = {"promptNotRecorded": found - len(turns), cut: len(turns) - len(chosen)}
    make = _teacher_row if traces.role == "teacher" else _student_row
    rows = [replace(make(session, turns[place], traces), turn=place) for place in chosen]
    return SessionRows(rows, {cause: count for cause, count in left_out.items() if count})


def spread(count: int, most: int) -> list[int]:
    """At most *most* of the places 0 to *count* - 1, evenly spread, the last always among them."""
    kept = min(count, most)
    return [count - 1 - (kept - 1 - place) * count // kept for place in range(kept)]


def sdk_text(messages: Sequence[Message]) -> tuple[Message, ...]:
    """*messages* as the SDK hands them to its adapters: all in one text, which is a user's message for the model.

    Each begins with who speaks. The system prompt stands there twice, as the SDK's graph and its bridge each write it.
    """
    doubled = [*messages[:1], *messages] if messages and messages[0]["role"] == "system" else messages
    text = "\n\n".join(f"{_SPEAKERS[message['role']]}: {message['content']}" for message in doubled)
    return ({"role": "user", "content": text},)


def _student_row(session: Session, turn: Turn, traces: Traces) -> Row:
    as_text = traces.prompt_form == "text" and turn.origin != "taskOnly"
    reference = _reference(session, turn, traces.reference.min_reward)
    return _row(session, turn, sdk_text(turn.prompt) if as_text else turn.prompt, turn.output, reference)


def _teacher_row(session: Session, turn: Turn, traces: Traces) -> Row:
    del traces
    asked = "\n\n".join(message["content"] for message in turn.prompt if message["role"] != "system")
    text = _TEACHER_PROMPT.substitute(asked=asked, attempt=turn.attempt, answer=turn.output)
    guidance = turn.guidance or ""
    row = _row(session, turn, ({"role": "user", "content": text},), guidance, guidance)
    # The guidance is what is learnt here; nobody may look it up.
    return replace(row, lessons=tuple(lesson for lesson in row.lessons if lesson.kind != "guidance"))


def _row(session: Session, turn: Turn, prompt: tuple[Message, ...], recorded: str, reference: str | None) -> Row:
    return Row(
        session_id=session.id,
        turn=0,
        step=turn.step,
        attempt=turn.attempt,
        task=session.task,
        prompt=prompt,
        origin=turn.origin,
        reference=reference,
        recorded=recorded,
        refused=turn.refused,
        lessons=session.lessons,
        learning_key=session.learning_key,
        reward=session.reward,
        created_at=session.created_at,
    )


def _reference(session: Session, turn: Turn, min_reward: float) -> str | None:
    """A known good completion of *turn*. None when there is none: an answer that nobody vouches for is no reference."""
    ends = not session.steps or turn.step == session.steps[-1].id
    if turn.is_answer and ends and session.ground_truth and session.ground_truth.strip():
        return session.ground_truth
    if not is_good(session, min_reward):
        return None
    if turn.is_answer and ends:
        return session.final_answer if session.final_answer.strip() else None
    if turn.is_answer:
        return next((step_output(step) for step in session.steps if step.id == turn.step), None)
    return None if turn.refused else turn.output


def is_good(session: Session, min_reward: float) -> bool:
    """Whether the answer of *session* may be a reference: it succeeded, and its reward or a person vouches for it."""
    rewarded = session.reward is not None and vouches(session.reward, min_reward)
    return session.status == "succeeded" and (rewarded or session.approved_by_person)
