"""How rows were held out, in words: what a held-out figure is worth depends on it. Pure."""

from atlas_api.training.status import DatasetStatus
from atlas_api.training.traces import Split

_BY = {
    "task": "all rows of near-identical tasks are on one side. Tasks are near-identical when they have the same words, "
    "or differ in one; words with digits always count",
    "session": "all rows of a session are on one side; the same task may be on both",
}


def held_out_text(dataset: DatasetStatus, split: Split) -> str:
    """What is held out and by which rule, and how like the training tasks it is. Empty when nothing is."""
    if not dataset.held_out or dataset.rows is None:
        return ""
    told = f"{dataset.held_out:,} of {dataset.rows:,} rows, by {split.by}: {_BY[split.by]}."
    if dataset.held_out_alike:
        told += f" But for their numbers, {dataset.held_out_alike:,} of the {dataset.held_out:,} are near-identical to "
        told += "training tasks: a gain on those shows that the form was learnt, not that other tasks are solved."
    return told
