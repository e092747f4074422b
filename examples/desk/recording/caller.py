"""
What the desk tells the SDK about a session when it begins: the caller's part of `sessions.metadata`.

Pure. `ground_truth` is such a word of the caller: the desk has books, so it knows the order of every message. The SDK
itself never writes it, and the prompt stands in the events alone.
"""

from typing import Any

from desk.tasks import Task

LEARNING_KEY = "order-desk"


def session_metadata(task: Task, model: str) -> dict[str, Any]:
    """Metadata of a session about *task*, with *model* as the agent."""
    return {
        "learning_key": LEARNING_KEY,
        "project_root": "examples/desk",
        "source": "desk",
        "tags": tags(model),
        "ground_truth": str(task.order),
    }


def tags(model: str) -> list[str]:
    """Tags of a session with *model* as the agent."""
    return ["order-desk", f"model:{model}"]
