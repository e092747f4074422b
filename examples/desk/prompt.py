"""
What the agent is asked: the two messages that arc-atlas puts in front of an attempt at a step.

Pure. The system message is the executor's prompt, which the desk sets itself (`student.prompts.executor` in the SDK's
configuration); the human message names step, task, dependencies, prior results and guidance. A second try is asked
anew, with the guidance in its history; the answer that was refused is not shown again.
"""

import json
from collections.abc import Sequence

Message = dict[str, str]
"""A chat message: `role` and `content`."""

SYSTEM_PROMPT = "What is the order number? Say only the number."
STEP_ID = 1
DESCRIPTION = (
    "Produce the complete answer for the task in a single response.\n"
    "Ensure the output matches the requested format and includes any necessary reasoning."
)
"""The SDK's own words for the one step of a session that nobody has planned."""


def asked(task: str, guidance: Sequence[str] = ()) -> list[Message]:
    """The messages in front of an attempt at *task*, after *guidance* on earlier ones."""
    lines = [
        f"Step ID: {STEP_ID}",
        f"Description: {DESCRIPTION}",
        "Original Task:",
        task,
        "Dependencies: []",
        "Validated Prior Results (artifacts when available): {}",
        f"Guidance History: {json.dumps(list(guidance), ensure_ascii=False, indent=2)}",
    ]
    return [{"role": "system", "content": SYSTEM_PROMPT}, {"role": "user", "content": "\n".join(lines)}]
