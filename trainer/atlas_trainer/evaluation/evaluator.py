"""
The evaluator: measure a model on held-out tasks by letting it answer them, greedily.

Greedy decoding draws no random numbers, so that measuring does not change what is learnt next.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch

from atlas_api.errors import AtlasError, JudgeRefused, NothingScored, SourceUnreachable
from atlas_api.text import one_line
from atlas_api.training.reward import ThoughtMarks
from atlas_rewards import SUCCESS, Item, ItemResult
from atlas_rewards.causes import refused, unanswered
from atlas_rewards.item import metadata_of
from atlas_rewards.trl.judged_reward import JudgedReward, revisions_of
from atlas_trainer.dataset.chat_tokens import prompt_ids
from atlas_trainer.dataset.completions import CompletionReader
from atlas_trainer.dataset.rows import Row
from atlas_trainer.evaluation.measurement import EvaluationResult, Sample

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

BATCH = 16
_SHOWN = 400

Advance = Callable[[int, int], None]
"""Takes how many of how many tasks are answered."""


class Evaluator:
    """Answers held-out tasks and scores the answers."""

    def __init__(
        self,
        tokenizer: "PreTrainedTokenizerBase",
        reward: JudgedReward,
        rows: Sequence[Row],
        max_completion_tokens: int,
        marks: ThoughtMarks | None = None,
        *,
        cut_scores: bool = False,
    ) -> None:
        """*marks*: those of thoughts that `reward.answer.thought` names. *cut_scores*: an answer that was cut at the
        token limit gets the score of what there is instead of 0.
        """
        self.reader = CompletionReader(tokenizer, marks)
        self.tokenizer = tokenizer
        self.reward = reward
        self.rows = rows
        self.max_completion_tokens = max_completion_tokens
        self.cut_scores = cut_scores

    def measure(self, model: "PreTrainedModel", step: int, advance: Advance) -> EvaluationResult:
        """Measure *model* at *step*.

        Raises `NothingScored`, `SourceUnreachable` or `JudgeRefused` when no answer could be scored.
        """
        answers: dict[int, tuple[str, int, bool]] = {}
        by_length = sorted(range(len(self.rows)), key=lambda place: len(str(self.rows[place].prompt)))
        was_training = model.training
        model.eval()
        for start in range(0, len(by_length), BATCH):
            batch = by_length[start : start + BATCH]
            answers.update(zip(batch, self._answer(model, [self.rows[place] for place in batch]), strict=True))
            advance(len(answers), len(self.rows))
        model.train(was_training)
        return self._result(step, [(row, *answers[place]) for place, row in enumerate(self.rows)])

    def _answer(self, model: "PreTrainedModel", rows: Sequence[Row]) -> list[tuple[str, int, bool]]:
        """Answer the tasks of *rows*. For each: text, token count and whether it was cut."""
        prompts = [prompt_ids(self.tokenizer, row.prompt) for row in rows]
        batch = self.tokenizer.pad({"input_ids": prompts}, padding_side="left", return_tensors="pt").to(model.device)
        ends = _end_ids(model, self.tokenizer)
        with torch.no_grad():
            output = model.generate(
                **batch,
                do_sample=False,
                temperature=None,
                top_p=None,
                top_k=None,
                max_new_tokens=self.max_completion_tokens,
                eos_token_id=ends,
                pad_token_id=self.tokenizer.pad_token_id,
            )
        completions = output[:, batch["input_ids"].shape[1] :].tolist()
        return [self._read(ids, set(ends)) for ids in completions]

    def _read(self, ids: list[int], ends: set[int]) -> tuple[str, int, bool]:
        length = next((index + 1 for index, token in enumerate(ids) if token in ends), None)
        return self.reader.text(ids[:length]), length or len(ids), length is None

    def _result(self, step: int, answers: Sequence[tuple[Row, str, int, bool]]) -> EvaluationResult:
        """Score all answers at once: judges work on them at the same time."""
        scored = self.reward.score_sync([item_of(row, completion) for row, completion, _, _ in answers])
        if all(result.score is None for result in scored):
            raise _no_score(scored)
        results = [
            replace(result, score=0.0) if cut and not self.cut_scores and result.score is not None else result
            for result, (_, _, _, cut) in zip(scored, answers, strict=True)
        ]
        samples = [
            (_sample_of(row, completion, tokens, result), cut)
            for (row, completion, tokens, cut), result in zip(answers, results, strict=True)
        ]
        return _measured(step, samples, revisions_of(results))


def evaluated_rows(rows: Sequence[Row], samples: int) -> Sequence[Row]:
    """The held-out *rows* that are evaluated: an even pick of *samples* when there are more."""
    if len(rows) <= samples:
        return list(rows)
    return [rows[index * len(rows) // samples] for index in range(samples)]


def item_of(row: Row, completion: str) -> Item:
    """A completion of *row* as verifiers and judges see it."""
    metadata = metadata_of({"session_id": row.session_id, "task": row.task, "learning_key": row.learning_key})
    return Item(completion=completion, reference=row.reference, prompt=row.prompt, metadata=metadata)


def _sample_of(row: Row, completion: str, tokens: int, result: ItemResult) -> Sample:
    return Sample(
        session_id=row.session_id,
        turn=row.turn,
        task=row.task,
        prompt=tuple(dict(message) for message in row.prompt),
        completion=completion,
        reference=row.reference,
        reward=result.score,
        parts=result.parts,
        tokens=tokens,
    )


def _no_score(results: Sequence[ItemResult]) -> AtlasError:
    """The error for a measurement without a score. Judges that could not answer may do so in a later attempt."""
    lost = [result for result in results if unanswered(result)]
    if not lost:
        return NothingScored("no held-out answer could be scored: check spec.reward and the recorded answers")
    told = (
        f"no held-out answer could be scored: judges could not answer about {len(lost)} of {len(results)}"
        f" ({one_line('; '.join(lost[0].reasons), _SHOWN)})"
    )
    if all(map(refused, lost)):
        return JudgeRefused(f"{told}; mend that, and start again")
    return SourceUnreachable(f"{told}; start again once their endpoint answers")


def _measured(step: int, samples: Sequence[tuple[Sample, bool]], revisions: tuple[str, ...]) -> EvaluationResult:
    rewards = [sample.reward for sample, _ in samples if sample.reward is not None]
    return EvaluationResult(
        step=step,
        success=sum(reward >= SUCCESS for reward in rewards) / len(rewards),
        reward=sum(rewards) / len(rewards),
        tokens=sum(sample.tokens for sample, _ in samples) / len(samples),
        truncated=sum(cut for _, cut in samples) / len(samples),
        unscored=len(samples) - len(rewards),
        samples=tuple(sample for sample, _ in samples),
        revisions=revisions,
    )


def _end_ids(model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase") -> list[int]:
    declared: Any = model.generation_config.eos_token_id
    declared = declared if isinstance(declared, list) else [declared]
    return sorted({tokenizer.eos_token_id, *(token for token in declared if token is not None)})
