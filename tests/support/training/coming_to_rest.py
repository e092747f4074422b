"""The end of every history: the user does nothing more, the cluster behaves, and all comes to rest."""

from support.kubernetes.object_store import owner
from support.training.cluster_trainings import finished_report
from support.training.simulated_cluster import SimulatedCluster, is_ended, is_over
from support.training.training_documents import IMAGE, judges_document
from support.training.watched_operator import WatchedOperator

from atlas_api import AtlasTrainingSpec
from atlas_api.training.status import AtlasTrainingStatus
from atlas_operator.cluster.decode import read_spec_as, read_status_as
from atlas_operator.cluster.document import Document
from atlas_operator.status.preconditions import Offer
from atlas_operator.training.attempt import place_of
from atlas_operator.training.preconditions import failed_precondition

PHASES = ("Succeeded", "Failed", "Suspended", "Invalid")
"""Phases in which a training may rest."""


def come_to_rest(operator: WatchedOperator, steps: int = 600) -> None:
    """Let everybody act until nobody has anything to do. Raises when that takes too many steps or breaks a rule."""
    cluster = operator.cluster
    _mend(cluster)
    for _ in range(steps):
        if operator.is_due:
            operator.look()
        elif _work(cluster):
            pass
        elif operator.look_at is not None:
            cluster.store.now = max(cluster.store.now, operator.look_at)
        elif cluster.training is None:
            assert not cluster.store.objects, "something outlives the training"
            return
        else:
            operator.rules.reached[f"rest {_phase_at_rest(cluster, cluster.training)}"] += 1
            return
    raise AssertionError("the history does not come to rest")


def _mend(cluster: SimulatedCluster) -> None:
    """End everything that hinders."""
    cluster.stuck.clear()
    cluster.become(refused=None, backend_served=True, default_image=IMAGE, reward_services=[judges_document()])
    for job in cluster.jobs:
        if job["spec"]["runPolicy"].get("suspend"):
            cluster.hold(job, False)


def _work(cluster: SimulatedCluster) -> bool:
    """One step of a cluster in which everything goes well. Returns whether there was anything to do."""
    collected, operated = cluster.collect_garbage(), [cluster.operate(job) for job in cluster.jobs]
    return collected or any(operated) or any(_work_on(cluster, pod) for pod in cluster.pods)


def _work_on(cluster: SimulatedCluster, pod: Document) -> bool:
    if cluster.finish(pod):
        return True
    if is_over(pod) or "deletionTimestamp" in pod["metadata"]:
        return False
    if not pod["spec"].get("nodeName"):
        cluster.schedule(pod)
    elif pod["status"]["phase"] == "Pending":
        cluster.start(pod)
    elif any(peer["status"]["phase"] == "Pending" for peer in cluster.pods if owner(peer) == owner(pod)):
        return False
    else:
        text = cluster.report_text(finished_report(*place_of(pod)))
        cluster.report(place_of(pod)[0], text)
        cluster.exit(pod, 0, message=text)
    return True


def _phase_at_rest(cluster: SimulatedCluster, training: Document) -> str:
    """The phase, once the rules of a training at rest are checked."""
    assert all(is_ended(job) for job in cluster.jobs), "a job is left at rest"
    status = read_status_as(AtlasTrainingStatus, training)
    assert status.phase in PHASES, f"rests in {status.phase}"
    on = {each.type for each in status.conditions if each.status == "True"}
    assert "Reconciling" not in on, "reconciling at rest"
    assert (status.phase in ("Failed", "Invalid")) <= ("Stalled" in on), "a failure that does not show as Stalled"
    offer = Offer(cluster.default_image, cluster.allow_code, cluster.backend_served)
    accepted = failed_precondition(read_spec_as(AtlasTrainingSpec, training), offer) is None
    assert accepted == (status.phase != "Invalid" and "Accepted" in on) or status.phase == "Suspended"
    if status.run:
        places = [place_of(found) for found in (*cluster.config_maps, *cluster.jobs)]
        assert all(number >= status.run.number for number, _ in places), "children of an earlier run are left"
    return status.phase
