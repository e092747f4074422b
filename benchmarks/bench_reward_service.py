"""
What the scoring service adds to the judges: latency against a bare Starlette endpoint, and memory over many items.

    python benchmarks/bench_reward_service.py

Judges are instant and live in the service's process, so that nothing is measured but the service. Both servers run, and
take turns of a second each under the same load, so that what else the machine does hits both: requests at fixed times,
whatever became of those before them, so that a server that stalls is not spared. The bare endpoint reads the same body
as JSON and answers as many bytes.
"""

import argparse
import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median

import aiohttp

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from support.rewardservice.instant_source import instant_source
from support.rewardservice.served import service_manifest, write_manifest

ANSWER = "x" * 1500
SECONDS = 30
RATE = 200


def main() -> None:
    """Measure and print the figures. Exits with 1 when the service is too slow or grows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=SECONDS, help=f"of load on each server ({SECONDS})")
    parser.add_argument("--rate", type=int, default=RATE, help=f"requests a second ({RATE})")
    parser.add_argument("--items", type=int, default=100_000, help="items for the memory's sake (100000)")
    parser.add_argument("--serve", choices=("service", "bare"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(given.serve)
        return
    sys.exit(asyncio.run(measure(given.seconds, given.rate, given.items)))


def serve(which: str) -> None:
    """Be one of the servers; its first line of output is the address."""
    from atlas_rewards.server.server import listen
    from atlas_rewards.server.server import serve as serve_rewards

    listening = listen("127.0.0.1", 0)
    print(listening.getsockname()[1], flush=True)
    if which == "bare":
        bare(listening)
        return
    with tempfile.TemporaryDirectory() as folder:
        config = write_manifest(Path(folder, "service.yaml"), service_manifest("http://127.0.0.1:9/v1"))
        asyncio.run(serve_rewards(config, listening, {}, instant_source))


def bare(listening: socket.socket) -> None:
    """A Starlette endpoint that does as little as it can."""
    import uvicorn
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    async def score(request: Request) -> Response:
        await request.json()
        return Response(ANSWER, media_type="application/json")

    app = Starlette(routes=[Route("/v1/score", score, methods=["POST"])])
    settings = uvicorn.Config(
        app, loop="asyncio", http="httptools", lifespan="off", access_log=False, log_level="error"
    )
    uvicorn.Server(settings).run([listening])


@asynccontextmanager
async def server(which: str) -> AsyncIterator[tuple[str, int]]:
    """Address and process id of a running server."""
    process = subprocess.Popen(
        [sys.executable, __file__, "--serve", which], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout is not None
    try:
        port = int(process.stdout.readline())
        url = f"http://127.0.0.1:{port}/v1/score"
        async with aiohttp.ClientSession() as session, session.post(url, data=body(0, 1)) as answer:
            assert answer.status == 200
        yield url, process.pid
    finally:
        process.terminate()
        process.wait()


def body(number: int, items: int) -> bytes:
    """A request of *items* different items."""
    texts = [
        f"The answer to question {number} is {number + index}, because " + "so it is, " * 40 for index in range(items)
    ]
    return json.dumps({"items": [{"prompt": "What is it?", "completion": text} for text in texts]}).encode()


async def load(url: str, rate: int) -> list[float]:
    """Latency of each request of one second, in seconds, from the moment at which it was due."""
    latencies: list[float] = []

    async def one(session: aiohttp.ClientSession, due: float, number: int) -> None:
        await asyncio.sleep(due - time.perf_counter())
        async with session.post(url, data=body(number, 1)) as answer:
            await answer.read()
            assert answer.status == 200
        latencies.append(time.perf_counter() - due)

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        began = time.perf_counter() + 0.1
        await asyncio.gather(*(one(session, began + n / rate, n) for n in range(rate)))
    return latencies


async def memory(url: str, process: int, items: int) -> list[float]:
    """Resident megabytes of *process* after each tenth of *items*, sent in batches of 100."""
    sizes = []
    async with aiohttp.ClientSession() as session:
        for tenth in range(10):
            for batch in range(items // 1000):
                async with session.post(url, data=body(tenth * items + batch, 100)) as answer:
                    await answer.read()
                    assert answer.status == 200
            sizes.append(resident(process))
    return sizes


def resident(process: int) -> float:
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def processor(process: int) -> float:
    """Seconds of processor time that *process* has used."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def percentile(values: Sequence[float], percent: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * percent / 100))]


async def measure(seconds: int, rate: int, items: int) -> int:
    """Print the figures. The exit code."""
    found: dict[str, list[float]] = {"bare": [], "service": []}
    p99s: dict[str, list[float]] = {"bare": [], "service": []}
    async with server("bare") as (bare_url, bare_process), server("service") as (service_url, service_process):
        before = {"bare": processor(bare_process), "service": processor(service_process)}
        turns = [("bare", bare_url), ("service", service_url)]
        for _ in range(int(seconds)):
            for which, url in turns:
                found[which] += (latencies := await load(url, rate))
                p99s[which].append(percentile(latencies, 99))
            turns.reverse()
        used = {"bare": processor(bare_process), "service": processor(service_process)}
    async with server("service") as (url, process):
        sizes = await memory(url, process, items)
    print(f"{rate} requests a second, {seconds} s each:")
    for which, latencies in found.items():
        shown = ", ".join(f"p{percent} {percentile(latencies, percent) * 1000:.2f} ms" for percent in (50, 90, 99))
        cost = (used[which] - before[which]) / len(latencies) * 1000
        print(f"  {which:8} {shown}, {cost:.2f} ms of processor a request")
    bare_p99, service_p99 = (percentile(found[which], 99) for which in ("bare", "service"))
    added = (service_p99 - bare_p99) * 1000
    print(f"  added at p99: {added:.2f} ms, {service_p99 / bare_p99:.2f} times the bare endpoint")
    usual = median(ours - theirs for ours, theirs in zip(p99s["service"], p99s["bare"], strict=True)) * 1000
    print(f"  added at p99 in the median pair of seconds: {usual:.2f} ms")
    print(f"memory over {items} items: {', '.join(f'{size:.1f}' for size in sizes)} MB")
    grown = sizes[-1] / sizes[0]
    print(f"  last tenth against first: {grown:.3f} times")
    return int(added >= 10 or grown > 1.05)


if __name__ == "__main__":
    main()
