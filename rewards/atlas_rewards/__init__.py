"""
Scores for completions, from deterministic verifiers. Needs no model and never loads torch.

    scorer = build_scorer(manifest.spec.reward)
    scorer.score(Item(completion="It is 42.", reference="42")).value    # 1.0

A score of None means that nothing could judge the completion. It is never replaced by 0.
"""

from atlas_rewards.item import Item
from atlas_rewards.scoring import SUCCESS, Score, Scorer, build_scorer

__all__ = ["SUCCESS", "Item", "Score", "Scorer", "build_scorer"]
