"""
Words in which all kinds speak to people: events, preconditions. Pure; it knows the API types alone.

    preconditions   what a failed precondition says; the checks that kinds share
    plan_types      the events that plans post
    wording         messages of bounded length, reasons in one word

To add a condition: `training.conditions` or `rewardservice.conditions`. What conditions of all kinds have in common is
in `atlas_api.condition`.
"""
