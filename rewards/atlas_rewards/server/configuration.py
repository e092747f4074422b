"""
What a configuration depends on outside of itself, and what may be shown of it.

Used by `generation`, `reload` and `application`. Reading the manifest is the library's business.
"""

from hashlib import blake2b
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from atlas_api.rewardservice.spec import RewardServiceSpec

_HIDDEN = "(not shown)"


def secret_files(spec: RewardServiceSpec) -> tuple[Path, ...]:
    """Files with secrets that *spec* names."""
    models = (spec.models.small, spec.models.large)
    sources = [spec.token_from, *(model.api_key_from for model in models if model is not None)]
    return tuple(Path(source.file) for source in sources if source is not None and source.file is not None)


def fingerprint(files: tuple[Path, ...]) -> str:
    """Digest of what the files hold now; a file that cannot be read counts as such."""
    digest = blake2b(digest_size=16)
    for file in files:
        try:
            data = b"\1" + file.read_bytes()
        except OSError:
            data = b"\0"
        digest.update(len(data).to_bytes(8) + data)
    return digest.hexdigest()


def shown(spec: RewardServiceSpec) -> dict[str, Any]:
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
