"""Observed state of one AtlasTraining: the object and its children, as the API server returned them."""

from dataclasses import dataclass

from atlas_operator.cluster.document import Document


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

    reward_services: tuple[Document, ...] = ()
    """RewardServices of the namespace; read only when the training may name one."""
