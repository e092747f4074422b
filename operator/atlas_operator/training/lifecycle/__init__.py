"""
Lifecycle of a run, one file a stage. Pure: the modules change the `PlanContext` and make nothing themselves.

    start      start a run that is due, and each attempt of it
    advance    watch, stop, resume or retry the newest attempt of the live run
    finish     finish an attempt: success, retry or failure, and the run with it
    unwanted   why the spec no longer wants an attempt

`start` and `advance` know `finish`, `advance` knows `start`; nothing runs back.

To add a stop reason: its word in `atlas_api.training.status.StopReason`, the check in `unwanted` or
`training.deadlines`, and what follows it in `advance`.
"""
