"""
The reward of a training: its verifiers, and the judges of the service that it names.

Training and evaluation share it, so that both mean the same by a score.
"""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import replace

from atlas_api.errors import InvalidManifest
from atlas_api.manifest.paths import expanded
from atlas_api.pods.contract import REWARD_TOKEN, reward_service_url
from atlas_api.scoring import ItemResult
from atlas_api.training.reward import Reward, ServiceRef
from atlas_rewards.item import Item
from atlas_rewards.secret import read_token
from atlas_rewards.trl.judged_reward import ItemScorer, JudgedReward
from atlas_rewards.verifiers.weighted_mean import Score, Scorer, build_scorer


class TrainingReward:
    """Scores items as `spec.reward` says."""

    def __init__(self, scorer: Scorer | None, service: ItemScorer | None, weight: float = 1.0) -> None:
        """*weight* is that of the service; the verifiers together weigh 1."""
        self._scorer = scorer
        self._service = service
        self._weight = weight

    async def score(self, items: Sequence[Item]) -> list[ItemResult]:
        """One result an item, in their order. Raises what the service raises when it stays away."""
        if self._service is None:
            return [combined(verified, None, self._weight) for verified in self._checked(items)]
        # Judges are waited for meanwhile.
        checking = asyncio.to_thread(self._checked, items)
        both = zip(*await asyncio.gather(checking, self._service.score(items)), strict=True)
        return [combined(verified, judged, self._weight) for verified, judged in both]

    async def check(self) -> None:
        """Raise `JudgeRefused` where the judges of the service refuse to be asked at all."""
        if self._service is not None:
            await self._service.check()

    async def close(self) -> None:
        """Let go of the service."""
        if self._service is not None:
            await self._service.close()

    def _checked(self, items: Sequence[Item]) -> list[Score]:
        return [self._scorer.score(item) if self._scorer else Score(None) for item in items]


def combined(verified: Score, judged: ItemResult | None, weight: float) -> ItemResult:
    """Verifiers and judges in one result. Without the judges' score there is none: its siblings have both. What the
    judges' service capped gets no more than that, whatever the verifiers say.
    """
    reasons = tuple(f"{name}: {reason}" for name, reason in verified.reasons.items())
    if judged is None:
        return ItemResult(verified.value, verifiers=verified.parts, reasons=reasons, uncapped=verified.value)
    score = _mean(verified.value, judged.score, weight)
    if judged.caps and score is not None and judged.score is not None:
        score = min(score, judged.score)
    return replace(
        judged,
        score=score,
        uncapped=_mean(verified.value, judged.score if judged.uncapped is None else judged.uncapped, weight),
        verifiers={**verified.parts, **judged.verifiers},
        reasons=(*reasons, *judged.reasons),
    )


def _mean(verified: float | None, judged: float | None, weight: float) -> float | None:
    return judged if verified is None or judged is None else (verified + weight * judged) / (1.0 + weight)


def build_reward(reward: Reward, namespace: str) -> JudgedReward:
    """What *reward* describes, for a training in *namespace*. Raises InvalidManifest, SourceMissing."""
    scorer = build_scorer(reward) if reward.verifiers else None
    named = reward.service_ref
    service = _service(named, namespace) if named else None
    return JudgedReward(TrainingReward(scorer, service, named.weight if named else 1.0))


def _service(named: ServiceRef, namespace: str) -> ItemScorer:
    if named.file is not None:
        from atlas_rewards.scorer import RewardScorer

        return RewardScorer.from_file(expanded(named.file))
    from atlas_rewards.client.reward_client import RewardClient

    token = read_token(named.token_from, REWARD_TOKEN) if named.token_from else None
    return RewardClient(named.url or address_inside(named.name or "", namespace), token)


def address_inside(name: str, namespace: str) -> str:
    """Where the pods of a cluster reach the RewardService *name*. Raises `InvalidManifest` outside of one."""
    if "KUBERNETES_SERVICE_HOST" not in os.environ:
        raise InvalidManifest(
            [f"spec.reward.serviceRef.name: {name} is looked up in a cluster; without one use url or file"]
        )
    return reward_service_url(name, namespace)
