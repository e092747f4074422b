"""
The operator's decisions over many generated histories: every rule that always holds is checked at every look.

    python benchmarks/bench_plan.py --histories 100000

A history is up to 40 random actions of user, cluster, trainer, clock and operator (`tests/support/world_actions.py`),
then rest. The same seeds give the same histories. Prints what was reached, and fails when something that must occur
did not, or when a rule was broken: then with the seed and the actions.
"""

import argparse
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from support.world_actions import ACTIONS, OFTEN, act, begin

from atlas_api.status import Outcome, Phase, StopReason, Trigger

CHUNK = 250
LONGEST = 40
NAMES = (*ACTIONS, *OFTEN * 5, *("resume", "repair", "report", "wait") * 2)


@dataclass
class Result:
    """What some histories came to."""

    histories: int = 0
    actions: int = 0
    looks: int = 0
    reached: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)

    def add(self, other: "Result") -> None:
        """Count another part."""
        self.histories += other.histories
        self.actions += other.actions
        self.looks += other.looks
        self.reached += other.reached
        self.broken += other.broken


def main() -> None:
    """Generate, check, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--histories", type=int, default=100_000, help="how many (100000)")
    parser.add_argument("--seed", type=int, default=0, help="the first seed (0)")
    processes = len(os.sched_getaffinity(0))
    parser.add_argument("--processes", type=int, default=processes, help=f"how many work ({processes})")
    given = parser.parse_args()
    began, total = time.perf_counter(), Result()
    for part in results(given.seed, given.histories, given.processes):
        total.add(part)
        seconds = time.perf_counter() - began
        print(f"\r{total.histories:,} of {given.histories:,} histories, {seconds:.0f} s", end="", file=sys.stderr)
        if total.broken:
            break
    print(file=sys.stderr)
    seconds = time.perf_counter() - began
    print(f"{total.histories:,} histories, {total.actions:,} actions, {total.looks:,} looks, {seconds:.0f} s\n")
    print("| reached | times |\n|---|---|")
    for name, times in sorted(total.reached.items()):
        print(f"| {name} | {times:,} |")
    missing = [name for name in wanted() if not total.reached[name]]
    if total.broken or missing:
        sys.exit("\n".join([*total.broken[:3], *(f"never reached: {name}" for name in missing)]))


def results(seed: int, histories: int, processes: int) -> Iterator[Result]:
    """Parts, as they come."""
    starts = range(seed, seed + histories, CHUNK)
    with ProcessPoolExecutor(processes) as pool:
        waiting = [pool.submit(some, start, min(start + CHUNK, seed + histories)) for start in starts]
        try:
            for done in as_completed(waiting):
                yield done.result()
        finally:
            pool.shutdown(cancel_futures=True)


def some(first: int, last: int) -> Result:
    """The histories with these seeds."""
    result = Result()
    for seed in range(first, last):
        one(seed, result)
    return result


def one(seed: int, result: Result) -> None:
    """One history. A broken rule is told with what led to it."""
    chance = random.Random(seed)
    chosen = [(chance.choice(NAMES), chance.randrange(8)) for _ in range(chance.randrange(5, LONGEST))]
    story, done = begin(), 0
    try:
        for name, pick in chosen:
            done += 1
            act(story, name, pick)
        story.operator.come_to_rest()
    except Exception as error:  # whatever it is: the seed tells how it came about
        led = ", ".join(f"{name} {pick}" for name, pick in chosen[:done])
        result.broken.append(f"seed {seed}: {type(error).__name__}: {error}\n  after: {led}")
    result.histories += 1
    result.actions += done
    result.looks += story.operator.looks
    result.reached += story.operator.reached


def wanted() -> Iterator[str]:
    """What has to occur: all that the API can say, but for how a run ends without a cluster."""
    yield from (f"trigger {name}" for name in get_args(Trigger))
    yield from (f"stop {name}" for name in get_args(StopReason))
    yield from (f"outcome {name}" for name in get_args(Outcome))
    yield from (f"phase {name}" for name in get_args(Phase) if name != "Interrupted")
    yield "LastRunSucceeded False RewardServiceTimeout"
    yield from (f"rest {name}" for name in ("Succeeded", "Failed", "Suspended", "Invalid"))


if __name__ == "__main__":
    main()
