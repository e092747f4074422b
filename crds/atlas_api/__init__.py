"""
The contract of atlas-core: the types of its custom resources, and the one way to read them.

`load_manifest` and `parse` report every mistake at once, with the field's path, the value and the cure. Types only:
nothing here knows training, clusters, or files other than manifests; everything else may import it.

    training/        AtlasTraining: spec, part by part, and status
    rewardservice/   RewardService: spec, judging, status
    pods/            what a pod finds where, is told, and reports
    inputs/          what is read from outside, and how much of it
    connections/     how what lies elsewhere is reached: proxies, stores
    manifest/        reading YAML and JSON: every mistake at once, in words
    base             what all types share: camelCase, unknown fields refused, rules that span fields
    rules            CEL rules, evaluated in Python
    schema crd       structural schemas; the CustomResourceDefinitions (`python -m atlas_api.crd`)
    condition        one condition of a status
    secrets names quantity times   references to secrets; names, amounts and moments as Kubernetes writes them
    extras           which extra brings which package, and the sentence where one is missing
    errors           every way a run can fail, with its exit code
    text             texts from outside, made safe to show
    json_log         log lines as JSON
    scoring          requests and answers of the scoring service

To add a field: the type that it belongs to, its docstring (which becomes the description), `make crds`, and the code
that honours it in the same change. To add a resource: a folder beside `training`, and one line in `crd`.
"""

from atlas_api.errors import AtlasError, InvalidManifest
from atlas_api.manifest.parse import load_manifest, parse, parse_json
from atlas_api.pods.run_file import TrainingRun
from atlas_api.training.spec import AtlasTraining, AtlasTrainingSpec

__all__ = [
    "AtlasError",
    "AtlasTraining",
    "AtlasTrainingSpec",
    "InvalidManifest",
    "TrainingRun",
    "load_manifest",
    "parse",
    "parse_json",
]
