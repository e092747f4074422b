"""
Failure classification: why something ended, and whose fault it was, as podFailurePolicy does it for Jobs. Pure.

    pod       one pod: what scheduler, kubelet and exit codes tell
    attempt   a whole attempt: pods and the trainer's report weighed against each other

The room knows `backends` and the documents of `cluster`; it knows no budget and no retry.

To add a cause: a line in `pod` where a pod shows it, with the failure class that decides about retries; an error of the
trainer comes from `atlas_api.errors` by itself.
"""
