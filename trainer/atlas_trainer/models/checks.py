"""
The manifest against the model that it names, before a single session is read.

Configuration, tokenizer, and names and shapes of the weights are looked at; the weights themselves are not read.
"""

from typing import TYPE_CHECKING

from transformers.utils.logging import disable_progress_bar

from atlas_api.training.model import ModelSpec
from atlas_trainer.dataset.model_source import MODEL_WEIGHTS, ModelSource
from atlas_trainer.dataset.tokenizer import load_tokenizer
from atlas_trainer.models.adapters import check_adapters
from atlas_trainer.models.completeness import empty_model
from atlas_trainer.models.configuration import (
    architecture_of,
    check_generation,
    check_length,
    check_quantisation,
    has_own_code,
    is_quantised,
    load_configuration,
)
from atlas_trainer.models.tokens import settle_tokens
from atlas_trainer.models.weights import Shapes, saved_shapes

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def check_model(model: ModelSpec, source: ModelSource) -> tuple["PreTrainedTokenizerBase", str | None]:
    """Check *model* as far as that goes without its weights.

    Returns its tokenizer, and what a person should know of it, if there is anything. Raises `InvalidManifest` that
    names tensor, token or field, and what `load_tokenizer` raises.
    A model that brings Python code of its own shows what it is made of when it is loaded.
    """
    disable_progress_bar()
    config = load_configuration(model, source.base)
    architecture = architecture_of(model, config)
    check_quantisation(model, config)
    check_length(model, config)
    shapes = _saved(model, source)
    tokenizer = load_tokenizer(model, source)
    if has_own_code(model, config):
        return tokenizer, None
    # Quantised weights have names and shapes of their own, which only their loader knows.
    empty = empty_model(model, architecture, config, None if is_quantised(config) else shapes)
    rows = empty.get_input_embeddings().weight.shape[0]
    check_generation(model, source.base, rows)
    note = settle_tokens(model, tokenizer, rows)
    check_adapters(model, source, empty)
    return tokenizer, note


def _saved(model: ModelSpec, source: ModelSource) -> Shapes | None:
    """Shapes of the saved weights; None for those that are still on the hub."""
    if source.base.revision is not None:
        return None
    return saved_shapes(model, source.base.folder, MODEL_WEIGHTS)
