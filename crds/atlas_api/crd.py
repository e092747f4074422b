"""
The CustomResourceDefinitions, generated: `python -m atlas_api.crd` writes them, `--check` compares.

It knows how the API looks to the API server and to kubectl; the schema itself comes from the types (`schema`).
"""

import argparse
import sys
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from atlas_api.base import ApiModel
from atlas_api.rewardservice.spec import RewardService
from atlas_api.schema import Schema, structural, without_defaults
from atlas_api.training.spec import AtlasTraining

FOLDER = Path(__file__).parents[1]

_HEADER = "# Generated from crds/atlas_api by `python -m atlas_api.crd`; a test compares. Change the types instead.\n"
_READY = '.status.conditions[?(@.type=="Ready")]'
_AGE = ".metadata.creationTimestamp"


class Column(NamedTuple):
    """A column of `kubectl get`."""

    name: str
    type: str
    path: str
    description: str


class Resource(NamedTuple):
    """A kind, as people ask kubectl for it."""

    model: type[ApiModel]
    short_names: tuple[str, ...]
    columns: tuple[Column, ...]
    wide: tuple[Column, ...] = ()
    """Columns of `kubectl get -o wide` only."""

    @property
    def kind(self) -> str:
        """Name of the kind in manifests."""
        return self.model.__name__

    @property
    def plural(self) -> str:
        """Name of the kind in addresses of the API server."""
        return f"{self.kind.lower()}s"

    @property
    def file(self) -> Path:
        """Where the definition is committed."""
        return FOLDER / f"{self.plural}.yaml"


TRAININGS = Resource(
    AtlasTraining,
    ("atl", "atr"),
    (
        Column("Phase", "string", ".status.phase", "What the newest run is doing, or how it ended."),
        Column("Method", "string", ".status.display.method", "How the model is trained."),
        Column("Progress", "string", ".status.display.progress", "Share of the optimizer steps done."),
        Column("Step", "string", ".status.display.step", "Optimizer steps done and planned."),
        Column("ETA", "string", ".status.display.eta", "Time left until the run ends."),
        Column("Reward", "string", ".status.display.reward", "Mean reward of the newest step."),
        Column("Run", "integer", ".status.run.number", "Number of the newest run."),
        Column("Ready", "string", f"{_READY}.status", "Whether the training is ready, as spec.readyWhen defines it."),
        Column("Reason", "string", ".status.display.reason", "Why no run works now; empty while one does."),
        Column("Age", "date", _AGE, "Time since the training was created."),
    ),
    (
        Column("Attempt", "integer", ".status.run.attempt", "Number of the newest attempt."),
        Column("Dataset", "integer", ".status.dataset.used", "Sessions that the newest run learns from."),
        Column("Checkpoint", "string", ".status.checkpoints.latest.uri", "Address of the newest complete checkpoint."),
        Column("Trigger", "string", ".status.run.trigger", "Why the newest run was started."),
    ),
)
REWARD_SERVICES = Resource(
    RewardService,
    ("rws",),
    (
        Column("Ready", "string", f"{_READY}.status", "Whether every pod answers with the newest configuration."),
        Column("Replicas", "string", ".status.display.replicas", "Pods that answer, of those wanted."),
        Column("Judges", "string", ".status.display.judges", "Judges that answer, of all."),
        Column("P99", "string", ".status.display.p99", "99th percentile of the slowest judge's time to a verdict."),
        Column("Revision", "string", ".status.revision", "Revision of the configuration that every pod scores with."),
        Column("URL", "string", ".status.url", "Address of the service inside the cluster."),
        Column("Reason", "string", ".status.display.reason", "Why the service is not ready; empty when it is."),
        Column("Age", "date", _AGE, "Time since the service was created."),
    ),
)
RESOURCES = (TRAININGS, REWARD_SERVICES)


def definition(resource: Resource = TRAININGS) -> dict[str, Any]:
    """The CustomResourceDefinition as a document."""
    group, version = resource.model.model_fields["api_version"].annotation.__args__[0].split("/")  # type: ignore[union-attr]
    names = {
        "kind": resource.kind,
        "listKind": f"{resource.kind}List",
        "plural": resource.plural,
        "singular": resource.kind.lower(),
        "shortNames": list(resource.short_names),
        "categories": ["atlas"],
    }
    served = {
        "name": version,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "additionalPrinterColumns": [*_columns(resource.columns), *_columns(resource.wide, priority=1)],
        "schema": {"openAPIV3Schema": _schema(resource.model)},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{names['plural']}.{group}"},
        "spec": {"group": group, "scope": "Namespaced", "names": names, "versions": [served]},
    }


def text(resource: Resource = TRAININGS) -> str:
    """The definition as YAML, as it is committed."""
    return _HEADER + yaml.dump(definition(resource), Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)


def main(arguments: list[str]) -> int:
    """Write the files, or with `--check` say which must be written anew: exit code 1."""
    parser = argparse.ArgumentParser(
        prog="python -m atlas_api.crd", description="Generate the CRDs from the API types."
    )
    parser.add_argument("--check", action="store_true", help="only compare the files with the types")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="another place (default: crds)")
    options = parser.parse_args(arguments)
    files = {options.folder / resource.file.name: text(resource) for resource in RESOURCES}
    if not options.check:
        for file, wanted in files.items():
            file.write_text(wanted, encoding="utf-8")
        return 0
    stale = [file for file, wanted in files.items() if not file.exists() or file.read_text(encoding="utf-8") != wanted]
    for file in stale:
        print(f"{file} differs from the types; run: python -m atlas_api.crd", file=sys.stderr)
    return 1 if stale else 0


class _Dumper(yaml.SafeDumper):
    """Writes no anchors: the same text in two places is written twice."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _columns(columns: tuple[Column, ...], **more: int) -> list[dict[str, Any]]:
    return [
        {"name": each.name, "type": each.type, "jsonPath": each.path, "description": each.description, **more}
        for each in columns
    ]


def _schema(model: type[ApiModel]) -> Schema:
    """The schema of the whole object. What every object has is left to the API server."""
    schema = structural(model)
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
