"""A row: one prompt that is trained or evaluated on, with where it comes from. Knows nothing about tokens."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

Message = dict[str, str]
"""A chat message: `role` and `content`."""


@dataclass(frozen=True, slots=True)
class Row:
    """One learnt turn of one session."""

    session_id: str
    """The session that this comes from."""

    turn: int
    """Place of the learnt turn behind `prompt`, counted from 0: the number of messages in front of it."""

    task: str
    """The task as recorded. The split keeps near-duplicates together."""

    prompt: tuple[Message, ...]
    """The conversation in front of the learnt turn. Holds nothing that came after it."""

    reference: str | None
    """The known right answer, or the recorded one of a session that succeeded. None when there is neither."""

    recorded: str
    """Text of this turn in the recorded session. Never blank."""

    learning_key: str | None = None
    """`metadata.learning_key` of the session."""

    reward: float | None = None
    """Recorded reward of the session. None when it is unknown."""

    created_at: datetime | None = None
    """Creation time of the session, where the source knows it."""

    def to_json(self) -> dict[str, Any]:
        """Return a document that `json.dumps` takes, with the field names of the API."""
        return {
            "sessionId": self.session_id,
            "turn": self.turn,
            "task": self.task,
            "prompt": [dict(message) for message in self.prompt],
            "reference": self.reference,
            "recorded": self.recorded,
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
            turn=document["turn"],
            task=document["task"],
            prompt=tuple(document["prompt"]),
            reference=document["reference"],
            recorded=document["recorded"],
            learning_key=document["learningKey"],
            reward=document["reward"],
            created_at=datetime.fromisoformat(created) if created else None,
        )

    def canonical(self) -> str:
        """One line of ASCII JSON that is equal for equal rows, whichever process writes it."""
        return json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"))
