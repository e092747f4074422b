"""
Recorded sessions as items to score, with the reward that was recorded.

What a judge must not see is left out: the recorded reward, and the final answer as a reference to itself.
"""

import random
from dataclasses import dataclass
from pathlib import Path

from atlas_api import InvalidManifest, load_manifest
from atlas_api.errors import NothingMatched
from atlas_api.training.reward import Answer
from atlas_api.training.traces import FileTraces, TraceFilter, Traces
from atlas_rewards import Item
from atlas_rewards.item import metadata_of
from atlas_rewards.verifiers.answer import answered
from atlas_trainer.dataset.turns import turns_of
from atlas_trainer.traces import read_sessions
from atlas_trainer.traces.session import Session, Tally

_MANIFESTS = (".yaml", ".yml")
_GAP = "\n\n"

WHOLE = Answer()
"""The whole completion is the answer."""


@dataclass(frozen=True, slots=True)
class RecordedItem:
    """The answer of one session."""

    session: str
    """Id of the session."""

    item: Item
    reward: float | None
    """What was recorded. None when nothing trustworthy was."""


def traces_in(file: Path) -> Traces:
    """What *file* says to read: `spec.traces` of an AtlasTraining manifest, or every session of an export.

    Raises `InvalidManifest`.
    """
    if file.suffix not in _MANIFESTS:
        everything = TraceFilter(status=(), review_status=())
        return Traces(file=FileTraces(path=str(file)), filter=everything)
    try:
        return load_manifest(file).spec.traces
    except InvalidManifest as error:
        raise InvalidManifest([f"--traces {file}: {problem}" for problem in error.problems]) from None


def recorded_items(traces: Traces, seed: int, tally: Tally, answer: Answer = WHOLE) -> list[RecordedItem]:
    """One item a session that holds an answer, in an order that *seed* alone decides. *answer*: as in the manifest.

    Raises `NothingMatched` when there is none, and what `read_sessions` raises.
    """
    items = []
    for session in read_sessions(traces, tally):
        found = item_of(session, answer)
        if found is None:
            tally.drop("noAnswer")
        else:
            items.append(found)
    if not items:
        causes = tally.causes or "no session at all"
        raise NothingMatched(f"no recorded session can be scored ({causes}); change the filter or the export")
    random.Random(seed).shuffle(items)  # noqa: S311 - repeatable on purpose
    return items


def item_of(session: Session, answer: Answer = WHOLE) -> RecordedItem | None:
    """The last answer of *session*, to what the agent was asked then; None when it never answered.

    The SDK keeps the bare answer of an agent that answers in a form. Where verifiers demand one by *answer*, it is the
    agent's own text.
    """
    attempts = [attempt for step in session.steps for attempt in step.attempts]
    outputs = [attempt.output for attempt in attempts if attempt.output.strip()]
    completion = session.final_answer if session.final_answer.strip() else next(reversed(outputs), None)
    if completion is None:
        return None
    if answer.source != "text" and outputs and answered(Item(outputs[-1]), answer):
        completion = outputs[-1]
    guidance = [attempt.guidance for attempt in attempts if attempt.guidance and attempt.guidance.strip()]
    turns = turns_of(session)
    item = Item(
        completion=completion,
        reference=session.ground_truth,
        prompt=turns[-1].prompt if turns else ({"role": "user", "content": session.task},),
        baseline=outputs[0] if guidance and outputs else None,
        plan=_plan(session),
        teacher_trace=_GAP.join(guidance) or None,
        student_trace=_trace(session),
        metadata=metadata_of({"session_id": session.id, "task": session.task, "learning_key": session.learning_key}),
    )
    return RecordedItem(session.id, item, session.reward)


def _plan(session: Session) -> str | None:
    """What the steps of *session* were to do. The only step of a session is its task."""
    steps = [step.description for step in session.steps if step.description.strip()]
    return _GAP.join(steps) if len(session.steps) > 1 and steps else None


def _trace(session: Session) -> str | None:
    """Attempts and guidance in the order in which they came."""
    said = []
    for step in session.steps:
        said += [step.description] if len(session.steps) > 1 and step.description.strip() else []
        for number, attempt in enumerate(step.attempts, start=1):
            said.append(f"Attempt {number}: {attempt.output}")
            said += [f"Guidance: {attempt.guidance}"] if attempt.guidance else []
    return _GAP.join(said) or None
