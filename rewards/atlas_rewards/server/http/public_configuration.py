"""What of a configuration may be shown to everybody: references to secrets, never secrets. Pure."""

from typing import Any
from urllib.parse import urlsplit

from atlas_api.rewardservice.spec import RewardServiceSpec

_HIDDEN = "(not shown)"


def public_configuration(spec: RewardServiceSpec) -> dict[str, Any]:
    """*spec* for everybody to see: references to secrets, never secrets; nothing of what `extra` and `env` hold."""
    document: dict[str, Any] = spec.model_dump(mode="json", by_alias=True, exclude_none=True)
    for model in document["models"].values():
        model["baseUrl"] = _without_user(model["baseUrl"])
        model["extra"] = dict.fromkeys(model["extra"], _HIDDEN)
    document["env"] = [{name: _HIDDEN if name == "value" else each[name] for name in each} for each in document["env"]]
    return document


def _without_user(address: str) -> str:
    parts = urlsplit(address)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()
