"""Judges without HTTP: configurations, items, and a model that answers as a function does."""

import asyncio
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from atlas_api import parse
from atlas_api.rewardservice.judging import JudgeModel
from atlas_api.rewardservice.spec import RewardServiceSpec
from atlas_api.scoring import ItemResult, JudgeResult, Principle, Sample
from atlas_rewards.item import Item
from atlas_rewards.judges.ensemble import Ensemble
from atlas_rewards.llm.answer import Answer, NoAnswer
from atlas_rewards.scorer import verifiers_of

FOUR = ("accuracy", "helpfulness", "process", "diagnostic")


def spec_of(
    *rubrics: str, base_url: str = "http://127.0.0.1:1/v1", large: bool = True, **changes: Any
) -> RewardServiceSpec:
    """A configuration with these judges, all four when none are named; *changes* as on the wire."""
    models = {"small": {"model": "small", "baseUrl": base_url}}
    if large:
        models["large"] = {"model": "large", "baseUrl": base_url}
    judges = [{"name": name, "rubric": name} for name in rubrics or FOUR]
    return parse(RewardServiceSpec, {"judges": judges, "models": models, **changes})


def item_of(completion: str = "It is 42.", prompt: str = "What is 6*7?", **more: Any) -> Item:
    return Item(completion, prompt=({"role": "user", "content": prompt},), **more)


def judge_answer(score: Any = 0.7, uncertainty: Any = 0.1, rationale: Any = "It holds.", **more: Any) -> str:
    """A judge's answer."""
    return json.dumps({"score": score, "uncertainty": uncertainty, "rationale": rationale, **more})


@dataclass(frozen=True)
class Call:
    """What a model was asked."""

    model: str
    messages: tuple[dict[str, str], ...]
    temperature: float
    repetition: int
    deadline: float | None

    @property
    def system(self) -> str:
        return self.messages[0]["content"]

    @property
    def material(self) -> str:
        return self.messages[1]["content"]

    @property
    def judge(self) -> str:
        """Which of the four rubrics it is about."""
        named = re.search(r"What you judge: (\w+)", self.system)
        assert named is not None
        return {"diagnosis": "diagnostic"}.get(named[1], named[1])

    @property
    def answer(self) -> str:
        """The judged completion."""
        shown = re.search(r"<<ANSWER \w+>>\n(.*?)\n<<END", self.material, re.DOTALL)
        assert shown is not None
        return shown[1]

    @property
    def candidates(self) -> dict[str, str]:
        """Name and answer of each candidate of a ranking, in the order that the judge sees."""
        return dict(re.findall(r"<<(C\d+) ANSWER \w+>>\n(.*?)\n<<END", self.material, re.DOTALL))


AnswerScript = Callable[[Call], str]
"""May raise NoAnswer."""


class ScriptedModel:
    """A model that answers as *says* does, at once. Remembers the calls."""

    def __init__(self, says: AnswerScript) -> None:
        self._says = says
        self.calls: list[Call] = []

    async def ask(
        self,
        model: JudgeModel,
        messages: Sequence[dict[str, str]],
        temperature: float,
        deadline: float | None = None,
        *,
        repetition: int = 0,
        usable: Callable[[str], bool] = lambda _: True,
    ) -> Answer:
        call = Call(model.model, tuple(messages), temperature, repetition, deadline)
        self.calls.append(call)
        await asyncio.sleep(0)
        return Answer(self._says(call), tokens=0, seconds=0.0, cached=False)

    async def close(self) -> None:
        """Nothing is open."""


def failing(_: Call) -> str:
    raise NoAnswer("unreachable", "no connection")


def score_all(items: Sequence[Item], says: AnswerScript, spec: RewardServiceSpec | None = None) -> list[ItemResult]:
    return score_with_calls(items, says, spec)[0]


def score_one(says: AnswerScript, spec: RewardServiceSpec | None = None, item: Item | None = None) -> ItemResult:
    """The result of one item."""
    return score_all([item or item_of()], says, spec)[0]


def score_with_calls(
    items: Sequence[Item], says: AnswerScript, spec: RewardServiceSpec | None = None
) -> tuple[list[ItemResult], list[Call]]:
    """The results, and what the model was asked for them."""
    spec, model = spec or spec_of(), ScriptedModel(says)
    results = asyncio.run(Ensemble(spec, model, verifiers_of(spec)).score(items))
    return results, model.calls


def judge_result(name: str, score: float | None, **more: Any) -> JudgeResult:
    return JudgeResult(name, score, reason="timeout: took too long" if score is None else None, **more)


def sample(score: float, uncertainty: float = 0.1) -> Sample:
    return Sample(score, uncertainty, "", (Principle("clarity", 1.0),), 0.2, "small")
