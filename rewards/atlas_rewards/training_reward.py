"""
The reward of a training: its verifiers, and the judges of the service that it names.

Built by `atlas_trainer` for training and evaluation alike, so that both mean the same by a score.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from atlas_api.errors import InvalidManifest
from atlas_api.pod import REWARD_TOKEN, reward_service_url
from atlas_api.reward import Reward, ServiceRef
from atlas_rewards.item import Item
from atlas_rewards.result import ItemResult
from atlas_rewards.scoring import Score, Scorer, build_scorer
from atlas_rewards.secret import read_token


class Judges(Protocol):
    """A RewardService, in this process or elsewhere."""

    def score_sync(self, items: Sequence[Item]) -> list[ItemResult]:
        """One result an item, in their order."""

    def close_sync(self) -> None:
        """Let go of connections."""


class TrainingReward:
    """Scores items as `spec.reward` says."""

    def __init__(self, scorer: Scorer | None, judges: Judges | None, weight: float = 1.0) -> None:
        """*weight* is that of the judges; the verifiers together weigh 1."""
        self._scorer = scorer
        self._judges = judges
        self._weight = weight

    def score(self, items: Sequence[Item]) -> list[Score]:
        """One score an item, in their order. Raises what the service raises when it stays away."""
        checked = [self._scorer.score(item) if self._scorer else Score(None) for item in items]
        if self._judges is None:
            return checked
        judged = self._judges.score_sync(items) if items else []
        return [combined(score, result, self._weight) for score, result in zip(checked, judged, strict=True)]

    def close(self) -> None:
        """Let go of the service."""
        if self._judges is not None:
            self._judges.close_sync()


def combined(score: Score, result: ItemResult, weight: float) -> Score:
    """Verifiers and judges in one score. Without the judges' there is none: its siblings have both."""
    value = result.score
    if value is not None and score.value is not None:
        value = (score.value + weight * value) / (1.0 + weight)
    reasons = {"service": "; ".join(result.reasons)} if result.reasons else {}
    return Score(value=value, parts={**score.parts, **result.parts}, reasons={**score.reasons, **reasons})


def build_reward(reward: Reward, namespace: str) -> TrainingReward:
    """What *reward* describes, for a training in *namespace*. Raises InvalidManifest, SourceMissing."""
    scorer = build_scorer(reward) if reward.verifiers else None
    named = reward.service_ref
    return TrainingReward(scorer, _judges(named, namespace) if named else None, named.weight if named else 1.0)


def _judges(named: ServiceRef, namespace: str) -> Judges:
    if named.file is not None:
        from atlas_rewards.reward_service import RewardService

        return RewardService.from_file(Path(named.file).expanduser())
    from atlas_rewards.client import RewardClient

    token = read_token(named.token_from, REWARD_TOKEN) if named.token_from else None
    return RewardClient(named.url or _inside(named.name or "", namespace), token)


def _inside(name: str, namespace: str) -> str:
    if "KUBERNETES_SERVICE_HOST" not in os.environ:
        raise InvalidManifest(
            [f"spec.reward.serviceRef.name: {name} is looked up in a cluster; without one use url or file"]
        )
    return reward_service_url(name, namespace)
