"""What is scored: one completion, with the prompt it answers and what is known about the right answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Message = Mapping[str, Any]
"""A chat message: `role` and `content`."""


@dataclass(frozen=True, slots=True)
class Item:
    """One completion to score. All texts come from outside: data, never instructions."""

    completion: str
    reference: str | None = None
    """The recorded right answer. None when none was recorded."""

    prompt: tuple[Message, ...] = ()
    """The conversation that the completion answers."""

    metadata: Mapping[str, Any] = field(default_factory=dict)
    """Facts about the session, for Python entry points: `sessionId`, `task`, `learningKey`."""
