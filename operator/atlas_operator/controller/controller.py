"""Controller of a kind: all that the manager has to know of it. The room of the kind makes it, `main` hands it over."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from atlas_operator.cluster.document import Document, Key, Kind
from atlas_operator.controller.metrics import StateGauge


def _wakes_nobody(_key: Key, _document: Document) -> Iterable[Key]:
    return ()


def _forgets_nothing(_key: Key) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Controller:
    """One kind: which objects belong to it, how one is reconciled, and what a change of one means to others."""

    kind: Kind

    reconcile: Callable[[Key, datetime], Awaitable[float | None]]
    """Bring one object a step further, at this time; the seconds until the next look, None to wait for a change."""

    children: tuple[str, ...]
    """Kinds of its children that every API server knows: they are watched."""

    installed_children: tuple[str, ...]
    """Kinds of its children that come with an installation: they are watched where the API server knows them."""

    states: StateGauge
    """Number of objects of the kind by state."""

    state_of: Callable[[Document], str]
    """State that a document shows, for `states`."""

    wakes: Callable[[Key, Document], Iterable[Key]] = _wakes_nobody
    """Objects of other kinds to look at, now that this object is as its document says."""

    forget: Callable[[Key], None] = _forgets_nothing
    """An object was deleted: `wakes` need not remember it."""
