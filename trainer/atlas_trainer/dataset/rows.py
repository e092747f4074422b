"""A row: one prompt that is trained or evaluated on, with where it comes from. Knows nothing about tokens."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from atlas_trainer.traces.lessons import Lesson
from atlas_trainer.traces.messages import Message

Origin = Literal["recorded", "rebuilt", "taskOnly"]
"""Where a prompt comes from: recorded, put together from the plan, or nothing but the task."""

ORIGINS: tuple[Origin, ...] = ("recorded", "rebuilt", "taskOnly")


@dataclass(frozen=True, slots=True)
class Row:
    """One turn of one session: what the model was asked, and what it said."""

    session_id: str
    """The session that this comes from."""

    turn: int
    """Place among the turns of the session, counted from 0."""

    task: str
    """The task as recorded. The split keeps near-duplicates together."""

    prompt: tuple[Message, ...]
    """The messages in front of the turn. Hold nothing that came after it."""

    reference: str | None
    """A known good completion: the caller's ground truth, or what a session that is vouched for has. None: neither."""

    recorded: str
    """What was said in this turn. Never blank."""

    learning_key: str | None = None
    """`metadata.learning_key` of the session."""

    reward: float | None = None
    """Recorded reward of the session. None when it is unknown."""

    created_at: datetime | None = None
    """Creation time of the session, where the source knows it."""

    step: int = 0
    """Id of the step in the plan; 0 where the session has no steps."""

    attempt: int = 1
    """Number of the attempt at the step, counted from 1."""

    origin: Origin = "taskOnly"
    """Where the prompt comes from: `recorded`, `rebuilt` from the plan, or `taskOnly`."""

    refused: bool = False
    """Whether `recorded` was given up in the session: then it is no example to follow."""

    lessons: tuple[Lesson, ...] = ()
    """What was learnt in the session and about it: a teacher may see it, the student may not."""

    def to_json(self) -> dict[str, Any]:
        """Return a document that `json.dumps` takes, with the field names of the API."""
        return {
            "sessionId": self.session_id,
            "step": self.step,
            "attempt": self.attempt,
            "turn": self.turn,
            "task": self.task,
            "prompt": [dict(message) for message in self.prompt],
            "origin": self.origin,
            "reference": self.reference,
            "recorded": self.recorded,
            "refused": self.refused,
            "lessons": [{"kind": lesson.kind, "text": lesson.text} for lesson in self.lessons],
            "learningKey": self.learning_key,
            "reward": self.reward,
            "createdAt": self.created_at.astimezone(UTC).isoformat() if self.created_at else None,
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> "Row":
        """The row that `to_json` made *document* of. KeyError when it is something else; further keys are ignored."""
        created = document["createdAt"]
        return cls(
            session_id=document["sessionId"],
            step=document["step"],
            attempt=document["attempt"],
            turn=document["turn"],
            task=document["task"],
            prompt=tuple(document["prompt"]),
            origin=document["origin"],
            reference=document["reference"],
            recorded=document["recorded"],
            refused=document["refused"],
            lessons=tuple(Lesson(lesson["kind"], lesson["text"]) for lesson in document["lessons"]),
            learning_key=document["learningKey"],
            reward=document["reward"],
            created_at=datetime.fromisoformat(created) if created else None,
        )

    def canonical(self) -> str:
        """One line of ASCII JSON that is equal for equal rows, whichever process writes it."""
        return json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"))
