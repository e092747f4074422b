"""
The agent at the desk: a chat model that answers what it is asked.

It loads the original model or a checkpoint alike, and knows neither tasks nor the database. The SDK hands its messages
to an agent as one text; this one takes them as the two chat messages that they are.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from desk.prompt import Message

MAX_TOKENS = 24
"""Longest answer in tokens, as `grpo.maxCompletionTokens` in laptop-grpo.yaml: the agent works as it was trained."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model said, and what it cost."""

    text: str
    prompt_tokens: int
    completion_tokens: int
    milliseconds: float
    """Share of the answer in the time of its batch."""


class Agent:
    """A model that takes the most likely token each time, so that the same conversation gets the same answer."""

    def __init__(self, folder: Path) -> None:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        self.tokenizer = AutoTokenizer.from_pretrained(folder, padding_side="left")
        self.model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()

    def answer(self, conversations: Sequence[Sequence[Message]]) -> list[Answer]:
        """One answer for each conversation, all in one batch."""
        import torch

        started = time.perf_counter()
        batch = self.tokenizer.apply_chat_template(
            [list(conversation) for conversation in conversations],
            add_generation_prompt=True,
            padding=True,
            return_dict=True,
            return_tensors="pt",
        )
        with torch.no_grad():
            output = self.model.generate(
                **batch, max_new_tokens=MAX_TOKENS, do_sample=False, pad_token_id=self.tokenizer.pad_token_id
            )
        milliseconds = (time.perf_counter() - started) * 1000 / len(conversations)
        prompts = batch["attention_mask"].sum(dim=1).tolist()
        completions = output[:, batch["input_ids"].shape[1] :].tolist()
        return [self._read(ids, prompt, milliseconds) for ids, prompt in zip(completions, prompts, strict=True)]

    def _read(self, ids: list[int], prompt_tokens: int, milliseconds: float) -> Answer:
        end = self.tokenizer.eos_token_id
        length = ids.index(end) + 1 if end in ids else len(ids)
        text = self.tokenizer.decode(ids[:length], skip_special_tokens=True).strip()
        return Answer(text, prompt_tokens, length, milliseconds)
