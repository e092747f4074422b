"""The import path of ATLAS: `from RIM.reward_adapter import RIMReward` keeps working."""  # noqa: N999

from atlas_rewards.compat.rim import RIMEvaluation, RIMReward

__all__ = ["RIMEvaluation", "RIMReward"]
