"""Observed state of one AtlasTraining: the object and its children, as the API server returned them."""

from dataclasses import dataclass, replace

from atlas_operator.cluster.document import Document
from atlas_operator.cluster.ownership import is_owned


@dataclass(frozen=True, slots=True)
class Observed:
    """What was observed of one AtlasTraining at one time. Lists hold only objects with its label."""

    training: Document
    """The AtlasTraining itself."""

    jobs: tuple[Document, ...] = ()
    """Jobs of all runs."""

    pods: tuple[Document, ...] = ()
    """Pods of all runs, terminated and terminating ones included."""

    config_maps: tuple[Document, ...] = ()
    """ConfigMaps of all runs: run.json, and progress."""

    events: tuple[Document, ...] = ()
    """Events about those jobs and pods (core/v1), oldest first."""

    backend_served: bool = True
    """Whether the API server knows the kind of the jobs."""

    strangers: tuple[Document, ...] = ()
    """Jobs with its label that belong to something else, once `told_apart`."""

    reward_services: tuple[Document, ...] = ()
    """RewardServices of the namespace; read only when the training may name one."""


def told_apart(observed: Observed) -> Observed:
    """*observed* with those jobs and ConfigMaps alone that the training controls. Pods belong to jobs.

    Anybody may write a label, and the owner is what the API server deletes by: nothing else is read, changed or
    deleted as the training's.
    """
    jobs = tuple(job for job in observed.jobs if is_owned(job, observed.training))
    return replace(
        observed,
        jobs=jobs,
        strangers=tuple(job for job in observed.jobs if job not in jobs),
        config_maps=tuple(each for each in observed.config_maps if is_owned(each, observed.training)),
    )
