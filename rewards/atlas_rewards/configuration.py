"""Reads the RewardService manifest, the one configuration of library, service and commands."""

from pathlib import Path
from typing import Any

from atlas_api.errors import InvalidManifest
from atlas_api.manifest import parse
from atlas_api.rewardservice import RewardService
from atlas_api.yaml_document import read_documents


def load_configuration(file: Path) -> RewardService:
    """The RewardService in *file*. Raises `InvalidManifest`, also when it cannot be read; the caller names it."""
    return parse(RewardService, read_document(file))


def read_document(file: Path) -> dict[str, Any]:
    """The only YAML document in *file*. Raises `InvalidManifest`."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InvalidManifest(["no such file"]) from None
    except UnicodeDecodeError as error:
        raise InvalidManifest([f"byte {error.start} is not UTF-8; save the file as UTF-8"]) from None
    except OSError as error:
        raise InvalidManifest([f"cannot be read: {error.strerror}"]) from None
    documents = read_documents(text)
    if len(documents) != 1:
        raise InvalidManifest([f"holds {len(documents)} documents; give each RewardService a file of its own"])
    return documents[0]
