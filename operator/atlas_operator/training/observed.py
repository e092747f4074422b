"""Observed state of one AtlasTraining: the object and its children, as the API server returned them."""

from dataclasses import dataclass

from atlas_operator.cluster.document import Document


@dataclass(frozen=True, slots=True)
class Observed:
    """One look at one AtlasTraining. Lists hold only objects with its label."""

    training: Document
    """The AtlasTraining."""

    jobs: tuple[Document, ...] = ()
    """PyTorchJobs of all runs."""

    pods: tuple[Document, ...] = ()
    """Pods of all runs, terminated and terminating ones included."""

    config_maps: tuple[Document, ...] = ()
    """run.json and progress of all runs."""

    events: tuple[Document, ...] = ()
    """Events about those jobs and pods (core/v1), oldest first."""

    backend_served: bool = True
    """Whether the API server knows PyTorchJobs."""

    reward_services: tuple[Document, ...] = ()
    """RewardServices of the namespace; looked at only when the training may name one."""
