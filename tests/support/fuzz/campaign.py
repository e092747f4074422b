"""
Thousands of odd inputs in a process of their own, which may neither crash, nor hang, nor grow.

Each input is made from the seed and its own number alone, so that one that fails can be tried again by itself:

    FUZZ_SEED=7 FUZZ_CASE=123 pytest -m fuzz tests/fuzz/test_manifests.py
"""

import multiprocessing
import os
import random
import resource
import secrets
import signal
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from typing import Any

Attempt = Callable[[random.Random], str]
"""Makes one input, hands it to what is tried, and says in a word what came out. Whatever it raises is a fault."""

SECONDS = 20
"""Processor time that one input may take."""

GROWTH = 768 * 1024 * 1024
"""Bytes that the process may grow by."""

_PATIENCE = 600
"""Seconds after which a process that ends no input, and is not stopped by its timer either, is given up."""


class TooLong(BaseException):  # no Exception: what is tried catches those of its own checks
    """An input took more processor time than it may."""


def fuzz(what: str, attempt: Attempt, cases: int) -> Counter[str]:
    """Try *cases* inputs and print what came of them. Fails with the first fault, its number and its traceback."""
    seed = int(os.environ.get("FUZZ_SEED") or secrets.randbelow(2**32))
    one = os.environ.get("FUZZ_CASE")
    numbers = [int(one)] if one else range(int(os.environ.get("FUZZ_CASES") or cases))
    begun = time.monotonic()
    print(f"\n{what}: seed {seed}, {len(numbers)} inputs", flush=True)
    fault, counts, peak = _in_a_process(attempt, seed, numbers)
    rate = sum(counts.values()) / max(time.monotonic() - begun, 1e-9)
    outcomes = ", ".join(f"{count} {outcome}" for outcome, count in counts.most_common())
    print(f"{what}: {outcomes}; {rate:.0f} a second, +{peak // 2**20} MiB at most", flush=True)
    if fault:
        raise AssertionError(f"{what}: {fault}")
    return counts


def _in_a_process(attempt: Attempt, seed: int, numbers: Sequence[int]) -> tuple[str, Counter[str], int]:
    context = multiprocessing.get_context("fork")
    at = context.Value("q", -1)
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(attempt, seed, numbers, at, theirs))
    process.start()
    theirs.close()
    try:
        seen = -1
        while not ours.poll(_PATIENCE):
            if seen == at.value:
                return f"input {seen} of seed {seed} hangs", Counter(), 0
            seen = at.value
        result: tuple[str, Counter[str], int] = ours.recv()
    except EOFError:
        process.join()
        return f"input {at.value} of seed {seed} ended the process with {process.exitcode}", Counter(), 0
    else:
        return result
    finally:
        process.kill()
        process.join()


def _work(attempt: Attempt, seed: int, numbers: Sequence[int], at: "Synchronized[int]", results: Connection) -> None:
    signal.signal(signal.SIGPROF, _late)
    before = _peak()
    resource.setrlimit(resource.RLIMIT_AS, (_size() + GROWTH, resource.getrlimit(resource.RLIMIT_AS)[1]))
    counts: Counter[str] = Counter()
    fault = ""
    for number in numbers:
        at.value = number
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        try:
            counts[attempt(random.Random(f"{seed} {number}"))] += 1
        except BaseException:
            signal.setitimer(signal.ITIMER_PROF, 0)
            fault = f"input {number} of seed {seed} (FUZZ_SEED={seed} FUZZ_CASE={number}):\n{traceback.format_exc()}"
            break
        signal.setitimer(signal.ITIMER_PROF, 0)
    results.send((fault, counts, _peak() - before))


def _late(*_: Any) -> None:
    raise TooLong(f"more than {SECONDS} s of processor time")


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _size() -> int:
    """Bytes of address space that this process has now."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
