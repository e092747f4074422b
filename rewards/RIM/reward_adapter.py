"""The module of ATLAS that `RIMReward` is imported from."""

from atlas_rewards.compat.rim import RIMEvaluation, RIMReward

__all__ = ["RIMEvaluation", "RIMReward"]
