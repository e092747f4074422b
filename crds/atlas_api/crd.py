"""
The CustomResourceDefinition of AtlasTraining, generated: `python -m atlas_api.crd` writes it, `--check` compares.

Run by developers, tests and continuous integration. It knows how the API looks to the API server and to kubectl; the
schema itself comes from the types (`schema`).
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import yaml

from atlas_api.schema import Schema, structural, without_defaults
from atlas_api.training import AtlasTraining

FILE = Path(__file__).parents[1] / "atlastrainings.yaml"

_HEADER = "# Generated from crds/atlas_api by `python -m atlas_api.crd`; a test compares. Change the types instead.\n"
_READY = '.status.conditions[?(@.type=="Ready")]'
_COLUMNS = (
    ("Phase", "string", ".status.phase", "What the newest run is doing, or how it ended."),
    ("Method", "string", ".status.display.method", "How the model is trained."),
    ("Progress", "string", ".status.display.progress", "Share of the steps done."),
    ("Step", "string", ".status.display.step", "Steps done and planned."),
    ("ETA", "string", ".status.display.eta", "Time left."),
    ("Reward", "string", ".status.display.reward", "Mean reward of the newest step."),
    ("Run", "integer", ".status.run.number", "Number of the newest run."),
    ("Ready", "string", f"{_READY}.status", "As spec.readyWhen defines it."),
    ("Age", "date", ".metadata.creationTimestamp", "Time since the training was created."),
)
_WIDE = (
    ("Attempt", "integer", ".status.run.attempt", "Starts of the newest run."),
    ("Dataset", "integer", ".status.dataset.used", "Sessions that the newest run learns from."),
    ("Checkpoint", "string", ".status.checkpoints.latest.uri", "Newest complete checkpoint."),
    ("Trigger", "string", ".status.run.trigger", "Why the newest run was started."),
    ("Reason", "string", f"{_READY}.reason", "Why it is ready or not."),
)


def definition() -> dict[str, Any]:
    """The CustomResourceDefinition as a document."""
    group, version = AtlasTraining.model_fields["api_version"].annotation.__args__[0].split("/")  # type: ignore[union-attr]
    names = {
        "kind": "AtlasTraining",
        "listKind": "AtlasTrainingList",
        "plural": "atlastrainings",
        "singular": "atlastraining",
        "shortNames": ["atl", "atr"],
        "categories": ["atlas"],
    }
    served = {
        "name": version,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "additionalPrinterColumns": [*_columns(_COLUMNS), *_columns(_WIDE, priority=1)],
        "schema": {"openAPIV3Schema": _schema()},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{names['plural']}.{group}"},
        "spec": {"group": group, "scope": "Namespaced", "names": names, "versions": [served]},
    }


def text() -> str:
    """The definition as YAML, as it is committed."""
    return _HEADER + yaml.dump(definition(), Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)


def main(arguments: list[str]) -> int:
    """Write the file, or with `--check` say whether it must be written anew: exit code 1."""
    parser = argparse.ArgumentParser(prog="python -m atlas_api.crd", description="Generate the CRD from the API types.")
    parser.add_argument("--check", action="store_true", help="only compare the file with the types")
    parser.add_argument("--file", type=Path, default=FILE, help="another place (default: crds/atlastrainings.yaml)")
    options = parser.parse_args(arguments)
    if not options.check:
        options.file.write_text(text(), encoding="utf-8")
        return 0
    if options.file.exists() and options.file.read_text(encoding="utf-8") == text():
        return 0
    print(f"{options.file} differs from the types; run: python -m atlas_api.crd", file=sys.stderr)
    return 1


class _Dumper(yaml.SafeDumper):
    """Writes no anchors: the same text in two places is written twice."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _columns(columns: tuple[tuple[str, str, str, str], ...], **more: int) -> list[dict[str, Any]]:
    return [
        {"name": name, "type": kind, "jsonPath": path, "description": words, **more}
        for name, kind, path, words in columns
    ]


def _schema() -> Schema:
    """The schema of the whole object. What every object has is left to the API server."""
    schema = structural(AtlasTraining)
    schema["required"] = ["spec"]
    for name, kind in (("apiVersion", "string"), ("kind", "string"), ("metadata", "object")):
        schema["properties"][name] = {"type": kind}
    schema["properties"]["status"] = _status(without_defaults(schema["properties"]["status"]))
    return schema


def _status(schema: Schema) -> Schema:
    """A status that nobody has written yet: tools that wait would take an object without one for finished."""
    unseen = {"observedGeneration": -1}
    fields = schema["properties"]
    fields["observedGeneration"]["default"] = -1
    return {**schema, "default": unseen}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
