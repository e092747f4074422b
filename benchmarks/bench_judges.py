"""
How much of the time that judges need is spent waiting for them, and what becomes of items when judges fail.

    make bench-rewards

The judge is a fake in a process of its own (`tests/support/judges/scripted_judge.py`): 0.2 s an answer; the
ensemble is the real one, over real HTTP. Three measurements, each printed as a Markdown table for RESULTS.md:

* 8 items x 4 judges x 3 temperatures with room for all 96 calls at once. Ideal: 96 calls in flight, and 0.2 s in all.
  In turn with it, a bare HTTP client sends as many requests of the same size: the time that it takes beyond 0.2 s is
  the share of Python, the client and the machine; what we take beyond the client is ours.
* 1,000 items with at most 64 calls in flight. Ideal: 12,000 x 0.2 s / 64.
* Items while 10 % of the calls fail, 5 % hang and 5 % answer garbage: how they ended, and when.

It ends with 1 when fewer than 95 % of the 96 calls were in flight together, when 1,000 items took more time than 95 %
of the ideal allows, or when an item was left without an honest end.
"""

import argparse
import asyncio
import json
import resource
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import aiohttp

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from support.judges.judge_process import counts, judge_process

from atlas_api import parse
from atlas_api.rewardservice.spec import RewardServiceSpec
from atlas_api.scoring import ItemResult
from atlas_rewards.item import Item
from atlas_rewards.scorer import RewardScorer

LATENCY = 0.2
JUDGES = ("accuracy", "helpfulness", "process", "diagnostic")
CALLS_AN_ITEM = len(JUDGES) * 3
TARGET = 0.95


def spec(base_url: str, concurrency: int, **fields: Any) -> RewardServiceSpec:
    """Four judges at three temperatures; no large model, so that the number of calls is known."""
    judges = [{"name": name, "rubric": name} for name in JUDGES]
    models = {"small": {"model": "scripted", "baseUrl": base_url}}
    return parse(RewardServiceSpec, {"judges": judges, "models": models, "concurrency": concurrency, **fields})


def items(count: int, name: str) -> list[Item]:
    """Items of the size of a support case, with about 600 tokens. No judge sees the same twice: nothing is cached."""
    trace = "The agent looks up the order, compares it with the invoice and finds the difference. " * 10
    return [
        Item(
            completion="The invoice lists two items, the order one. Refund the second.",
            reference="Refund the second item.",
            prompt=({"role": "user", "content": f"{name}, case {number}: {trace}"},),
            plan="Compare order and invoice.",
            student_trace=trace,
        )
        for number in range(count)
    ]


@dataclass
class Rounds:
    """What one of the two took for as many calls, a round each."""

    seconds: list[float] = field(default_factory=list)
    cpu_seconds: list[float] = field(default_factory=list)
    """CPU time of this process, the fake judge not included."""

    in_flight: list[float] = field(default_factory=list)
    """Calls that the judge was at, on average over the round."""

    async def add(self, base_url: str, calls: int, work: Callable[[], Awaitable[object]]) -> None:
        """One round of *work*, which makes *calls*."""
        before, cpu, began = counts(base_url), time.process_time(), time.perf_counter()
        await work()
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
        after = counts(base_url)
        made = after["count"] - before["count"]
        if made != calls:
            raise AssertionError(f"{made:g} calls were made instead of {calls}")
        self.seconds.append(seconds)
        self.cpu_seconds.append(cpu)
        self.in_flight.append((after["busy_seconds"] - before["busy_seconds"]) / seconds)

    def row(self, name: str) -> str:
        shares = f"{LATENCY / min(self.seconds):.1%}, {LATENCY / median(self.seconds):.1%}"
        times = f"{min(self.seconds):.4f} | {median(self.seconds):.4f} | {shares}"
        return f"| {name} | {times} | {median(self.in_flight):.1f} | {median(self.cpu_seconds) * 1000:.1f} |"


async def side_by_side(base_url: str, rounds: int) -> tuple[Rounds, Rounds, float]:
    """The ensemble and a bare client in turn, so that both see the same machine; the first round is not counted.

    Also the most calls of the ensemble that were in flight together.
    """
    calls = 8 * CALLS_AN_ITEM
    body = json.dumps({"model": "scripted", "messages": [{"role": "user", "content": "x" * 4000}]}).encode()
    ours, bare, together = Rounds(), Rounds(), 0.0

    async def call(session: aiohttp.ClientSession) -> None:
        async with session.post(f"{base_url}/chat/completions", data=body) as response:
            json.loads(await response.read())

    async with (
        RewardScorer(spec(base_url, concurrency=calls)) as service,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session,
    ):
        for number in range(rounds + 1):
            batch = items(8, f"round {number}")
            await ours.add(base_url, calls, lambda batch=batch: service.score(batch))  # type: ignore[misc]
            together = together or counts(base_url)["most_in_flight"]
            await bare.add(base_url, calls, lambda: asyncio.gather(*(call(session) for _ in range(calls))))
            if number == 0:
                ours, bare = Rounds(), Rounds()
    return ours, bare, together


