"""What an address may be: of judges and of a RewardService elsewhere. Pure; asks nobody whether it exists."""

import ipaddress
import re
from urllib.parse import urlsplit

_NAME = re.compile(r"[0-9A-Za-z._-]+")


def address_problem(address: str, example: str, secret: str) -> str | None:
    """Why *address* can be nobody's; None when it can. It never repeats a password in it.

    *example* is an address to write it like, *secret* where a password belongs: `the key with apiKeyFrom`.
    """
    try:
        parts = urlsplit(address)
        named = parts.scheme in ("http", "https") and _is_host(parts.hostname or "") and parts.port != 0
    except ValueError:
        named = False
    if not named or " " in address or not address.isprintable():
        return f"names no host, or a port that does not exist; write it like {example}"
    if parts.username is not None or parts.query or parts.fragment:
        return f"holds a user, a query or a fragment; leave it out and refer to {secret}"
    return None


def _is_host(name: str) -> bool:
    """Raises ValueError for some that are none."""
    if ":" in name or name.replace(".", "").isdigit():
        ipaddress.ip_address(name)
        return True
    return _NAME.fullmatch(name.encode("idna").decode()) is not None
