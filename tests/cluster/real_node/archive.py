"""
A container image as a `docker-archive` tar: a layer, a configuration, a manifest. No image tool, no registry.

images.py decides what goes into an image; `ctr images import` reads the result. This file knows neither.
"""

import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True)
class Link:
    """A symbolic link in the image."""

    target: str


Content = Path | bytes | Link


@dataclass(frozen=True)
class Image:
    """`files` maps paths in the image to files of this machine, to bytes, or to links; every file is executable."""

    reference: str
    files: Mapping[str, Content]
    command: list[str]
    user: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)


def write_archive(image: Image, archive: Path) -> None:
    """Write the image to `archive`, which `ctr images import` takes."""
    layer = _layer(image.files)
    configuration = json.dumps(_configuration(image, layer)).encode()
    name = hashlib.sha256(configuration).hexdigest() + ".json"
    manifest = [{"Config": name, "RepoTags": [image.reference], "Layers": ["layer.tar"]}]
    with tarfile.open(archive, "w") as tar:
        _add(tar, name, configuration)
        _add(tar, "layer.tar", layer)
        _add(tar, "manifest.json", json.dumps(manifest).encode())


def _configuration(image: Image, layer: bytes) -> dict[str, object]:
    environment = [f"{name}={value}" for name, value in image.environment.items()]
    return {
        "architecture": _ARCHITECTURES[platform.machine()],
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]},
        "config": {"Cmd": image.command, "Env": environment, "WorkingDir": "/", "User": image.user},
    }


def _layer(files: Mapping[str, Content]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for folder in _folders(files):
            _add_folder(tar, folder, mode=0o755)
        _add_folder(tar, "tmp", mode=0o1777)
        for path, content in sorted(files.items()):
            _add(tar, path.lstrip("/"), content)
    return buffer.getvalue()


def _folders(files: Mapping[str, Content]) -> list[str]:
    """Every folder above a file, parents first."""
    parents = {str(parent).lstrip("/") for path in files for parent in PurePosixPath(path).parents}
    return sorted(parents - {"", "tmp"})


def _add_folder(tar: tarfile.TarFile, path: str, mode: int) -> None:
    entry = tarfile.TarInfo(path)
    entry.type, entry.mode = tarfile.DIRTYPE, mode
    tar.addfile(entry)


def _add(tar: tarfile.TarFile, path: str, content: Content) -> None:
    entry = tarfile.TarInfo(path)
    entry.mode = 0o755
    if isinstance(content, Link):
        entry.type, entry.linkname = tarfile.SYMTYPE, content.target
        tar.addfile(entry)
        return
    data = content if isinstance(content, bytes) else content.read_bytes()
    entry.size = len(data)
    tar.addfile(entry, io.BytesIO(data))
