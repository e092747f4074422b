"""Tells the operator how the judges answer, where there is one."""

import asyncio
from collections.abc import Callable

from atlas_api.pods.cluster_report import ClusterReport
from atlas_api.rewardservice.status import JudgesReport

SECONDS = 10.0


async def keep_reporting(sink: ClusterReport, report: Callable[[], JudgesReport], seconds: float = SECONDS) -> None:
    """Send what *report* says whenever it has changed, at most once in *seconds*, until cancelled."""
    sent: JudgesReport | None = None
    while True:
        now = report()
        if now != sent:
            sink.send(now)
            sent = now
        await asyncio.sleep(seconds)
