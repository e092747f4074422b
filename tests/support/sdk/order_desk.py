"""
The order desk under the SDK's own runtime: its real student and graph, with an agent whose answers are ready.

What comes of it is what the demo's recorder has to write. Importing this module takes seconds.
"""

import json
from collections.abc import Sequence
from typing import Any

from support.sdk.runtime import run_agents

# isort: split
# `support.sdk.runtime` sets the environment before the SDK is imported.
from atlas.config.models import (
    DriftDetectionConfig,
    PythonAdapterConfig,
    RuntimeSafetyConfig,
    StudentConfig,
    StudentPrompts,
)
from atlas.connectors.factory import create_adapter
from atlas.personas.student import Student
from atlas.prompts import build_student_prompts

from desk.agent import Answer
from desk.coach import named_order
from desk.prompt import SYSTEM_PROMPT, Message
from desk.recording.caller import session_metadata
from desk.recording.shapes import reward_audit
from desk.shift import NOT_FILED, Visit, work
from desk.tasks import Task

AT_ONCE = Task("Order 237: 3 lamps broken.", 237, 3, None)
GUIDED = Task("For order 512, Kim wants 4 more cups.", 512, 4, "Kim")
WRONG = Task("Where is order 640 with 2 pens?", 640, 2, None)
FAILED = Task("From order 481, cancel 5 bowls.", 481, 5, None)
ANSWERS = {
    AT_ONCE.message: ("The order number is 237.", ""),
    GUIDED.message: ("The order number is 4.", "512"),
    WRONG.message: ("2", "The order is 2."),
    FAILED.message: ("I do not know", "Sorry"),
}
"""What the agent says, at first and after guidance."""

PROMPT_TOKENS, COMPLETION_TOKENS = 30, 6

_UNGUIDED = "Guidance History: []"


class Scripted:
    """The demo's agent, with its answers ready."""

    def answer(self, conversations: Sequence[Sequence[Message]]) -> list[Answer]:
        """One answer for each conversation."""
        return [
            Answer(_said(messages[-1]["content"]), PROMPT_TOKENS, COMPLETION_TOKENS, 12.5) for messages in conversations
        ]


def answer(prompt: str, metadata: dict[str, Any]) -> dict[str, Any]:
    """The same agent as a function for the SDK's adapter. Raises ValueError for a last answer without an order."""
    text = _said(prompt)
    if _UNGUIDED not in prompt and named_order(text) is None:
        raise ValueError(NOT_FILED)
    total = PROMPT_TOKENS + COMPLETION_TOKENS
    usage = {"prompt_tokens": PROMPT_TOKENS, "completion_tokens": COMPLETION_TOKENS, "total_tokens": total}
    return {"content": text, "usage": usage}


def visits() -> list[Visit]:
    """One visit of each kind, as the demo does them."""
    return work(Scripted(), [AT_ONCE, GUIDED, WRONG, FAILED])


def run_desk(url: str, model: str) -> list[int]:
    """The same visits under the SDK's runtime, in the order of `visits`. Returns the ids of their sessions."""
    return run_agents(url, *(_run(visit, model) for visit in visits()))


def _said(asked: str) -> str:
    (told,) = (told for message, told in ANSWERS.items() if f"\n{message}\n" in asked)
    return told[0] if _UNGUIDED in asked else told[1]


def _run(visit: Visit, model: str) -> dict[str, Any]:
    """What the runtime needs for *visit*: the coach's notes and verdict are those of the demo."""
    verdict = json.loads(reward_audit(visit, model)[0]["response"])
    return {
        "task": visit.task.message,
        "student": _student(),
        "notes": [attempt.verdict.guidance for attempt in visit.attempts[:1] if attempt.verdict.guidance],
        "judge": json.dumps(verdict),
        "metadata": session_metadata(visit.task, model),
        "safety": RuntimeSafetyConfig(drift=DriftDetectionConfig(enabled=False)),
    }


def _student() -> Student:
    adapter = PythonAdapterConfig(
        type="python", name="order desk", system_prompt="", import_path=__name__, attribute="answer"
    )
    student = StudentConfig(prompts=StudentPrompts(planner="-", executor=SYSTEM_PROMPT, synthesizer="-"))
    return Student(create_adapter(adapter), adapter, student, build_student_prompts("", student))
