"""
Generations: one configuration at work, and its replacement by the next without losing a request.

Each lives in a task of its own, because what an asynchronous context manager opens must be closed by the same task.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from atlas_api.pods.contract import REWARDS_TOKEN
from atlas_api.rewardservice.spec import RewardServiceSpec
from atlas_rewards.llm.client import ProcessState
from atlas_rewards.secret import read_token
from atlas_rewards.server.judge_record import JudgeRecords
from atlas_rewards.server.score_source import OpenScoreSource, ScoreSource
from atlas_rewards.server.secret_files import fingerprint, secret_files

_log = logging.getLogger(__name__)


class Generation:
    """A configuration, its token, and the judges that it asks for. `Generations.open` makes it."""

    source: ScoreSource

    def __init__(self, number: int, spec: RewardServiceSpec) -> None:
        self.number = number
        """Number of the generation in the life of this process, from 1."""

        self.spec = spec
        self.since = datetime.now(UTC)
        self.secrets = fingerprint(secret_files(spec))
        self.token = read_token(spec.token_from, REWARDS_TOKEN) if spec.token_from is not None else None
        self.judges = JudgeRecords([judge.name for judge in spec.judges])
        self._users = 0
        self._retired = False
        self._over = asyncio.Event()

    @contextmanager
    def used(self) -> Iterator[ScoreSource]:
        """The generation's judges, which stay open inside."""
        self._users += 1
        try:
            yield self.source
        finally:
            self._users -= 1
            self._settle()

    def retire(self) -> None:
        """Nobody new will use it: close it as soon as those who do are done."""
        self._retired = True
        self._settle()

    async def live(
        self, open_source: OpenScoreSource, state: ProcessState, opened: asyncio.Future[None], closing: "Closing"
    ) -> None:
        """Open the judges, and close them when all is over. *opened* gets the error when they cannot be opened."""
        try:
            async with open_source(self.spec, state) as self.source:
                opened.set_result(None)
                await self._over.wait()
                closing(self)
        except Exception as error:
            if opened.done():
                raise
            opened.set_exception(error)

    def _settle(self) -> None:
        if self._retired and self._users == 0:
            self._over.set()


Closing = Callable[[Generation], None]


class Generations:
    """The newest generation, and older ones that still finish what they took."""

    newest: Generation

    def __init__(self, open_source: OpenScoreSource, closing: Closing) -> None:
        """*closing* is called with each generation before its judges are closed."""
        self._open = open_source
        self._closing = closing
        self._open_ones: dict[asyncio.Task[None], Generation] = {}
        self._number = 0
        self._state = ProcessState()

    async def begin(self, spec: RewardServiceSpec) -> None:
        """Open the judges of *spec* and use them from now on. Raises AtlasError; then nothing has changed."""
        generation = Generation(self._number + 1, spec)
        opened = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(generation.live(self._open, self._state, opened, self._closing))
        self._open_ones[task] = generation
        task.add_done_callback(self._closed)
        try:
            await opened
        except asyncio.CancelledError:
            task.cancel()
            raise
        if self._number:
            self.newest.retire()
        self.newest, self._number = generation, generation.number
        _log.info("generation %d begins with revision %s", generation.number, generation.source.revision)

    @property
    def longest_seconds(self) -> float:
        """`timeouts.totalSeconds` of the most patient configuration that still has work."""
        return max(generation.spec.timeouts.total_seconds for generation in self._open_ones.values())

    async def close(self) -> None:
        """Close all of them; whoever still uses one is waited for."""
        if self._number:
            self.newest.retire()
        await asyncio.gather(*self._open_ones, return_exceptions=True)

    def _closed(self, task: asyncio.Task[None]) -> None:
        del self._open_ones[task]
        if not task.cancelled() and task.exception() is not None:
            _log.error("an old generation could not be closed", exc_info=task.exception())
