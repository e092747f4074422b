"""
One judge decides one case: asks the small model at every temperature, and the large one where that is not enough.

Knows neither the other judges nor what becomes of the scores.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from atlas_api.rewardservice.judging import JudgeModel, Judging
from atlas_api.scoring import JudgeResult, Sample
from atlas_api.text import one_line
from atlas_rewards.causes import CONFLICT
from atlas_rewards.judges.answer_parser import NoSample, Opinion, read_ranking, read_verdict
from atlas_rewards.judges.escalation import escalation_reason, least_uncertain, uncertainty_of
from atlas_rewards.judges.prompt import Case, Question, ask_about
from atlas_rewards.llm.answer import Answer, NoAnswer

LARGEST_GROUP = 64
"""Candidates of one ranking: they share `maxCharacters` and `maxTokens`, and two rankings cannot be compared."""

SampleResult = Sample | NoSample
"""The sample of one candidate at one temperature, or why there is none."""


class ModelClient(Protocol):
    """Whoever can ask a model; `llm.client.LLMClient` is one."""

    async def ask(
        self,
        model: JudgeModel,
        messages: Sequence[dict[str, str]],
        temperature: float,
        deadline: float | None = None,
        *,
        repetition: int = 0,
        usable: Callable[[str], bool] = ...,
    ) -> Answer:
        """The answer of *model*. Raises NoAnswer. *deadline* is a moment of `time.monotonic`."""
        ...


class JudgeRunner:
    """Runs judges of one configuration until *deadline*, a moment of `time.monotonic`."""

    def __init__(self, client: ModelClient, judging: Judging, deadline: float) -> None:
        self._client = client
        self._judging = judging
        self.deadline = deadline

    async def run(self, name: str, case: Case) -> list[JudgeResult]:
        """What the judge *name* says of each candidate of *case*, before any rule between judges."""
        began = time.monotonic()
        results = await self._decide(name, case)
        seconds = time.monotonic() - began
        return [replace(result, seconds=seconds) for result in results]

    def not_run(self, name: str, case: Case) -> list[JudgeResult]:
        """What is known of a case that got no place among the calls in flight before the deadline: no verdict."""
        why = "deadline: no model was asked before it; the case waits for its turn among the calls in flight"
        late = NoSample(why, "deadline")
        return [_small_verdict(name, [late] * len(self._judging.temperatures)) for _ in case.candidates]

    async def _decide(self, name: str, case: Case) -> list[JudgeResult]:
        if len(case.candidates) > LARGEST_GROUP:
            return [_too_many(name, len(case.candidates))] * len(case.candidates)
        rounds = await self._small(case)
        results = [[one[index] for one in rounds] for index in range(len(case.candidates))]
        reasons = [escalation_reason(_samples(each), self._judging.escalation) for each in results]
        reason = next((reason for reason in reasons if reason is not None), None)
        large = self._judging.models.large
        if reason is None or large is None:
            return [_small_verdict(name, each, own) for each, own in zip(results, reasons, strict=True)]
        # A ranking is decided as a whole: scores of two rankings cannot be compared.
        finals = await self._large(large, case, results)
        return [
            _large_verdict(name, each, final, own or reason)
            for each, final, own in zip(results, finals, reasons, strict=True)
        ]

    async def _small(self, case: Case) -> list[list[SampleResult]]:
        """Samples of the small model: at each temperature, one of each candidate."""
        model, limit = self._judging.models.small, self._judging.max_characters
        temperatures = self._judging.temperatures
        first = ask_about(case, temperatures[0], limit)
        questions = {value: ask_about(case, value, limit) if case.ranks else first for value in temperatures}
        calls = [
            self._ask(model, questions[value], value, temperatures[:place].count(value))
            for place, value in enumerate(temperatures)
        ]
        return list(await asyncio.gather(*calls))

    async def _large(
        self, model: JudgeModel, case: Case, small: Sequence[Sequence[SampleResult]]
    ) -> list[SampleResult]:
        value, limit = self._judging.escalation.temperature, self._judging.max_characters
        opinions = _opinions(ask_about(case, value, limit).names, small)
        return await self._ask(model, ask_about(case, value, limit, opinions), value)

    async def _ask(
        self, model: JudgeModel, question: Question, temperature: float, repetition: int = 0
    ) -> list[SampleResult]:
        """A sample of each candidate, or why there is none."""
        parsed: dict[str, list[Opinion | NoSample]] = {}

        def usable(text: str) -> bool:
            parsed[text] = _read(text, question)
            return any(isinstance(one, Opinion) for one in parsed[text])

        try:
            answer = await self._client.ask(
                model, question.messages, temperature, self.deadline, repetition=repetition, usable=usable
            )
        except NoAnswer as none:
            return [NoSample(f"{none.reason}: {one_line(str(none), 300)}", none.reason)] * len(question.names)
        if answer.cut:
            cut = NoSample(f"the answer was cut at maxTokens; raise models.{self._role(model)}.maxTokens")
            read = _read(answer.text, question, cut=True)
            opinions = [cut if isinstance(one, NoSample) else one for one in read]
        else:
            opinions = parsed.get(answer.text) or _read(answer.text, question)
        return [one if isinstance(one, NoSample) else _sample(one, temperature, model.model) for one in opinions]

    def _role(self, model: JudgeModel) -> str:
        return "small" if model is self._judging.models.small else "large"


def _read(text: str, question: Question, *, cut: bool = False) -> list[Opinion | NoSample]:
    if len(question.names) > 1:
        return read_ranking(text, question.names, question.material, cut=cut)
    return [read_verdict(text, question.material, cut=cut)]


def _sample(opinion: Opinion, temperature: float, model: str) -> Sample:
    return Sample(opinion.score, opinion.uncertainty, opinion.rationale, opinion.principles, temperature, model)


def _samples(results: Sequence[SampleResult]) -> tuple[Sample, ...]:
    return tuple(one for one in results if isinstance(one, Sample))


def _too_many(name: str, candidates: int) -> JudgeResult:
    reason = (
        f"group mode compares at most {LARGEST_GROUP} different completions of a prompt, and there are {candidates}; "
        "send fewer in one request, or use mode: absolute"
    )
    return JudgeResult(name, None, reason=reason, causes=("tooMany",))


def _small_verdict(name: str, results: Sequence[SampleResult], reason: str | None = None) -> JudgeResult:
    samples = _samples(results)
    if not samples:
        return _no_verdict(name, [one for one in results if isinstance(one, NoSample)])
    best = least_uncertain(samples)
    doubt = uncertainty_of(samples, reason)
    return JudgeResult(name, best.score, best.rationale, best.principles, samples, doubt, conflicts=_conflicts(results))


def _no_verdict(name: str, missing: Sequence[NoSample]) -> JudgeResult:
    why = one_line("; ".join(dict.fromkeys(one.reason for one in missing)), 600)
    causes = tuple(dict.fromkeys(one.cause for one in missing))
    reason = f"no sample of {len(missing)} can be used: {why}"
    return JudgeResult(name, None, reason=reason, causes=causes, conflicts=_conflicts(missing))


def _conflicts(results: Sequence[SampleResult]) -> int:
    return sum(isinstance(one, NoSample) and one.cause == CONFLICT for one in results)


def _large_verdict(name: str, small: Sequence[SampleResult], final: SampleResult, reason: str) -> JudgeResult:
    known = JudgeResult(
        name, None, samples=_samples(small), escalation_reason=reason, conflicts=_conflicts([*small, final])
    )
    if isinstance(final, NoSample):
        problem = f"the large model was asked ({reason}) and gave no verdict: {final.reason}"
        return replace(known, reason=problem, causes=(final.cause,))
    return replace(
        known,
        score=final.score,
        rationale=final.rationale,
        principles=final.principles,
        uncertainty=final.uncertainty,
        escalated=True,
    )


def _opinions(names: Sequence[str], results: Sequence[Sequence[SampleResult]]) -> str:
    """Opinions of the small model about the candidates called *names*, for the large one."""
    lines: list[str] = []
    for name, each in zip(names, results, strict=True):
        lines += [f"About {name}:"] if name else []
        lines += [_as_text(sample) for sample in _samples(each)] or ["Nothing usable was said."]
    return "\n\n".join(lines)


def _as_text(sample: Sample) -> str:
    principles = [f"- {one.name} (weight {one.weight:.2f}): {one.description}" for one in sample.principles]
    head = f"Score {sample.score:.2f}, uncertainty {sample.uncertainty:.2f}"
    return "\n".join([head, *principles, sample.rationale])
