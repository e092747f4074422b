"""
RewardService: "these judges and verifiers should be answering at this address".

    spec      the resource
    judging   judges, models, rules between judges, limits: shared by library, service and trainer
    status    what is known about a service, and what its pods report

To add a setting of judges: a field in `judging`, and what honours it in `atlas_rewards`.
"""
