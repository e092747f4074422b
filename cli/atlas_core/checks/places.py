"""Files, folders, keys and packages of this machine, looked at one by one. Nothing is opened for writing or made."""

import os
from pathlib import Path

from atlas_api import InvalidManifest
from atlas_api.extras import missing_modules, needs

_MODEL_FILES = ("config.json", "adapter_config.json")


def check_packages(extra: str, what: str) -> None:
    """Raises `InvalidManifest` where packages of *extra*, which *what* needs, are not installed."""
    if missing := missing_modules(extra):
        raise InvalidManifest([needs(what, missing, extra)])


def check_written_folder(folder: Path) -> None:
    """Raises `InvalidManifest` where *folder* could neither be written to nor made."""
    above = next(path for path in (folder.absolute(), *folder.absolute().parents) if _is_there(path))
    if not above.is_dir():
        raise InvalidManifest([f"{above} is a file; name a folder"])
    if not os.access(above, os.W_OK | os.X_OK):
        made = "" if above == folder.absolute() else f", so {folder} cannot be made"
        raise InvalidManifest([f"{above} may not be written to by this user{made}; change its permissions or owner"])


def check_written_file(file: Path) -> None:
    """Raises `InvalidManifest` where *file* could neither be written to nor made; its folder must be there."""
    if file.is_dir():
        raise InvalidManifest([f"{file} is a folder; name a file"])
    if not file.absolute().parent.is_dir():
        raise InvalidManifest([f"there is no folder {file.absolute().parent}; create it first"])
    if not os.access(file if file.exists() else file.absolute().parent, os.W_OK):
        raise InvalidManifest([f"{file} may not be written to by this user; change its permissions or owner"])


def check_model_folder(folder: Path) -> None:
    """Raises `InvalidManifest` where *folder* holds no saved model that this user may read."""
    if not os.access(folder, os.R_OK | os.X_OK):
        raise InvalidManifest([f"{folder} may not be read by this user; change its permissions or owner"])
    if not any((folder / name).is_file() for name in _MODEL_FILES):
        raise InvalidManifest([f"{folder} holds no {_MODEL_FILES[0]}; name the folder that `save_pretrained` filled"])


def _is_there(path: Path) -> bool:
    try:
        return os.path.lexists(path)
    except OSError:
        return False
