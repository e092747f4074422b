"""What the operator may do: what it does, and nothing beyond."""

from pathlib import Path

import pytest

from atlas_api.manifest.yaml_document import read_documents

FOLDER = Path(__file__).parents[3] / "operator"
DELETED = {
    *("pytorchjobs", "configmaps", "poddisruptionbudgets", "networkpolicies"),
    *("serviceaccounts", "roles", "rolebindings"),
}
WATCHED = {"atlastrainings", "rewardservices", "pytorchjobs", "pods", "configmaps", "deployments", "services"}


def rights(file: str) -> dict[str, set[str]]:
    """Verbs by resource. The Lease's are left out: where it lies differs."""
    found: dict[str, set[str]] = {}
    for document in read_documents((FOLDER / file).read_text()):
        for rule in document.get("rules", ()):
            found |= {resource: set(rule["verbs"]) for resource in rule["resources"] if resource != "leases"}
    return found


@pytest.mark.parametrize("file", ["rbac.yaml", "rbac-namespaced.yaml"])
def test_only_what_goes_before_its_owner_may_be_deleted_and_only_what_announces_changes_watched(file: str) -> None:
    by_verb = {verb: {each for each, verbs in rights(file).items() if verb in verbs} for verb in ("delete", "watch")}
    assert by_verb == {"delete": DELETED, "watch": WATCHED}


def test_nothing_may_be_done_by_a_star_and_secrets_can_only_be_made() -> None:
    found = rights("rbac.yaml")
    assert found["secrets"] == {"create"}
    assert "*" not in {*found, *(verb for verbs in found.values() for verb in verbs)}


def test_an_operator_of_one_namespace_may_do_there_what_another_may_everywhere() -> None:
    assert rights("rbac-namespaced.yaml") == rights("rbac.yaml")
