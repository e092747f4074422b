"""
Reports of pods, believed only as far as they can be checked. Pure.

    run      the report of a trainer about its run, and its termination message
    values   single values, each checked and bounded on its own

What reward services report of their judges is read by `rewardservice.judges`, value by value in the same way. The room
knows `backends` and the documents of `cluster`.

To add a reported field: its type in `atlas_api.pods`, and one line in `run` that reads it with a function of `values`.
"""
