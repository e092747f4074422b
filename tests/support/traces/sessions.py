"""Factories of sessions as sources give them."""

from datetime import UTC, datetime
from typing import Any

from atlas_trainer.dataset.turns import Turn
from atlas_trainer.traces.messages import Message
from atlas_trainer.traces.session import Session, Step, StepAttempt

RETRIED = Step(
    1, "Answer in one go", (StepAttempt("Shipped", "Check the order", number=1), StepAttempt("Refunded", number=2))
)
"""A step whose first attempt was refused."""


def make_session(*steps: Step, **fields: Any) -> Session:
    """A session that succeeded, with a good reward. Keywords replace fields."""
    return Session(
        **{
            "id": "7",
            "task": "Refund order 12",
            "status": "succeeded",
            "review_status": "approved",
            "created_at": datetime(2026, 10, 1, tzinfo=UTC),
            "final_answer": "Refunded",
            "reward": 0.86,
            "steps": steps,
            "learning_key": "refunds",
            **fields,
        }
    )


def turns(messages: tuple[Message, ...]) -> list[tuple[str, str]]:
    """Role and content of each message."""
    return [(message["role"], message["content"]) for message in messages]


def asked(turn: Turn) -> str:
    """The last message of a turn's prompt."""
    content: str = turn.prompt[-1]["content"]
    return content
