"""
The operator's decisions over many generated histories: every rule that always holds is checked at every look.

    python benchmarks/bench_plan.py --histories 100000

A history is up to 40 actions of user, cluster, trainer, clock and operator, chosen by hypothesis
(`tests/support/training/histories.py`), then rest. The same seed gives the same histories. Prints what was reached, and
fails when something that must occur did not, or when a rule was broken: then with the shortest history that breaks it.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import get_args

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from support.training.histories import Tally, check_histories

from atlas_api import AtlasTrainingSpec
from atlas_api.training.status import Outcome, Phase, StopReason, Trigger
from atlas_operator.cluster.decode import read_spec_as

CHUNK = 500
"""Histories of one seed: hypothesis remembers all that it has tried, in order to try something else."""

LONGEST = 40


def main() -> None:
    """Generate, check, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--histories", type=int, default=100_000, help="at least how many (100000)")
    parser.add_argument("--seed", type=int, default=0, help="the first seed (0)")
    processes = len(os.sched_getaffinity(0))
    parser.add_argument("--processes", type=int, default=processes, help=f"how many work ({processes})")
    given = parser.parse_args()
    began, total = time.perf_counter(), Tally()
    for part in parts(given.seed, given.histories, given.processes):
        total.add(part)
        seconds = time.perf_counter() - began
        print(f"\r{total.histories:,} of {given.histories:,} histories, {seconds:.0f} s", end="", file=sys.stderr)
    print(file=sys.stderr)
    seconds = time.perf_counter() - began
    print(f"{total.histories:,} histories, {total.actions:,} actions, {total.looks:,} looks, {seconds:.0f} s\n")
    print("| reached | times |\n|---|---|")
    for name, times in sorted(total.reached.items()):
        print(f"| {name} | {times:,} |")
    if missing := [name for name in wanted() if not total.reached[name]]:
        sys.exit("\n".join(f"never reached: {name}" for name in missing))


def parts(seed: int, histories: int, processes: int) -> Iterator[Tally]:
    """Tallies, as they come."""
    chunks = -(-histories // CHUNK)
    with ProcessPoolExecutor(processes) as pool:
        waiting = [pool.submit(checked, number) for number in range(seed, seed + chunks)]
        try:
            for done in as_completed(waiting):
                yield done.result()
        except Exception as error:
            sys.exit("\n".join([f"{type(error).__name__}: {error}", *getattr(error, "__notes__", ())]))
        finally:
            pool.shutdown(cancel_futures=True)


def checked(seed: int) -> Tally:
    """The histories of a seed. Raises what a broken rule does."""
    # Reading an invalid spec raises Python's recursion limit, which must not happen while hypothesis watches it.
    read_spec_as(AtlasTrainingSpec, {"spec": {}})
    return check_histories(CHUNK, seed, LONGEST)


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
