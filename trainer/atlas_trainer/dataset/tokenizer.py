"""
The tokenizer of `spec.model`, loaded so that generation stops where the chat template ends a turn.

Loads no model.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from jinja2.exceptions import TemplateError

from atlas_api.errors import AtlasError
from atlas_api.text import one_line
from atlas_api.training.model import ModelSpec
from atlas_trainer.dataset.chat_tokens import end_of_turn, prompt_ids
from atlas_trainer.dataset.model_source import ModelSource, find_model, invalid

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_FILES = ("tokenizer.json", "tokenizer_config.json")
_SHOWN = 160


def load_tokenizer(model: ModelSpec, source: ModelSource | None = None) -> "PreTrainedTokenizerBase":
    """Load the tokenizer of *model*, with `eos_token` set to what ends assistant turns, a pad token, and left padding.

    *source* is what `find_model` found; left out, it is looked for. Raises `InvalidManifest` when the model is not
    there or has no usable chat template, `WrongEndToken` when its template ends turns with no special token,
    `SourceUnreachable` and `AccessDenied` when the hub does not answer or asks for rights.
    """
    tokenizer = _load(model, _folder(source or find_model(model)))
    if not tokenizer.is_fast:
        raise invalid(model, "has a tokenizer without tokenizer.json; convert it to a fast tokenizer first")
    if not tokenizer.chat_template:
        raise invalid(model, "has no chat template; use an instruct model, or add chat_template.jinja to the folder")
    try:
        tokenizer.eos_token = end_of_turn(tokenizer)
        prompt_ids(tokenizer, [{"role": "user", "content": "question"}])
    except TemplateError as error:
        reason = one_line(str(error), _SHOWN)
        raise invalid(model, f"has a chat template that cannot render a question and its answer: {reason}") from None
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    tokenizer.padding_side = "left"
    return tokenizer


def _folder(source: ModelSource) -> Path:
    """Folder of the tokenizer: adapters that were saved with one were trained with it."""
    adapters = source.adapters.folder if source.adapters else None
    has_its_own = adapters is not None and any((adapters / name).exists() for name in _FILES)
    return adapters if adapters is not None and has_its_own else source.base.folder


def _load(model: ModelSpec, folder: Path) -> "PreTrainedTokenizerBase":
    from transformers import AutoTokenizer

    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
            folder, trust_remote_code=model.trust_remote_code
        )
    except Exception as error:  # broken files end in KeyError, TypeError and bare Exception as well
        raise _translated(model, error) from error
    return tokenizer


def _translated(model: ModelSpec, error: Exception) -> AtlasError:
    if "trust_remote_code" in str(error):
        return invalid(model, "comes with Python code of its own; set model.trustRemoteCode: true if you trust it")
    return invalid(model, f"the folder holds no tokenizer that can be loaded: {one_line(str(error), _SHOWN)}")
