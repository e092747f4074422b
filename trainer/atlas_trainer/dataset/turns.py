"""
Turns: what the agent was asked in a session, call by call, and what its model said each time. Pure.

One attempt of a step is one turn, or several where tools were called in between. The prompt of a turn is the recorded
one where there is one. Else it is rebuilt from the plan, as the SDK puts a prompt together (`step_prompt.txt`), or it
is the task alone. Nothing that came after a turn is ever in front of it.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from string import Template

from atlas_trainer.dataset.rows import Origin
from atlas_trainer.traces.messages import Message, calls_text
from atlas_trainer.traces.session import Session, Step, StepAttempt

_STEP_PROMPT = Template(files(__package__).joinpath("step_prompt.txt").read_text(encoding="utf-8").rstrip("\n"))


@dataclass(frozen=True, slots=True)
class Turn:
    """One call of the agent's model."""

    step: int
    """Id of the step in the plan; 0 where the session has no steps."""

    attempt: int
    """Number of the attempt at the step, counted from 1."""

    prompt: tuple[Message, ...]
    """Messages that the model was given."""

    origin: Origin
    """Where `prompt` comes from."""

    output: str
    """What the model said, calls of tools written out. Never blank."""

    refused: bool
    """Whether the attempt was given up: a refused answer is no example to follow."""

    is_answer: bool
    """Whether the attempt ends with this turn; else it calls tools and goes on."""

    guidance: str | None = None
    """The teacher's words after the attempt."""


def turns_of(session: Session) -> list[Turn]:
    """All turns of *session*, in the order of the plan. Empty when it holds no answer at all."""
    steps = [step for step in session.steps if step.attempts]
    if not steps:
        prompt = _with_system(session, session.task)
        answer = session.final_answer
        return [Turn(0, 1, prompt, "taskOnly", answer, refused=False, is_answer=True)] if answer.strip() else []
    return [turn for place, step in enumerate(steps) for turn in _of_step(session, step, steps[:place])]


def step_output(step: Step) -> str:
    """The answer that *step* ended with; "" when all were blank."""
    return next((attempt.output for attempt in reversed(step.attempts) if attempt.output.strip()), "")


def _of_step(session: Session, step: Step, before: list[Step]) -> Iterator[Turn]:
    notes: list[str] = []
    for attempt in step.attempts:
        prompt, origin = _asked(session, step, attempt, before, notes)
        refused = attempt is not step.attempts[-1] or bool(attempt.guidance)
        later = range(attempt.given, len(attempt.asked))
        spoken = [place for place in later if attempt.asked[place]["role"] == "assistant"]
        for place in spoken:
            if text := calls_text(attempt.asked[place]):
                yield Turn(step.id, attempt.number, prompt[:place], origin, text, refused, False, attempt.guidance)
        if attempt.output.strip():
            yield Turn(step.id, attempt.number, prompt, origin, attempt.output, refused, True, attempt.guidance)
        notes += [attempt.guidance] if attempt.guidance else []


def _asked(
    session: Session, step: Step, attempt: StepAttempt, before: list[Step], notes: list[str]
) -> tuple[tuple[Message, ...], Origin]:
    if attempt.asked:
        return attempt.asked, "recorded"
    if not step.description.strip() and not before and not notes:
        return _with_system(session, session.task), "taskOnly"
    results = {str(step.id): {"output_text": step_output(step)} for step in before}
    text = _STEP_PROMPT.substitute(
        step_id=step.id,
        description=step.description,
        task=session.task.strip(),
        depends_on=list(step.depends_on),
        prior_results=json.dumps(results, ensure_ascii=False, indent=2),
        guidance=json.dumps(notes, ensure_ascii=False, indent=2),
    )
    return _with_system(session, text), "rebuilt"


def _with_system(session: Session, text: str) -> tuple[Message, ...]:
    system = session.system_prompt
    opening: tuple[Message, ...] = ({"role": "system", "content": system},) if system and system.strip() else ()
    return (*opening, {"role": "user", "content": text})
