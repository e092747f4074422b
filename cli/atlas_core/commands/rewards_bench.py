"""
`atlas-core rewards bench`: how combinations of judges score recorded sessions, and how well they agree.

Models are asked once; what each combination would have said is computed from the same answers. Each completion is
scored on its own, in an order that a seed decides. Nothing is trained, and nothing is written outside the folder of
the report, except the judges' answers where the manifest names a file for them (`cache.path`).
"""

import asyncio
import json
from collections.abc import Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.text import Text

from atlas_api import AtlasError, InvalidManifest
from atlas_api.errors import NothingScored, SourceUnreachable
from atlas_api.extras import missing_package
from atlas_api.rewardservice.judging import Judging
from atlas_api.rewardservice.spec import RewardServiceSpec
from atlas_api.text import visible
from atlas_api.training.reward import Answer
from atlas_core.report.bench_plots import plots
from atlas_core.report.bench_report import markdown, table
from atlas_core.report.bench_result import Bench, BenchRow
from atlas_core.report.progress_bar import counting
from atlas_core.report.recorded_items import RecordedItem, recorded_items, traces_in
from atlas_rewards import Item, ItemResult, RewardScorer
from atlas_rewards.bench.judge_subsets import JudgeSubset, judge_subsets, subset_result
from atlas_rewards.bench.ordered import items_at_once, ordered
from atlas_rewards.bench.refusals import Refusals
from atlas_rewards.bench.score_statistics import summarise
from atlas_rewards.causes import unanswered
from atlas_rewards.configuration import load_configuration
from atlas_rewards.llm.client import LLMClient, LLMStatistics, llm_client_for
from atlas_rewards.wire import result_body
from atlas_trainer.storage.atomic_file import replace_text
from atlas_trainer.traces.session import Tally

AUDIT = "audit.jsonl"
REPORT = "report.md"


@dataclass(frozen=True, slots=True)
class _Heard:
    """Answers of all judges, in the order of the items."""

    results: list[ItemResult]
    asked: LLMStatistics


def bench(file: Path, traces: Path, out: Path, console: Console, *, wanted: Sequence[str] = (), seed: int = 0) -> None:
    """Score the sessions that *traces* names with the configuration *file*; report in the folder *out*.

    *wanted*: further combinations, as `accuracy+process`. Raises `AtlasError`: at once when judges are refused, after
    the report when it holds no score.
    """
    spec = load_configuration(file).spec
    combinations = judge_subsets(spec, wanted)
    tally = Tally()
    items = _recorded(traces, seed, tally, spec.answer)
    _make_folder(out)
    heard = asyncio.run(_hear(spec, items, console))
    rewards = [item.reward for item in items]
    results = {one.name: [subset_result(spec, result, one) for result in heard.results] for one in combinations}
    rows = [BenchRow(one, summarise(results[one.name], rewards)) for one in combinations]
    told = Bench(rows, results, rewards, heard.asked, heard.results[0].revision, seed, tally.dropped)
    replace_text(out / AUDIT, "".join(_audit(items, combinations, results)))
    for name, svg in plots(told).items():
        replace_text(out / name, svg)
    replace_text(out / REPORT, markdown(told))
    console.print(table(told))
    console.print(Text(f"report: {out / REPORT}   every score: {out / AUDIT}"), soft_wrap=True)
    if all(result.score is None for said in results.values() for result in said):
        raise _no_score(heard.results)


def _no_score(results: Sequence[ItemResult]) -> AtlasError:
    why = f"no item has a score; of the first: {visible('; '.join(results[0].reasons))}"
    return SourceUnreachable(why) if any(map(unanswered, results)) else NothingScored(why)


def _recorded(traces: Path, seed: int, tally: Tally, answer: Answer) -> list[RecordedItem]:
    """Databases, object stores and some kinds of compression need what the extra `rewards` does not bring."""
    try:
        return recorded_items(traces_in(traces), seed, tally, answer)
    except ModuleNotFoundError as missing:
        told = missing_package(missing, "reading it", "rewards")
        raise InvalidManifest([f"--traces {traces}: {told}"]) from None


async def _hear(spec: RewardServiceSpec, items: Sequence[RecordedItem], console: Console) -> _Heard:
    clients: list[LLMClient] = []

    def open_client(judging: Judging, revision: str) -> LLMClient:
        clients.append(llm_client_for(judging, revision))
        return clients[-1]

    service = RewardScorer(spec, open_client)
    refusals = Refusals(service.check)

    async def judged(item: Item) -> ItemResult:
        return (await service.score([item]))[0]

    results: list[ItemResult] = []
    scored = ordered(judged, (one.item for one in items), items_at_once(spec))
    async with service, aclosing(scored):
        with counting(console, "judging", len(items)) as show:
            async for _, result in scored:
                results.append(result)
                show(len(results))
                await refusals.look([result])
        return _Heard(results, clients[0].statistics())


def _audit(
    items: Sequence[RecordedItem], combinations: Sequence[JudgeSubset], results: dict[str, list[ItemResult]]
) -> Iterator[str]:
    """One line an item and combination: what was judged, what was recorded, what each judge said."""
    for place, recorded in enumerate(items):
        shown = {
            "session": recorded.session,
            "prompt": list(recorded.item.prompt),
            "completion": recorded.item.completion,
            "reference": recorded.item.reference,
            "recordedReward": recorded.reward,
        }
        for combination in combinations:
            said = result_body(results[combination.name][place])
            yield json.dumps({"combination": combination.name, **shown, **said}) + "\n"


def _make_folder(out: Path) -> None:
    """Make the output folder before anybody is asked: an answer that cannot be kept is money lost."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / AUDIT).open("a").close()
    except OSError as error:
        raise InvalidManifest([f"--output {out}: cannot be written: {error.strerror}"]) from None
