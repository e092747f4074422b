"""
Conversations: recorded sessions as chat messages, seen from the side whose turns are learnt.

For the student, its attempts are the assistant turns, and task and guidance are user text. For the teacher, its
guidance notes are the assistant turns, and the task and the student's attempts are user text. Order is as recorded,
so nothing that came after a turn is ever in front of it. Pure: knows neither sources nor tokenizers.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from atlas_trainer.dataset.rows import Message, Row
from atlas_trainer.traces.session import Session, Step

Role = Literal["student", "teacher"]
Cause = Literal["noTask", "noAnswer", "noGuidance"]
"""Cause for which a session cannot become a row."""

Speaker = Literal["system", "caller", "student", "teacher"]
Utterance = tuple[Speaker, str]

_SEPARATOR = "\n\n"


@dataclass(frozen=True, slots=True)
class Conversation:
    """Chat messages, and which of them are learnt."""

    messages: tuple[Message, ...]
    """Messages whose roles alternate after the system message, as strict chat templates demand."""

    learnt: tuple[int, ...]
    """Places of the learnt turns in `messages`, ascending. All are assistant turns."""


def conversation(session: Session, role: Role) -> Conversation:
    """Messages of the whole session, with every attempt and every note, ending with the last learnt turn."""
    utterances = _opening(session, role)
    for step in _attempted(session):
        utterances += _introduction(session, step)
        for attempt in step.attempts:
            utterances += [("student", attempt.output), ("teacher", attempt.guidance or "")]
    if not _attempted(session):
        utterances.append(("student", session.final_answer))
    messages = _messages(utterances, role)
    while messages and messages[-1]["role"] != "assistant":
        messages.pop()
    learnt = tuple(index for index, message in enumerate(messages) if message["role"] == "assistant")
    return Conversation(tuple(messages), learnt)


def grpo_row(session: Session, role: Role) -> Row | Cause:
    """The one prompt of *session* that fresh completions are sampled for, or why there is none.

    Student: what stood in front of the first attempt of the last step. Teacher: what stood in front of the first
    guidance.
    """
    if not session.task.strip():
        return "noTask"
    return _student_row(session) if role == "student" else _teacher_row(session)


def _student_row(session: Session) -> Row | Cause:
    attempted = _attempted(session)
    tries = [attempt.output for attempt in attempted[-1].attempts] if attempted else []
    recorded = next((text for text in [*tries, session.final_answer] if text.strip()), None)
    if recorded is None:
        return "noAnswer"
    utterances = _opening(session, "student")
    for step in attempted:
        utterances += _introduction(session, step)
        if step is not attempted[-1]:
            utterances.append(("student", _last_output(step)))
    return _row(session, _messages(utterances, "student"), recorded, _reference(session))


def _teacher_row(session: Session) -> Row | Cause:
    utterances = _opening(session, "teacher")
    for step in _attempted(session):
        utterances += _introduction(session, step)
        for attempt in step.attempts:
            utterances.append(("student", attempt.output))
            if attempt.guidance and attempt.guidance.strip():
                return _row(session, _messages(utterances, "teacher"), attempt.guidance, attempt.guidance)
    return "noGuidance"


def _row(session: Session, prompt: list[Message], recorded: str, reference: str | None) -> Row:
    return Row(
        session_id=session.id,
        turn=len(prompt),
        task=session.task,
        prompt=tuple(prompt),
        reference=reference,
        recorded=recorded,
        learning_key=session.learning_key,
        reward=session.reward,
        created_at=session.created_at,
    )


def _reference(session: Session) -> str | None:
    """The known right answer, else that of a session that succeeded: one that failed is no example to follow."""
    if session.ground_truth and session.ground_truth.strip():
        return session.ground_truth
    answered = session.status == "succeeded" and session.final_answer.strip()
    return session.final_answer if answered else None


def _opening(session: Session, role: Role) -> list[Utterance]:
    """First utterances of a conversation. The system prompt is the student's, and would mislead the teacher."""
    system = session.system_prompt if role == "student" else None
    return [("system", system or ""), ("caller", session.task)]


def _introduction(session: Session, step: Step) -> list[Utterance]:
    """Utterances before a step: none before the first; a later one without description still needs its own turn."""
    if step is session.steps[0]:
        return []
    return [("caller", step.description if step.description.strip() else f"Step {step.id}")]


def _attempted(session: Session) -> list[Step]:
    return [step for step in session.steps if step.attempts]


def _last_output(step: Step) -> str:
    return next((attempt.output for attempt in reversed(step.attempts) if attempt.output.strip()), "")


def _messages(utterances: Iterable[Utterance], learner: Role) -> list[Message]:
    """Chat messages with alternating roles: neighbours on one side become one message.

    An attempt that directly follows another one replaces it: the first was given up, and one turn that holds both
    would teach to answer twice. Everything else is joined by an empty line.
    """
    messages: list[Message] = []
    for speaker, text in utterances:
        if not text.strip():
            continue
        role = "system" if speaker == "system" else "assistant" if speaker == learner else "user"
        if not messages or messages[-1]["role"] != role:
            messages.append({"role": role, "content": text})
        elif speaker == learner == "student":
            messages[-1]["content"] = text
        else:
            messages[-1]["content"] += _SEPARATOR + text
    return messages
