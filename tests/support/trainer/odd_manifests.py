"""Manifests of checkpoints as a torn upload, a bug, or somebody with rights on the bucket leaves them."""

import json
from collections.abc import Callable
from typing import Any

Change = Callable[[bytes], bytes]


def edited(**fields: Any) -> Change:
    """Replace fields; those that are `...` go away."""

    def change(data: bytes) -> bytes:
        document = {**json.loads(data), **fields}
        return json.dumps({name: value for name, value in document.items() if value is not ...}).encode()

    return change


def renamed(name: str) -> Change:
    """Give the first file another name."""

    def change(data: bytes) -> bytes:
        document = json.loads(data)
        first = sorted(document["files"])[0]
        document["files"] = {(name if each == first else each): file for each, file in document["files"].items()}
        return json.dumps(document).encode()

    return change


def files(**fields: Any) -> Change:
    """Replace what is known of every file."""

    def change(data: bytes) -> bytes:
        document = json.loads(data)
        document["files"] = {name: {**file, **fields} for name, file in document["files"].items()}
        return json.dumps(document).encode()

    return change


def added(name: str, file: Any = None) -> Change:
    """List one more file."""

    def change(data: bytes) -> bytes:
        document = json.loads(data)
        document["files"][name] = file or {"bytes": 1, "sha256": "0" * 64}
        return json.dumps(document).encode()

    return change


NAMES = (
    *("../outside", "a/../../outside", "..", ".", "a/./b", "/abs", "//abs", "a//b", "a/", "", " /../x", "./a"),
    *("a\\b", "..\\outside", "C:/x", "C:x", "a\0b", "a\nb", "a\x1bb", "a\u202eb", "\ud800", "x" * 256, "é" * 128),
    *("/".join("a" * 600), "~/../x/..", "a/..", "...//...", "\u2028", "file:///x", "manifest.json"),
)
"""Names that no file of a checkpoint has."""

DAMAGED: dict[str, Change] = {
    "empty": lambda data: b"",
    "cut": lambda data: data[: len(data) // 2],
    "cut by one": lambda data: data[:-1],
    "a list": lambda data: b"[]",
    "null": lambda data: b"null",
    "a text": lambda data: b'"manifest"',
    "a number": lambda data: b"7",
    "not JSON": lambda data: b"\x89PNG\r\n",
    "UTF-16": lambda data: data.decode().encode("utf-16"),
    "NUL": lambda data: bytes(len(data)),
    "NaN": lambda data: data.replace(b'"step": ', b'"step": NaN, "was": '),
    "100,000 levels": lambda data: b'{"files": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "100,000 mappings": lambda data: b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "over 4 MiB": lambda data: data.rstrip()[:-1] + b', "pad": "' + b"x" * (4 << 20) + b'"}',
    "a million values": lambda data: data.rstrip()[:-1] + b', "pad": [' + b"0," * 1_000_000 + b"0]}",
    "only a step": lambda data: b'{"step": 100, "files": {}}',
    "no step": edited(step=...),
    "step a text": edited(step="100"),
    "step true": edited(step=True),
    "step a fraction": edited(step=100.5),
    "step negative": edited(step=-1),
    "step null": edited(step=None),
    "step enormous": edited(step=10**400),
    "step of another": edited(step=99),
    "no files": edited(files=...),
    "files empty": edited(files={}),
    "files a list": edited(files=["model.safetensors"]),
    "files null": edited(files=None),
    "files texts": edited(files={"model.safetensors": "sha256"}),
    "files numbers": edited(files={"model.safetensors": 1}),
    "metrics null": edited(metrics=None),
    "metrics a list": edited(metrics=[]),
    "metrics texts": edited(metrics={"evalSuccess": "high"}),
    "version 2": edited(version=2),
    "no version": edited(version=...),
    "dataset a text": edited(dataset="digest"),
    "no sha256": lambda data: data.replace(b'"sha256"', b'"sha1"'),
    "sha256 upper case": files(sha256="A" * 64),
    "sha256 short": files(sha256="ab"),
    "sha256 null": files(sha256=None),
    "sha256 another": files(sha256="0" * 64),
    "bytes negative": files(bytes=-1),
    "bytes a text": files(bytes="7"),
    "bytes too few": files(bytes=0),
    "bytes enormous": files(bytes=10**30),
    "one file more": added("not-there.bin"),
    "a file and a folder": added("model.safetensors/x"),
    **{f"the name {name[:20]!r}": renamed(name) for name in NAMES},
}
"""What a manifest can be instead of one, by what is wrong with it."""
