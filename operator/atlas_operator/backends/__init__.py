"""
Backends: the kinds of jobs that an attempt can be, one file a kind.

    base          what all backends share: the states of a job, the metadata of a job
    pytorchjob    PyTorchJob of the Kubeflow training-operator: building one, its state, its pods' roles

The room knows `objects` and `cluster` (documents, fields, kinds, labels: never the API client). Everybody above asks
`BACKEND`, and nothing else imports a backend's file.

To add a backend: a file here with all that callers ask of `BACKEND` (the public names of `pytorchjob`: what it is
called, `build_job`, `job_state` and the other questions about a job, `is_rank_0` of a pod), one line in `BACKENDS`, its
kind in `cluster.kinds`, its rights in operator/rbac*.yaml, its contract in pyproject.toml. Jobs of every kind in
`BACKENDS` wake the operator. The second one brings two choices that there is no need for yet: which backend a spec asks
for, and the backend of a job that is there already, by its kind (`BACKENDS[job["kind"]]`) where `BACKEND` stands now.
"""

from atlas_operator.backends import pytorchjob

BACKENDS = {pytorchjob.KIND: pytorchjob}
"""Backends by the kind of their jobs."""

BACKEND = pytorchjob
"""The backend of every run, as long as there is one."""
