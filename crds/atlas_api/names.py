"""What Kubernetes calls valid names, and how ours are made to fit."""

import hashlib

DNS_LABEL = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
DNS_SUBDOMAIN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
KEY = r"^[-._a-zA-Z0-9]+$"

_SHORT = 36
_HASH = 8


def short_name(name: str) -> str:
    """*name* where it fits, else its beginning and a hash: fit for objects, labels and the start of a job's name.

    PyTorchJobs and their services must not begin with a digit, nor hold a dot.
    """
    if len(name) <= _SHORT and "." not in name and name[0].isalpha():
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:_HASH]
    start = name if name[0].isalpha() else f"t-{name}"
    return f"{start[: _SHORT - _HASH - 1].replace('.', '-').rstrip('-')}-{digest}"
