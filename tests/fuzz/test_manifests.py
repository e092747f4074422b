"""Any manifest is accepted, or refused with a list of its mistakes."""

import contextlib
import io
import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml
from support.fuzz.campaign import fuzz
from support.fuzz.mutations import mutated, mutated_bytes
from support.manifests.cases import changed, manifest
from support.manifests.good import GOOD

from atlas_core.main import main

pytestmark = pytest.mark.fuzz

EXAMPLES = Path(__file__).parents[2] / "examples"
TEXTS = [path.read_bytes() for path in sorted(EXAMPLES.glob("*.yaml"))]
DOCUMENTS: list[Any] = [yaml.safe_load(text) for text in TEXTS] + [changed(manifest(), case.changes) for case in GOOD]
# What is imported by name could do anything.
DOCUMENTS = [document for document in DOCUMENTS if "entryPoint" not in json.dumps(document)]

TOKENS = [
    b'&a ', b'*a', b'<<: ', b'<<: *a\n', b'- ', b'? ', b': ', b'---\n', b'...\n', b'%YAML 1.1\n', b'!!binary ',
    b'!!set ', b'!!python/object:os.system ', b'!x ', b'|\n', b'>-\n', b'{', b'}', b'[', b']', b',', b"'", b'"', b'#',
    b'\t', b'\n', b'\r', b'\x00', b'\xef\xbb\xbf', b'\xff\xfe', b'\x85', "\u2028".encode(), b'\\u0000', b'0x',
    b'1e999', b'.nan', b'~', b'a: &a [*a]\n', b'a: &b {x: 1}\nb: [*b, *b, *b]\n', b'  ', b'    ',
]  # fmt: skip


def written(document: Any, random: Random) -> bytes:
    """*document* in one of the ways in which people and programs write it."""
    if random.random() < 0.3:
        return json.dumps(document, indent=random.choice([None, 2])).encode()
    flow = random.choice([True, False, None])
    text: str = yaml.safe_dump(document, default_flow_style=flow, allow_unicode=random.random() < 0.5, width=10**6)
    return text.encode("utf-8", "surrogatepass")


def made(random: Random) -> bytes:
    if random.random() < 0.3:
        return mutated_bytes(random.choice(TEXTS), random, TOKENS)
    document = mutated(random.choice(DOCUMENTS), random, DOCUMENTS)
    content = written(document, random)
    return mutated_bytes(content, random, TOKENS) if random.random() < 0.2 else content


def test_a_manifest_is_accepted_or_refused_in_words(tmp_path: Path) -> None:
    file = tmp_path / "manifest.yaml"

    def attempt(random: Random) -> str:
        file.write_bytes(made(random))
        told = io.StringIO()
        with contextlib.redirect_stdout(told):
            code = main(["validate", "-f", str(file)])
        lines = told.getvalue().splitlines()
        assert lines
        assert all(line.startswith(f"{file}: ") for line in lines), lines[:3]
        assert (code == 0) == (lines == [f"{file}: ok"])
        return {0: "accepted", 2: "refused"}[code]

    counts = fuzz("manifests", attempt, 10_000)
    assert sum(counts.values()) > 0
