"""
The rewards as a library: judges and verifiers of one configuration, for anybody who has completions to score.

    async with RewardScorer.from_file("rewardservice.yaml") as scorer:
        results = await scorer.score([Item(completion="It is 42.", prompt=({"role": "user", "content": "6*7?"},))])

    with RewardScorer.from_file("rewardservice.yaml") as scorer:    # where nothing is asynchronous
        results = scorer.score_sync(items)

Knows nothing about HTTP, TRL or Kubernetes.
"""

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol, Self
from weakref import WeakKeyDictionary

from atlas_api.errors import InvalidManifest
from atlas_api.rewardservice.judging import Judging
from atlas_api.rewardservice.spec import RewardServiceSpec
from atlas_api.scoring import ItemResult
from atlas_api.training.reward import Reward
from atlas_rewards.background_loop import BackgroundLoop
from atlas_rewards.configuration import load_configuration
from atlas_rewards.item import Item
from atlas_rewards.judges.ensemble import Ensemble
from atlas_rewards.judges.revision import revision_of
from atlas_rewards.judges.runner import ModelClient
from atlas_rewards.verifiers.weighted_mean import Scorer, build_scorer, doubts_about


class ClosableModelClient(ModelClient, Protocol):
    """Whoever can ask a model, and holds connections meanwhile."""

    async def close(self) -> None:
        """Let go of the connections."""


@dataclass(frozen=True, slots=True)
class _Judges:
    """Judges that are open in one event loop."""

    client: ClosableModelClient
    ensemble: Ensemble


_JudgesByLoop = WeakKeyDictionary[asyncio.AbstractEventLoop, _Judges]


class RewardScorer:
    """Scores items by judges and verifiers.

    Each event loop that uses it has connections and limits of its own, opened when first needed.
    """

    def __init__(
        self, spec: RewardServiceSpec, make_client: Callable[[Judging, str], ClosableModelClient] | None = None
    ) -> None:
        """The scorer that *spec* describes. Raises `InvalidManifest` for verifiers that can never work."""
        self.spec = spec
        self.revision = revision_of(spec)
        self._make_client = make_client or _client_for
        self._verifiers = verifiers_of(spec)
        self._open: _JudgesByLoop = WeakKeyDictionary()
        self._background: BackgroundLoop | None = None
        self._starting = threading.Lock()

    @classmethod
    def from_file(cls, path: str | Path) -> Self:
        """The scorer that the RewardService manifest at *path* describes. Raises `InvalidManifest`."""
        return cls(load_configuration(Path(path)).spec)

    async def __aenter__(self) -> Self:
        self._opened()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close_sync()

    async def score(self, items: Sequence[Item]) -> list[ItemResult]:
        """One result an item, in their order. A score of None means that nobody could judge; `reasons` says why.

        Raises `SourceMissing` when the key of a model is not there, and nothing for what items hold.
        """
        return await self._opened().ensemble.score(items)

    async def check(self) -> None:
        """Ask each model once whether it takes questions, before there are any. An endpoint that is away is no mistake.

        Raises `JudgeRefused` with the words of those that refuse, `SourceMissing` for a key that is not there.
        """
        from atlas_rewards.model_check import check_models  # needs the client library, which verifiers do without

        await check_models(self.spec)

    def score_sync(self, items: Sequence[Item]) -> list[ItemResult]:
        """`score` for programs without an event loop, from any thread, also inside a loop (which then stands still)."""
        with self._starting:
            if self._background is None:
                self._background = BackgroundLoop(self, partial(_close, self._open))
            background = self._background
        return background.run(self.score(items))

    async def close(self) -> None:
        """Let go of the connections of this event loop."""
        await _close(self._open)

    def close_sync(self) -> None:
        """Let go of what `score_sync` opened. Left out, that happens when the program ends."""
        with self._starting:
            background, self._background = self._background, None
        if background is not None:
            background.stop()

    def _opened(self) -> _Judges:
        loop = asyncio.get_running_loop()
        if loop not in self._open:
            client = self._make_client(self.spec, self.revision)
            self._open[loop] = _Judges(client, Ensemble(self.spec, client, self._verifiers))
        return self._open[loop]


def verifiers_of(spec: RewardServiceSpec) -> Scorer | None:
    """The verifiers of *spec*, ready to use; None when it has none. Raises `InvalidManifest`."""
    if not spec.verifiers:
        return None
    with _fields_of_a_service():
        return build_scorer(_reward(spec))


def doubts_about_verifiers(spec: RewardServiceSpec) -> list[str]:
    """What stays in doubt about the verifiers of *spec* until they are built. Raises `InvalidManifest`."""
    with _fields_of_a_service():
        return [_in_service(doubt) for doubt in doubts_about(_reward(spec))]


def _reward(spec: RewardServiceSpec) -> Reward:
    return Reward(verifiers=spec.verifiers, weights=spec.weights, answer=spec.answer)


@contextmanager
def _fields_of_a_service() -> Iterator[None]:
    """Name fields as they are called in a RewardService. Raises `InvalidManifest` as the block does."""
    try:
        yield
    except InvalidManifest as invalid:
        raise InvalidManifest(list(map(_in_service, invalid.problems))) from None


def _in_service(line: str) -> str:
    return line.replace("spec.reward.", "spec.", 1)


def _client_for(judging: Judging, revision: str) -> ClosableModelClient:
    from atlas_rewards.llm.client import llm_client_for  # needs the client library, which verifiers do without

    return llm_client_for(judging, revision)


async def _close(opened: _JudgesByLoop) -> None:
    """Let go of what belongs to the running loop."""
    here = opened.pop(asyncio.get_running_loop(), None)
    if here is not None:
        await here.client.close()
