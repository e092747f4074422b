"""Completions as texts that rewards read: marks of thoughts stay in them, also one that the prompt wrote."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from atlas_api.training.reward import ThoughtMarks
from atlas_rewards.thoughts import MARK_TOKENS, opened_by
from atlas_trainer.dataset.chat_tokens import prompt_text

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


class CompletionReader:
    """Reads the completions of one tokenizer.

    Many templates begin the thought in the prompt, so that a completion holds its end alone, and nothing at all where
    it was cut; some tokenizers call the marks special tokens, which texts are usually read without. In both cases a
    thought would look like an answer (`atlas_rewards.thoughts`).
    """

    def __init__(self, tokenizer: "PreTrainedTokenizerBase", marks: ThoughtMarks | None = None) -> None:
        """*marks*: those of `reward.answer.thought`."""
        self._tokenizer = tokenizer
        kept = {*MARK_TOKENS, *((marks.begin, marks.end) if marks else ())}
        special = {place for place, token in tokenizer.added_tokens_decoder.items() if token.special}
        self._left_out = {
            place
            for place in special.union(tokenizer.all_special_ids)
            if tokenizer.convert_ids_to_tokens(place) not in kept
        }
        self._opening = opened_by(prompt_text(tokenizer, [{"role": "user", "content": "question"}]), marks)

    def ended(self, ids: Sequence[int]) -> bool:
        """Whether a completion of *ids* ends by itself, with the end token; False: it was cut at the token limit."""
        return bool(ids) and ids[-1] == self._tokenizer.eos_token_id

    def text(self, ids: Sequence[int]) -> str:
        """The text of a completion of *ids*, without special tokens that are no marks."""
        said = [token for token in ids if token not in self._left_out]
        text: str = self._tokenizer.decode(said, skip_special_tokens=False)
        return self._opening + text
