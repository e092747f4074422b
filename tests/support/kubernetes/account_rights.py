"""What a ServiceAccount may do, asked of the API server."""

from cluster.kubectl import Kubectl, Refused


def may(kubectl: Kubectl, account: str, *what: str) -> bool:
    """Whether *account*, of kubectl's namespace, may do *what*: a verb and a resource, as `kubectl auth can-i` has."""
    as_account = f"--as=system:serviceaccount:{kubectl.namespace}:{account}"
    try:
        return kubectl.run("auth", "can-i", *what, as_account).strip() == "yes"
    except Refused:
        return False