def burst(rounds: int) -> float:
    """All calls of 8 items at once. Returns the share of them that were in flight together."""
    calls = 8 * CALLS_AN_ITEM
    with judge_process(latency=LATENCY, score=0.7) as base_url:
        ours, bare, together = asyncio.run(side_by_side(base_url, rounds))
    relative = median(bare.seconds) / median(ours.seconds)
    print(f"\n8 items x 4 judges x 3 temperatures, {calls} calls at once, {rounds} rounds each, in turn\n")
    print("| | best s | median s | share of 0.2 s (best, median) | in flight on average | CPU ms |")
    print("|---" * 6 + "|")
    print(ours.row("ensemble"))
    print(bare.row("bare HTTP client"))
    print(
        f"\n{together:g} of {calls} calls were in flight together; {relative:.1%} of the bare client's speed (medians)."
    )
    return together / calls


def many(count: int, concurrency: int) -> float:
    """Many items under a limit. Returns our share of the ideal."""
    with judge_process(latency=LATENCY, score=0.7) as base_url:
        settings = spec(base_url, concurrency, timeouts={"callSeconds": 30, "totalSeconds": 3600})
        seconds, megabytes = asyncio.run(_many(settings, count))
        counted = counts(base_url)
    ideal = count * CALLS_AN_ITEM * LATENCY / concurrency
    print(f"\n{count:,} items, {count * CALLS_AN_ITEM:,} calls, at most {concurrency} in flight\n")
    print("| ideal s | seconds | share of the ideal | most in flight | MB that memory grew by at its peak |")
    print("|---" * 5 + "|")
    print(f"| {ideal:.1f} | {seconds:.1f} | {ideal / seconds:.1%} | {counted['most_in_flight']:g} | {megabytes:.0f} |")
    return ideal / seconds


async def _many(settings: RewardServiceSpec, count: int) -> tuple[float, float]:
    """Seconds, and how much the peak of this process's memory grew, in MB, results and remembered answers included."""
    async with RewardScorer(settings) as service:
        await service.score(items(8, "warming up"))
        batch, before, began = items(count, "many"), _peak(), time.perf_counter()
        results = await service.score(batch)
        seconds, grown = time.perf_counter() - began, _peak() - before
    assert all(result.score is not None for result in results)
    return seconds, grown


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def faults(count: int, total_seconds: float) -> bool:
    """Items while the judge fails. Returns whether each ended in time, with a score or a reason."""
    with judge_process(latency=LATENCY, errors=0.1, hangs=0.05, garbage=0.05) as base_url:
        settings = spec(
            base_url,
            concurrency=64,
            timeouts={"callSeconds": 1, "totalSeconds": total_seconds},
            retries={"attempts": 4, "baseSeconds": 0.1},
        )
        results = asyncio.run(_scored(settings, count))
        called = counts(base_url)["count"]
    slowest = max(result.seconds for result in results)
    null = [result for result in results if result.score is None]
    samples = [len(judge.samples) for result in results for judge in result.judges]
    print(f"\n{count:,} items, deadline {total_seconds:g} s; 10 % errors, 5 % hangs, 5 % garbage\n")
    print(
        "| scored | null | judges without verdict | samples missing | calls made | slowest item s |\n"
        + "|---" * 6
        + "|"
    )
    missing = sum(3 - held for held in samples)
    silent = sum(judge.score is None for result in results for judge in result.judges)
    scored = count - len(null)
    print(f"| {scored} | {len(null)} | {silent} | {missing} | {called:g} | {slowest:.2f} |")
    for reason, times in Counter(reason for result in null for reason in result.reasons).most_common(10):
        print(f"- {times} x {reason[:200]}")
    return all(result.reasons for result in null) and slowest <= total_seconds + 1


async def _scored(settings: RewardServiceSpec, count: int) -> list[ItemResult]:
    async with RewardScorer(settings) as service:
        return await service.score(items(count, "faults"))


def main() -> int:
    """Measure concurrency and faults. Returns 1 when a target is missed."""
    parser = argparse.ArgumentParser(description="Judges: concurrency and faults.")
    parser.add_argument("--rounds", type=int, default=20, help="of 96 calls at once (default 20)")
    parser.add_argument("--items", type=int, default=1000, help="under the limit of 64 calls (default 1000)")
    parser.add_argument("--faults", type=int, default=200, help="items while judges fail (default 200)")
    parser.add_argument("--deadline", type=float, default=30.0, help="of those items, in seconds (default 30)")
    arguments = parser.parse_args()
    together = burst(arguments.rounds)
    share = many(arguments.items, 64)
    honest = faults(arguments.faults, arguments.deadline)
    missed = {
        f"less than {TARGET:.0%} of the burst's calls were in flight together": together < TARGET,
        f"many items have less than {TARGET:.0%} of the ideal": share < TARGET,
        "an item had no honest end in time": not honest,
    }
    for words in (words for words, is_so in missed.items() if is_so):
        print(f"\nMissed: {words}.")
    return int(any(missed.values()))


if __name__ == "__main__":
    sys.exit(main())
