"""`atlas-core score`: what judges and verifiers say of one completion, or of every line of a file. Trains nothing."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from atlas_api.errors import JudgeRefused, NothingScored, SourceUnreachable
from atlas_api.text import visible
from atlas_core.report.progress_bar import counting
from atlas_core.report.score_table import result_table
from atlas_core.report.scored_file import Record, ScoredFile, scored_file
from atlas_rewards import Item, ItemResult, RewardScorer
from atlas_rewards.bench.items_file import ItemLine, count_lines, read_items
from atlas_rewards.bench.ordered import items_at_once, ordered
from atlas_rewards.bench.refusals import Refusals
from atlas_rewards.causes import cause_of, refused, unanswered
from atlas_rewards.item import in_common
from atlas_rewards.wire import result_body

_SHOWN = 3
"""Malformed lines that are named, and causes of missing scores."""


@dataclass(slots=True)
class Cause:
    """Why results have no score."""

    example: str
    """`file:line: reasons` of the first."""

    count: int = 0


@dataclass(slots=True)
class Counts:
    """What became of the lines of a file."""

    kept: int = 0
    """Lines that are in the output already, from an earlier start."""

    scored: int = 0
    unscored: int = 0
    """Judges and verifiers were asked, and no score came of it."""

    unanswered: int = 0
    """Items of these that judges could not answer: the next start asks about them again."""

    causes: dict[str, Cause] = field(default_factory=dict)
    """Items of these, by cause."""

    malformed: list[str] = field(default_factory=list)
    """Lines that are no items, as `file:line: why`."""


def score_one(service: RewardScorer, item: Item, as_json: bool, console: Console) -> None:
    """Print the result of *item*, the reasons of what is missing in it included. Raises `SourceMissing` for keys.

    When it has no score, raises after that `JudgeRefused` where judges were refused, `SourceUnreachable` where they
    could not answer, else `NothingScored`.
    """
    try:
        with Console(stderr=True).status("asking the judges"):  # seen on a terminal only
            (result,) = service.score_sync([item])
    finally:
        service.close_sync()
    if as_json:
        _print_json(result_body(result), console)
    else:
        console.print(result_table(result, service.spec))
    if unanswered(result) and refused(result):
        raise JudgeRefused("judges were refused, for the reasons given; mend that, and the same command asks again")
    if unanswered(result):
        raise SourceUnreachable(
            "judges could not answer about the completion, for the reasons given;"
            " the same command asks again, once their endpoint answers"
        )
    if result.score is None:
        raise NothingScored(
            "the completion has no score, for the reasons given;"
            " name a model that answers judges as asked, or verifiers that apply"
        )


def score_file(service: RewardScorer, items: Path, output: Path, as_json: bool, console: Console) -> None:
    """Append a result to *output* for each line of *items*, in their order; those that are there are not asked again.

    A line that holds no item gets a result without a score. Lines that judges could not answer in an earlier start are
    asked about again. Raises `JudgeRefused` as soon as judges are refused, `SourceUnreachable` when lines without an
    answer remain, `NothingScored` when no item has a score.
    """
    total = count_lines(items)
    with scored_file(output, service.revision) as scored:
        counts = asyncio.run(_score_file(service, items, total, scored, console))
        kinds = scored.kinds
    if as_json:
        _print_json(asdict(counts), console)
    else:
        _tell(counts, output, console)
    if kinds["unanswered"]:
        raise SourceUnreachable(
            f"judges could not answer about {kinds['unanswered']:,} of {total:,} items;"
            f" the same command asks about these again, once their endpoint answers"
        )
    if not kinds["scored"]:
        raise NothingScored(
            f"no item of {items} got a score; {output} says why of each"
            if total
            else f"{items} holds no item; write one JSON object a line"
        )


async def _score_file(service: RewardScorer, items: Path, total: int, scored: ScoredFile, console: Console) -> Counts:
    counts, refusals = Counts(), Refusals(service.check)

    async def judged(group: Sequence[ItemLine]) -> list[ItemResult]:
        return await service.score([line.item for line in group if line.item is not None])

    async with service:
        missing = scored.missing(_groups(service, items))
        results = ordered(judged, missing, items_at_once(service.spec))
        with counting(console, "scoring", total) as show:
            async with aclosing(results):
                async for group, said in results:
                    whole = _with_malformed(group, said, service.revision)
                    for line, result in whole:
                        _count(counts, line, result, items.name)
                    scored.append([_record(line, result) for line, result in whole])
                    show(scored.lines)
                    await refusals.look(said)
    counts.kept = scored.lines - counts.scored - counts.unscored - len(counts.malformed)
    return counts


def _groups(service: RewardScorer, items: Path) -> Iterator[list[ItemLine]]:
    """What must be scored together: neighbours with the same prompt where judges compare, else every line alone."""
    lines = read_items(items)
    if all(judge.mode == "absolute" for judge in service.spec.judges):
        return ([line] for line in lines)
    return (list(group) for _, group in groupby(lines, key=_asked))


def _asked(line: ItemLine) -> object:
    item = line.item
    return line.number if item is None else in_common(item)


def _with_malformed(
    group: Sequence[ItemLine], said: Sequence[ItemResult], revision: str
) -> list[tuple[ItemLine, ItemResult]]:
    results = iter(said)
    return [
        (line, ItemResult(None, reasons=(line.problem,), revision=revision) if line.item is None else next(results))
        for line in group
    ]


def _record(line: ItemLine, result: ItemResult) -> Record:
    record = {"line": line.number, "item": line.digest} | result_body(result)
    if line.item is None:
        return record | {"malformed": True}
    return record | ({"unanswered": True} if unanswered(result) else {})


def _count(counts: Counts, line: ItemLine, result: ItemResult, name: str) -> None:
    if line.item is None:
        counts.malformed.append(f"{name}:{line.number}: {line.problem}")
    elif result.score is not None:
        counts.scored += 1
    else:
        counts.unscored += 1
        counts.unanswered += unanswered(result)
        example = f"{name}:{line.number}: {'; '.join(result.reasons)}"
        counts.causes.setdefault(cause_of(result), Cause(example)).count += 1


def _tell(counts: Counts, output: Path, console: Console) -> None:
    for line in counts.malformed[:_SHOWN]:
        console.print(Text(f"malformed: {visible(line)}"), soft_wrap=True)
    if len(counts.malformed) > _SHOWN:
        console.print(f"malformed: {len(counts.malformed) - _SHOWN} more")
    for name, cause in sorted(counts.causes.items(), key=lambda one: -one[1].count)[:_SHOWN]:
        console.print(Text(f"without a score: {cause.count} {name}, as {visible(cause.example)}"), soft_wrap=True)
    kept = f", {counts.kept} from an earlier start" if counts.kept else ""
    said = f"{counts.scored} scored, {counts.unscored} without a score, {len(counts.malformed)} malformed{kept}"
    console.print(Text(f"{output}: {said}"), soft_wrap=True)


def _print_json(value: Any, console: Console) -> None:
    console.print(json.dumps(value, indent=2), markup=False, highlight=False, soft_wrap=True)
