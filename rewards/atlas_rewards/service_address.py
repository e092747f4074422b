"""The address of a RewardService elsewhere. Pure. Called by the client, and by `atlas-core validate`."""

from urllib.parse import urlsplit

from atlas_api.errors import InvalidManifest

_FIELD = "spec.reward.serviceRef.url"


def check_address(url: str) -> None:
    """Raises `InvalidManifest` when *url* can be nobody's address, or holds a password. It never repeats one."""
    try:
        parts = urlsplit(url)
        named = parts.scheme in ("http", "https") and parts.hostname is not None and parts.port != 0
    except ValueError:
        named = False
    if not named or " " in url or not url.isprintable():
        raise InvalidManifest(
            [f"{_FIELD}: names no host, or a port that does not exist; write it like http://localhost:8080"]
        )
    if parts.username is not None or parts.query or parts.fragment:
        raise InvalidManifest(
            [f"{_FIELD}: holds a user, a query or a fragment; leave it out and refer to the token with tokenFrom"]
        )
