"""What an address may be: of judges and of a RewardService elsewhere. Pure; asks nobody whether it exists."""

import ipaddress
import re
from urllib.parse import SplitResult, parse_qsl, urlsplit

_NAME = re.compile(r"[0-9A-Za-z._-]+")
_VERSION = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(-preview)?|preview|latest|v[0-9]{1,3}")
"""So narrow that no key passes."""

_API_VERSION = "api-version"
"""The one parameter that an address may have: Azure wants it in each, and it is no secret."""


def address_problem(address: str, example: str, secret: str, *, versioned: bool = False) -> str | None:
    """Why *address* can be nobody's; None when it can. It never repeats a password in it.

    *example* is an address to write it like, *secret* where a password belongs: `the key with apiKeyFrom`. One that may
    be *versioned* can have the query `?api-version=...`.
    """
    try:
        parts = urlsplit(address)
        named = parts.scheme in ("http", "https") and _is_host(parts.hostname or "") and parts.port != 0
    except ValueError:
        named = False
    if not named or " " in address or not address.isprintable():
        return f"names no host, or a port that does not exist; write it like {example}"
    if parts.username is not None or parts.fragment or not (_is_versioned(parts) if versioned else not parts.query):
        return (
            f"holds a user, a fragment or a query other than {_API_VERSION}; leave it out and refer to {secret}"
            if versioned
            else f"holds a user, a query or a fragment; leave it out and refer to {secret}"
        )
    return None


def below(address: str, path: str) -> str:
    """The address of *path* (with a slash in front) below *address*, whose query stays behind it."""
    parts = urlsplit(address)
    return parts._replace(path=parts.path.rstrip("/") + path).geturl()


def is_azure(address: str) -> bool:
    """Whether *address* names the version of an interface, as Azure's do."""
    return bool(urlsplit(address).query)


def _is_host(name: str) -> bool:
    """Raises ValueError for some that are none."""
    if ":" in name or name.replace(".", "").isdigit():
        ipaddress.ip_address(name)
        return True
    return _NAME.fullmatch(name.encode("idna").decode()) is not None


def _is_versioned(parts: SplitResult) -> bool:
    """Whether the query of *parts* is none, or says a version and nothing else."""
    match parse_qsl(parts.query, keep_blank_values=True):
        case [(name, version)]:
            return name == _API_VERSION and _VERSION.fullmatch(version) is not None
    return not parts.query
