"""
How much of the time that judges need is spent waiting for them, and what becomes of items when judges fail.

    make bench-judges

The judge is a fake in a process of its own (`tests/support/scripted_judge.py`) that takes 0.2 s for an answer; the
ensemble is the real one, over real HTTP. Three measurements, each printed as a Markdown table for RESULTS.md:

* 8 items x 4 judges x 3 temperatures with room for all calls at once. Ideal: 0.2 s. For comparison a bare HTTP client
  sends as many requests of the same size in the same run: what is missing from the ideal there is Python's and the
  machine's share, not ours.
* 1,000 items with at most 64 calls in flight. Ideal: 12,000 x 0.2 s / 64.
* Items while 10 % of the calls fail, 5 % hang and 5 % answer garbage: how they ended, and when.
"""

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import aiohttp

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from support.judge_process import counts, judge_process

from atlas_api import parse
from atlas_api.rewardservice import RewardServiceSpec
from atlas_rewards.item import Item
from atlas_rewards.result import ItemResult
from atlas_rewards.reward_service import RewardService

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
    """Different items of the size of a support case, with about 600 tokens."""
    trace = "The agent looks up the order, compares it with the invoice and finds the difference. " * 10
    return [
        Item(
            completion=f"{name} {number}: the invoice lists two items, the order one. Refund the second.",
            reference="Refund the second item.",
            prompt=({"role": "user", "content": f"Case {number}: {trace}"},),
            plan="Compare order and invoice.",
            student_trace=trace,
        )
        for number in range(count)
    ]


async def measured(settings: RewardServiceSpec, batches: Sequence[list[Item]]) -> list[float]:
    """Seconds for each batch, after one that opens the connections."""
    async with RewardService.from_spec(settings) as service:
        await service.score(items(8, "warming up"))
        seconds = []
        for batch in batches:
            began = time.perf_counter()
            results = await service.score(batch)
            seconds.append(time.perf_counter() - began)
            assert all(result.score is not None for result in results)
    return seconds


async def bare(base_url: str, calls: int, rounds: int) -> list[float]:
    """Seconds for as many requests of the same size at once by nothing but an HTTP client."""
    text = "x" * 4000
    body = json.dumps({"model": "scripted", "messages": [{"role": "user", "content": text}]}).encode()

    async def call(session: aiohttp.ClientSession) -> None:
        async with session.post(f"{base_url}/chat/completions", data=body) as response:
            json.loads(await response.read())

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        seconds = []
        for _ in range(rounds + 1):
            began = time.perf_counter()
            await asyncio.gather(*(call(session) for _ in range(calls)))
            seconds.append(time.perf_counter() - began)
    return seconds[1:]


def burst(rounds: int) -> float:
    """All calls of 8 items at once. Returns our share of the ideal."""
    calls = 8 * CALLS_AN_ITEM
    with judge_process(latency=LATENCY) as base_url:
        batches = [items(8, f"round {number}") for number in range(rounds)]
        ours = asyncio.run(measured(spec(base_url, concurrency=calls), batches))
        most = counts(base_url)["most_in_flight"]
    with judge_process(latency=LATENCY) as base_url:
        client = asyncio.run(bare(base_url, calls, rounds))
    print(f"\n8 items x 4 judges x 3 temperatures, {calls} calls at once, {rounds} rounds\n")
    print("| | best s | median s | share of the ideal (best, median) | most in flight |\n|---|---|---|---|---|")
    for name, seconds, seen in (("ensemble", ours, str(most)), ("bare HTTP client", client, "")):
        shares = f"{LATENCY / min(seconds):.1%}, {LATENCY / median(seconds):.1%}"
        print(f"| {name} | {min(seconds):.3f} | {median(seconds):.3f} | {shares} | {seen} |")
    return LATENCY / median(ours)


def many(count: int, concurrency: int) -> float:
    """Many items under a limit. Returns our share of the ideal."""
    with judge_process(latency=LATENCY) as base_url:
        settings = spec(base_url, concurrency, timeouts={"callSeconds": 30, "totalSeconds": 3600})
        seconds = asyncio.run(measured(settings, [items(count, "many")]))[0]
        most = counts(base_url)["most_in_flight"]
    ideal = count * CALLS_AN_ITEM * LATENCY / concurrency
    print(f"\n{count:,} items, {count * CALLS_AN_ITEM:,} calls, at most {concurrency} in flight\n")
    print("| ideal s | seconds | share of the ideal | most in flight |\n|---|---|---|---|")
    print(f"| {ideal:.1f} | {seconds:.1f} | {ideal / seconds:.1%} | {most} |")
    return ideal / seconds


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
    print(f"| {scored} | {len(null)} | {silent} | {missing} | {called} | {slowest:.2f} |")
    for reason, times in Counter(reason for result in null for reason in result.reasons).most_common(10):
        print(f"- {times} x {reason[:200]}")
    return all(result.reasons for result in null) and slowest <= total_seconds + 1


async def _scored(settings: RewardServiceSpec, count: int) -> list[ItemResult]:
    async with RewardService.from_spec(settings) as service:
        return await service.score(items(count, "faults"))


def main() -> int:
    """Measure everything. Returns 1 when many items miss the target or an item was left without an end."""
    parser = argparse.ArgumentParser(description="Judges: concurrency and faults.")
    parser.add_argument("--rounds", type=int, default=20, help="of 96 calls at once (default 20)")
    parser.add_argument("--items", type=int, default=1000, help="under the limit of 64 calls (default 1000)")
    parser.add_argument("--faults", type=int, default=200, help="items while judges fail (default 200)")
    parser.add_argument("--deadline", type=float, default=30.0, help="of those items, in seconds (default 30)")
    arguments = parser.parse_args()
    burst(arguments.rounds)
    share = many(arguments.items, 64)
    honest = faults(arguments.faults, arguments.deadline)
    return 0 if share >= TARGET and honest else 1


if __name__ == "__main__":
    sys.exit(main())
