"""
Whether saved weights are those of the architecture: no tensor missing, none too many, none of another shape.

transformers makes up what is missing and passes over the rest, with a warning that nobody reads. Here it is an error.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any

import torch
from transformers import GenerationConfig

from atlas_api.errors import InvalidManifest
from atlas_api.text import one_line
from atlas_api.training.model import ModelSpec
from atlas_trainer.dataset.model_source import invalid
from atlas_trainer.models.weights import Shapes

_SHOWN = 240


def empty_model(model: ModelSpec, architecture: Any, config: Any, shapes: Shapes | None) -> Any:
    """The model without its weights, which takes no memory: it shows names and shapes.

    *shapes* are those that are saved, None for those that are not here yet: transformers' own loader compares them.
    Raises `InvalidManifest` when the configuration makes no model, and what `check_complete` raises.
    """
    try:
        if shapes is None:
            with torch.device("meta"):
                return architecture(config)
        empty, loaded = architecture.from_pretrained(
            None,
            config=config,
            state_dict={name: torch.empty(shape, device="meta") for name, shape in shapes.items()},
            device_map={"": "meta"},
            dtype=torch.float32,
            generation_config=GenerationConfig(),
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
    except Exception as error:  # what a configuration can get wrong, each architecture notices in its own way
        raise _no_model(model, error) from error
    check_complete(model, architecture.__name__, loaded)
    return empty


def check_complete(model: ModelSpec, architecture: str, loaded: Mapping[str, Any]) -> None:
    """Raise `InvalidManifest` unless *loaded*, what transformers tells of loading a model, is without a fault."""
    missing, unexpected = _sorted(loaded["missing_keys"]), _sorted(loaded["unexpected_keys"])
    mismatched = sorted(loaded["mismatched_keys"], key=lambda entry: _natural(entry[0]))
    faults = []
    if missing:
        faults.append(f"lack {_tensors(missing)}, first {missing[0]}")
    if mismatched:
        name, saved, expected = mismatched[0]
        others = f" ({len(mismatched)} tensors like this)" if len(mismatched) > 1 else ""
        faults.append(f"hold {name} as {_shape(saved)} where the architecture has {_shape(expected)}{others}")
    if unexpected:
        faults.append(f"hold {_tensors(unexpected)} that it does not have, first {unexpected[0]}")
    if faults:
        raise invalid(
            model,
            f"the weights are no complete {architecture}: they {', and '.join(faults)}; take a model that was saved "
            "whole, with the config.json that it was saved with",
        )


def loading_failed(model: ModelSpec, error: Exception) -> InvalidManifest:
    """The error for weights that transformers could not load."""
    return invalid(model, f"the model cannot be loaded: {one_line(str(error), _SHOWN)}")


def _no_model(model: ModelSpec, error: Exception) -> InvalidManifest:
    reason = one_line(f"{type(error).__name__}: {error}", _SHOWN)
    return invalid(model, f"config.json and weights make no model ({reason})")


def _tensors(names: Collection[str]) -> str:
    return f"{len(names)} tensor{'s' if len(names) > 1 else ''}"


def _shape(shape: Collection[int]) -> str:
    return "x".join(str(size) for size in shape) or "a number"


def _sorted(names: Collection[str]) -> list[str]:
    return sorted(names, key=_natural)


def _natural(name: str) -> list[tuple[int, str]]:
    """Key that puts layer 2 before layer 10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]
