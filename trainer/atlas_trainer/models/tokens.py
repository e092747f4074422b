"""
Whether the model has a place for each token of its tokenizer.

An id beyond the embedding is no row of it: the first forward pass would end in an index error.
"""

from typing import TYPE_CHECKING

from jinja2.exceptions import TemplateError

from atlas_api.training.model import ModelSpec
from atlas_trainer.dataset.chat_tokens import prompt_ids
from atlas_trainer.dataset.model_source import invalid
from atlas_trainer.traces.messages import Message

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_PROBE: tuple[Message, ...] = (
    {"role": "system", "content": "system"},
    {"role": "user", "content": "question"},
    {"role": "assistant", "content": "answer"},
    {"role": "user", "content": "question"},
)


def settle_tokens(model: ModelSpec, tokenizer: "PreTrainedTokenizerBase", rows: int) -> str | None:
    """Check that a model with *rows* tokens has all that *tokenizer* can make, and pad with one that it has.

    Special tokens that nothing uses may lie beyond: prompts that spell them are dropped, and templates do not write
    them. A padding token beyond is replaced by the end token, which nothing is learnt from at that place; what was done
    is returned. Raises `InvalidManifest` for any other token beyond.
    """
    special = {id_ for id_, token in tokenizer.added_tokens_decoder.items() if token.special}
    beyond = {id_: token for token, id_ in tokenizer.get_vocab().items() if id_ >= rows}
    written = {tokenizer.eos_token_id, *_written(tokenizer)}
    used = sorted(id_ for id_ in beyond if id_ not in special or id_ in written)
    if used:
        raise invalid(
            model,
            f"{len(used)} tokens of its tokenizer are none of the model's {rows}, first {beyond[used[0]]!r} "
            f"({used[0]}): tokens were added and the model not resized; take the tokenizer that the model was trained "
            "with, or save the model after resize_token_embeddings",
        )
    if tokenizer.pad_token_id not in beyond:
        return None
    unknown = f"{tokenizer.pad_token} ({tokenizer.pad_token_id})"
    tokenizer.pad_token = tokenizer.eos_token
    return f"the tokenizer pads with {unknown}, which the model of {rows} tokens does not have; padded with " + (
        f"{tokenizer.eos_token} instead"
    )


def _written(tokenizer: "PreTrainedTokenizerBase") -> list[int]:
    """Tokens that the chat template writes. Some templates take no conversation of several turns."""
    try:
        return prompt_ids(tokenizer, _PROBE)
    except TemplateError:
        return prompt_ids(tokenizer, _PROBE[-1:])
