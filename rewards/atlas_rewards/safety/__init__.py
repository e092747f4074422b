"""
Safety of scores: texts that others wrote, and what completions do to get a score that they do not deserve. Pure.

    reward_hacking   completions that please without answering: empty, repeated, echoed, padded
    judge_appeals    prompt injection: completions that speak to whoever scores them
    untrusted_text   texts made fit to be shown to a judge, or to be compared
    unicode_form     Unicode normal forms in linear time

Knows `item` and no other room.

To add a check: its function in `reward_hacking`, or a file here where it needs more than a few lines; its name and
setting in `AntiGaming` of `atlas_api.rewardservice.judging`.
"""
