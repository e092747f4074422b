"""
The split of a dataset: which rows are held out for evaluation.

Pure. A group of near-duplicate tasks (or a session) is held out when the hash of its name and
the seed is small: the order of the rows does not matter, and what is added later moves an old row only when it joins
two groups, or when all groups were on one side. Words with digits keep tasks apart: how many tasks on both sides differ
in nothing else is counted, for whoever reads what was measured.
"""

import hashlib
from collections.abc import Callable, Sequence

from atlas_api.errors import ZeroSteps
from atlas_api.training.traces import Split
from atlas_trainer.dataset.held_out.near_duplicates import group_near_duplicates, without_numbers
from atlas_trainer.dataset.rows import Row

_ONE = 1 << 64


def held_out(rows: Sequence[Row], split: Split) -> frozenset[int]:
    """Places in *rows* that are held out: about `split.eval` of the groups, at least one and never all.

    Raises `ZeroSteps` when all rows are one group, so that one side would stay empty.
    """
    if split.eval <= 0.0 or not rows:
        return frozenset()
    names = _tasks(rows) if split.by == "task" else [row.session_id for row in rows]
    places = {name: _place(name, split.seed) for name in names}
    if len(places) == 1:
        raise ZeroSteps(_one_group(len({row.session_id for row in rows}), split))
    chosen = {name for name, place in places.items() if place < split.eval * _ONE}
    chosen |= {min(places, key=lambda name: (places[name], name))}
    chosen -= {max(places, key=lambda name: (places[name], name))}
    return frozenset(index for index, name in enumerate(names) if name in chosen)


def alike(rows: Sequence[Row], outside: frozenset[int]) -> int:
    """How many rows held out (places *outside*) are about a task that is in training, but for its numbers.

    That is, the task would be a near-duplicate of a training task if all words with digits were the same word.
    """
    if not outside:
        return 0
    names = _tasks(rows, without_numbers)
    trained = {name for place, name in enumerate(names) if place not in outside}
    return sum(names[place] in trained for place in outside)


def _tasks(rows: Sequence[Row], form: Callable[[str], str] = str) -> list[str]:
    """Name of each row's group of near-duplicate tasks, compared in this form."""
    tasks = list(dict.fromkeys(row.task for row in rows))
    groups = dict(zip(tasks, group_near_duplicates([form(task) for task in tasks]), strict=True))
    return [groups[row.task] for row in rows]


def _place(name: str, seed: int) -> int:
    """A number below 2**64, drawn evenly by *name* and *seed*."""
    digest = hashlib.sha256(f"{seed}\n{name}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8])


def _one_group(sessions: int, split: Split) -> str:
    if split.by == "task" and sessions > 1:
        return (
            f"spec.traces.split: all {sessions} sessions are about nearly the same task, so no task can be held out; "
            "set split.by to session, set split.eval to 0, or widen spec.traces.filter"
        )
    return (
        "spec.traces.split: there is only one session, so none can be held out; "
        "set split.eval to 0 or widen spec.traces.filter"
    )
