"""
`RIMReward` of ATLAS, called as before: programs that score with it need not be rewritten.

    reward = RIMReward(config_path="configs/rim_config.yaml")    # or a RewardService manifest
    reward(prompts, completions, ground_truths=[...])            # a list
    reward.evaluate("6*7?", "42", ground_truths="42").score

One thing differs on purpose: what could not be judged is None, not 0. The reward, the scores of the judges and the
structured breakdown are the same numbers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from atlas_api.scoring import ItemResult
from atlas_rewards.compat.rim_breakdown import RewardBreakdown, breakdown_of, explanation_of
from atlas_rewards.compat.rim_config import load_rim_config
from atlas_rewards.item import Item
from atlas_rewards.scorer import RewardScorer
from atlas_rewards.trl.columns import Text, items_of

_LISTS = {
    "ground_truths": "reference",
    "baseline_solutions": "baseline",
    "student_plans": "plan",
    "teacher_traces": "teacher_trace",
    "student_traces": "student_trace",
}
"""Argument, one text a completion or None for all, and the field of the item that it fills."""


@dataclass(frozen=True, slots=True)
class RIMEvaluation:
    """What is known of one completion."""

    score: float | None
    """Score from 0 to 1. None: nobody could judge the completion."""

    rationale: str
    """A paragraph for each judge, `name: text`."""

    judge_scores: dict[str, float | None]
    judge_explanations: dict[str, str]
    reward: RewardBreakdown
    extra: dict[str, Any] | None = None
    """`raw_tensors` and `info`, as the batched call gives them."""


class RIMReward:
    """A reward function, and a judge of single answers. Synchronous; also usable as one of TRL's reward functions."""

    def __init__(
        self,
        student_model: Any = None,
        teacher_model: Any = None,
        tokenizer: Any = None,
        config_path: str | Path = "configs/rim_config.yaml",
    ) -> None:
        """*config_path* is relative to the working directory. Models and tokenizer are kept and never used.

        Raises `InvalidManifest`.
        """
        self.__name__ = "RIMReward"
        self.student_model = student_model
        self.teacher_model = teacher_model
        self.tokenizer = tokenizer
        self._scorer = RewardScorer(load_rim_config(Path(config_path)))
        self._last: list[RewardBreakdown] = []

    @property
    def last_structured_rewards(self) -> list[RewardBreakdown]:
        """The breakdowns of the most recent call, in the order of its completions."""
        return self._last

    def __call__(
        self,
        prompts: Sequence[Text],
        completions: Sequence[Text],
        return_info_dict: bool = False,
        return_raw_tensors: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Rewards, one a completion: a list of numbers from 0 to 1, None where nobody could judge.

        With *return_info_dict* a pair of that list and one of dicts `rewards`, `explanations`, `structured_reward`;
        with *return_raw_tensors* as well, an empty dict a completion comes third. Raises ValueError for an argument
        that is one text, or has another length than *completions*.
        """
        results = self._scorer.score_sync(_items(prompts, completions, kwargs))
        rewards, infos = [result.score for result in results], [_info(result) for result in results]
        self._last = [info["structured_reward"] for info in infos]
        if not return_info_dict:
            return rewards
        return (rewards, infos, [{} for _ in results]) if return_raw_tensors else (rewards, infos)

    def evaluate(self, prompt: Text, response: Text, **kwargs: Any) -> RIMEvaluation:
        """Everything about one answer. Arguments that are lists in a batched call may be single texts here."""
        raw = bool(kwargs.pop("return_raw_tensors", False))
        lists = {
            name: [value] if name in _LISTS and not isinstance(value, list) else value for name, value in kwargs.items()
        }
        answer = self([prompt], [response], return_info_dict=True, return_raw_tensors=raw, **lists)
        info = answer[1][0]
        explanations = info["explanations"]
        return RIMEvaluation(
            score=answer[0][0],
            rationale="\n".join(f"{name}: {text}" for name, text in explanations.items() if text),
            judge_scores=info["rewards"],
            judge_explanations=explanations,
            reward=info["structured_reward"],
            extra={"raw_tensors": answer[2] if raw else None, "info": info},
        )

    def close(self) -> None:
        """Let go of the connections. The next call opens them again."""
        self._scorer.close_sync()


def _items(prompts: Sequence[Text], completions: Sequence[Text], arguments: Mapping[str, Any]) -> list[Item]:
    lists = {name: arguments[name] for name in _LISTS if arguments.get(name) is not None}
    for name, values in lists.items():
        if isinstance(values, str):
            raise ValueError(f"{name} is one text; give a list with one for each completion")
        if len(values) != len(completions):
            raise ValueError(f"{name} has {len(values)} entries for {len(completions)} completions")
    columns = {_LISTS[name]: values for name, values in lists.items()}
    columns["principles"] = [arguments.get("constitution_principles") or None] * len(completions)
    return items_of(prompts, completions, columns)


def _info(result: ItemResult) -> dict[str, Any]:
    return {
        "rewards": {judge.name: judge.score for judge in result.judges},
        "explanations": {judge.name: explanation_of(judge) for judge in result.judges},
        "structured_reward": breakdown_of(result),
    }
