"""
Pending reasons: why something does not run yet, in plain words with the cure. Pure, and shared by all kinds.

    reasons        causes by severity, and the one reason that a condition tells
    pod            one pod: scheduler, images, secrets, volumes
    pod_creation   pods that the API server does not take: quotas, Pod Security, webhooks
    attempt        an attempt of a run: its pods and its job

The room knows `backends` and the documents of `cluster`; it knows no deadline.

To add a cause: a line in the file of what shows it, with its severity. The names of spec fields that a cure mentions
come from the caller (`SpecFields`).
"""
