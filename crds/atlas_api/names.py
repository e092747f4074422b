"""The names that other programs rely on: API group, kinds, annotation prefix. One place, no logic."""

GROUP = "atlas.arc.computer"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"

TRAINING_KIND = "AtlasTraining"
