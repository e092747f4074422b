"""
Scores for completions, from deterministic verifiers and from judges. Never loads torch.

    scorer = build_scorer(manifest.spec.reward)                               # verifiers alone
    scorer.score(Item(completion="It is 42.", reference="42")).value          # 1.0

    service = RewardService.from_file("rewardservice.yaml")                   # judges and verifiers
    results = await service.score([Item(completion="It is 42.")])

A score of None means that nothing could judge the completion. It is never replaced by 0.
"""

from atlas_api.scoring import ItemResult, JudgeResult
from atlas_rewards.item import Item
from atlas_rewards.scorer import RewardService
from atlas_rewards.verifiers.weighted_mean import SUCCESS, Score, Scorer, build_scorer

__all__ = ["SUCCESS", "Item", "ItemResult", "JudgeResult", "RewardService", "Score", "Scorer", "build_scorer"]
