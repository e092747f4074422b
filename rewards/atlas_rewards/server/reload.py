"""
Watches the configuration file, and the secret files that it names, and makes what they hold take effect.

Mounted ConfigMaps are replaced by swapping links, which file notifications miss: the content is compared every half
second, and taken when two looks agree, so that a file that is just being written is left alone.
"""

import asyncio
import logging
from datetime import UTC, datetime
from pathlib import Path

from atlas_api.errors import AtlasError, InvalidManifest
from atlas_api.rewardservice.spec import RewardServiceSpec
from atlas_rewards.configuration import load_configuration
from atlas_rewards.server.generation import Generations
from atlas_rewards.server.metrics import Metrics
from atlas_rewards.server.secret_files import fingerprint, secret_files

LOOK_SECONDS = 0.5

_log = logging.getLogger(__name__)


class Reload:
    """Keeps *generations* at what *file* says."""

    def __init__(self, file: Path, generations: Generations, metrics: Metrics) -> None:
        self.refused: tuple[str, ...] = ()
        """What is wrong with the newest content; empty when it is in use."""

        self.refused_at: datetime | None = None
        self._file = file
        self._generations = generations
        self._metrics = metrics
        self._wanted: tuple[Path, ...] = ()
        """Secret files that the newest content names, which may not be in use."""

        self._taken = ""

    async def begin(self) -> None:
        """Take the configuration for the first time. Raises AtlasError."""
        self._taken = fingerprint((self._file,))
        await self._generations.begin(await self._load())

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        before = self._taken
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            now = await asyncio.to_thread(self._look)
            if now == before and now != self._taken:
                # Not what is there after taking it: that may be newer, and the secret files may be others.
                self._taken = now
                await self._try()
            before = now

    async def _try(self) -> None:
        try:
            changed = await self._take()
        except AtlasError as error:
            self._refuse(tuple(error.problems) if isinstance(error, InvalidManifest) else (str(error),))
            await self._renew()
        else:
            self.refused, self.refused_at = (), None
            if changed:
                self._metrics.reloads.labels("taken").inc()

    async def _take(self) -> bool:
        """Use what the file holds. Whether that is something else than before. Raises AtlasError."""
        spec = await self._load()
        self._wanted = secret_files(spec)
        newest = self._generations.newest
        if newest.spec == spec and newest.secrets == fingerprint(self._wanted):
            return False
        await self._generations.begin(spec)
        return True

    async def _load(self) -> RewardServiceSpec:
        return (await asyncio.to_thread(load_configuration, self._file)).spec

    async def _renew(self) -> None:
        """Use the secrets of the configuration in use that were replaced while a newer one is refused."""
        newest = self._generations.newest
        if newest.secrets == fingerprint(secret_files(newest.spec)):
            return
        try:
            await self._generations.begin(newest.spec)
        except AtlasError as error:
            _log.error("the secrets of the configuration in use cannot be renewed: %s", error)

    def _refuse(self, problems: tuple[str, ...]) -> None:
        if problems == self.refused:
            return
        self.refused, self.refused_at = problems, datetime.now(UTC)
        self._metrics.reloads.labels("refused").inc()
        for problem in problems:
            _log.error("the new configuration is refused, the old one stays: %s: %s", self._file, problem)

    def _look(self) -> str:
        return fingerprint((self._file, *secret_files(self._generations.newest.spec), *self._wanted))
