"""
The contract of atlas-core: the types of its custom resources, and the one way to read them.

`load_manifest` and `parse` report every mistake at once, with the field's path, the value and the cure.
Knows nothing about training, clusters or files other than manifests.
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
