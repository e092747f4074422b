"""
Words in which all kinds speak to people: conditions, events, preconditions. Pure; it knows the API types alone.

    conditions      conditions as kstatus reads them, and when each turned
    preconditions   what a failed precondition says; the checks that kinds share
    plan_types      the events that plans post
    wording         messages of bounded length, reasons in one word

To add a condition: `training.conditions` or `rewardservice.conditions`. Here is only what holds for all kinds.
"""
