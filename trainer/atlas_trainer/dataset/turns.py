"""
Turns: what the agent was asked in a session, call by call, and what its model said each time. Pure.

One attempt of a step is one turn, or several where tools were called in between. The prompt of a turn is the recorded
one where there is one. Else it is rebuilt from the plan, as the SDK puts a prompt together (`step_prompt.txt`), or it
is the task alone. Nothing that came after a turn is ever in front of it.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
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

    make_prompt: Callable[[], tuple[Message, ...]] = field(repr=False, compare=False)
    """Makes the prompt when it is wanted: all of a session together grow by the square of its turns."""

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

    @property
    def prompt(self) -> tuple[Message, ...]:
        """Messages that the model was given, made anew each time."""
        return self.make_prompt()


def turns_of(session: Session) -> list[Turn]:
    """All turns of *session*, in the order of the plan. Empty when it holds no answer at all."""
    steps = [step for step in session.steps if step.attempts]
    if not steps:
        asked = partial(_with_system, session, session.task)
        answer = session.final_answer
        return [Turn(0, 1, asked, "taskOnly", answer, refused=False, is_answer=True)] if answer.strip() else []
    return [turn for place in range(len(steps)) for turn in _of_step(session, steps, place)]


def attempts_of(session: Session) -> list[Turn]:
    """The last turn of each attempt of *session*: its prompt holds what was called and found before it."""
    return list({(turn.step, turn.attempt): turn for turn in turns_of(session)}.values())


def step_output(step: Step) -> str:
    """The answer that *step* ended with; "" when all were blank."""
    return next((attempt.output for attempt in reversed(step.attempts) if attempt.output.strip()), "")


def _of_step(session: Session, steps: Sequence[Step], place: int) -> Iterator[Turn]:
    step = steps[place]
    notes: list[str] = []
    for attempt in step.attempts:
        asked, origin = _asked(session, steps, place, attempt, notes)
        refused = attempt is not step.attempts[-1] or bool(attempt.guidance)
        for spoken in range(attempt.given, len(attempt.asked)):
            message = attempt.asked[spoken]
            if message["role"] == "assistant" and (text := calls_text(message)):
                before = partial(_first, attempt.asked, spoken)
                yield Turn(step.id, attempt.number, before, origin, text, refused, False, attempt.guidance)
        if attempt.output.strip():
            yield Turn(step.id, attempt.number, asked, origin, attempt.output, refused, True, attempt.guidance)
        notes += [attempt.guidance] if attempt.guidance else []


def _first(messages: tuple[Message, ...], count: int) -> tuple[Message, ...]:
    return messages[:count]


def _asked(
    session: Session, steps: Sequence[Step], place: int, attempt: StepAttempt, notes: Sequence[str]
) -> tuple[Callable[[], tuple[Message, ...]], Origin]:
    """What makes the prompt of *attempt* at the step at *place*, and where it comes from. *notes* may grow later."""
    if attempt.asked:
        return (lambda: attempt.asked), "recorded"
    if not steps[place].description.strip() and not place and not notes:
        return partial(_with_system, session, session.task), "taskOnly"
    return partial(_rebuilt, session, steps, place, notes, len(notes)), "rebuilt"


def _rebuilt(
    session: Session, steps: Sequence[Step], place: int, notes: Sequence[str], known: int
) -> tuple[Message, ...]:
    """The prompt as the SDK makes it of the steps before the one at *place*, and of the first *known* notes."""
    step = steps[place]
    results = {str(step.id): {"output_text": step_output(step)} for step in steps[:place]}
    text = _STEP_PROMPT.substitute(
        step_id=step.id,
        description=step.description,
        task=session.task.strip(),
        depends_on=list(step.depends_on),
        prior_results=json.dumps(results, ensure_ascii=False, indent=2),
        guidance=json.dumps(notes[:known], ensure_ascii=False, indent=2),
    )
    return _with_system(session, text)


def _with_system(session: Session, text: str) -> tuple[Message, ...]:
    system = session.system_prompt
    opening: tuple[Message, ...] = ({"role": "system", "content": system},) if system and system.strip() else ()
    return (*opening, {"role": "user", "content": text})
