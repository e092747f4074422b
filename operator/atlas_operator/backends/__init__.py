"""
Backends: the kinds of jobs that an attempt can be, one file a kind.

    base          what all backends share: the states of a job, the metadata of a job
    pytorchjob    PyTorchJob of the Kubeflow training-operator: building one, its state, its pods' roles

The room knows `objects` and `cluster` (documents, fields, kinds, labels: never the API client). Everybody above asks
`BACKEND`, and nothing else imports a backend's file.

To add a backend: a file here with the functions that callers ask of `BACKEND`, one line in `BACKENDS`, its kind in
`cluster.kinds`, and its rights in operator/rbac*.yaml. The protocol comes with it: what `BACKEND` is asked for today.
"""

from atlas_operator.backends import pytorchjob

BACKENDS = {pytorchjob.KIND: pytorchjob}
"""Backends by the kind of their jobs."""

BACKEND = pytorchjob
"""The backend of every run, as long as there is one."""
