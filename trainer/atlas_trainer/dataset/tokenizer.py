"""
The tokenizer of `spec.model`, loaded so that generation stops where the chat template ends a turn.

Loads no model.
"""

from typing import TYPE_CHECKING

from jinja2.exceptions import TemplateError

from atlas_api.errors import AtlasError, InvalidManifest, SourceUnreachable
from atlas_api.manifest.paths import expanded
from atlas_api.training.model import ModelSpec
from atlas_trainer.dataset.chat_tokens import end_of_turn

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_PATH_STARTS = ("/", ".", "~")
_HUB_ID_SLASHES = 1
_SHOWN = 160


def load_tokenizer(model: ModelSpec) -> "PreTrainedTokenizerBase":
    """Load the tokenizer of *model*, with `eos_token` set to what ends assistant turns, a pad token, and left padding.

    Raises `InvalidManifest` when the model is not there or has no usable chat template, `WrongEndToken` when its
    template ends turns with no special token, `SourceUnreachable` when the hub does not answer.
    """
    tokenizer = _load(model, address_of(model))
    if not tokenizer.is_fast:
        raise _invalid(model, "has a tokenizer without tokenizer.json; convert it to a fast tokenizer first")
    if not tokenizer.chat_template:
        raise _invalid(model, "has no chat template; use an instruct model, or add chat_template.jinja to the folder")
    try:
        tokenizer.eos_token = end_of_turn(tokenizer)
    except TemplateError as error:
        raise _invalid(model, f"has a chat template that cannot render a question and its answer: {error}") from None
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    tokenizer.padding_side = "left"
    return tokenizer


def address_of(model: ModelSpec) -> str:
    """Address of *model* for transformers. A path that is missing must not become a question to the hub."""
    folder = expanded(model.source)
    if folder.is_dir():
        return str(folder)
    if folder.exists():
        raise _invalid(model, "is a file; give the folder that holds the saved model")
    if model.source.startswith(_PATH_STARTS) or model.source.count("/") > _HUB_ID_SLASHES:
        raise _invalid(model, "no such folder; give a folder with a saved model, or a hub id like owner/name")
    return model.source


def _load(model: ModelSpec, address: str) -> "PreTrainedTokenizerBase":
    from transformers import AutoTokenizer

    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
            address, revision=model.revision, trust_remote_code=model.trust_remote_code
        )
    except (OSError, ValueError) as error:
        raise _translated(model, error) from error
    return tokenizer


def _translated(model: ModelSpec, error: Exception) -> AtlasError:
    from huggingface_hub.errors import LocalEntryNotFoundError

    reason = " ".join(str(error).split())
    if "trust_remote_code" in reason:
        return _invalid(model, "comes with Python code of its own; set model.trustRemoteCode: true if you trust it")
    if expanded(model.source).is_dir():
        return _invalid(model, f"the folder holds no tokenizer that can be loaded: {reason[:_SHOWN]}")
    if isinstance(error.__cause__, LocalEntryNotFoundError):
        return SourceUnreachable(
            f"spec.model.source: {model.source} is no folder here, and the model hub cannot be reached; "
            "check the path, or the network"
        )
    return _invalid(model, f"is no folder here, and the model hub does not give it: {reason[:_SHOWN]}")


def _invalid(model: ModelSpec, problem: str) -> InvalidManifest:
    return InvalidManifest([f"spec.model.source: {model.source}: {problem}"])
