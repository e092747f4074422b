"""
The reward as TRL wants it. Needs neither torch nor TRL.

    judged_reward     the reward function: one awaited call a batch, a float or None a completion
    training_reward   the reward of a training: verifiers and the service that `spec.reward` names
    columns           items from TRL's prompts, completions and columns

Knows `scorer`, `client` and `verifiers`; nothing of the server.

To add a column that scoring reads: `TEXTS` or `METADATA` in `item`, and whoever makes rows.
"""
