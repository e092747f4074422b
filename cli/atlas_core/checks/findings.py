"""What checks found."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from atlas_api import AtlasError, InvalidManifest

T = TypeVar("T")


@dataclass(slots=True)
class Findings:
    """What checks found, a line each, with the field in front."""

    problems: list[str] = field(default_factory=list)
    """Lines about what a run would end with."""

    notes: list[str] = field(default_factory=list)
    """Lines about what stays open."""

    def look(self, check: Callable[[], T], at: str = "") -> T | None:
        """What *check* gives. Where it raises an `AtlasError`, that is kept as problems, and None is given.

        *at* is the field that goes in front of each line; left out: *check* names it.
        """
        front = f"{at}: " if at else ""
        try:
            return check()
        except InvalidManifest as error:
            self.problems += [front + problem for problem in error.problems]
        except AtlasError as error:
            self.problems.append(f"{front}{error}")
        return None

    def take(self, other: "Findings", at: str) -> None:
        """Take over what *other* holds about a part, with the field *at* in front."""
        self.problems += [f"{at}: {problem}" for problem in other.problems]
        self.notes += [f"{at}: {note}" for note in other.notes]
