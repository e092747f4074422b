"""
One judge decides one case: asks the small model at every temperature, and the large one where that is not enough.

Called by the ensemble. Knows neither the other judges nor what becomes of the scores.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from atlas_api.rewardservice.judging import JudgeModel, Judging
from atlas_api.scoring import JudgeResult, Sample
from atlas_rewards.judges.answer_parser import NoSample, Opinion, read_ranking, read_verdict
from atlas_rewards.judges.escalation import cause_of, doubt_of, least_uncertain
from atlas_rewards.judges.prompt import Case, Question, ask_about
from atlas_rewards.llm.answer import Answer, NoAnswer
from atlas_rewards.safety.untrusted_text import one_line

LARGEST_GROUP = 64
"""Candidates of one ranking: they share `maxCharacters` and `maxTokens`, and two rankings cannot be compared."""

Said = Sample | NoSample
"""Of one candidate, at one temperature."""


class Asks(Protocol):
    """Whoever can ask a model; `calls.Caller` is one."""

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


class Hearing:
    """Hears cases under one configuration, until *deadline*, a moment of `time.monotonic`."""

    def __init__(self, asks: Asks, judging: Judging, deadline: float) -> None:
        self._asks = asks
        self._judging = judging
        self.deadline = deadline

    async def hear(self, name: str, case: Case) -> list[JudgeResult]:
        """What the judge *name* says of each candidate of *case*, before any rule between judges."""
        began = time.monotonic()
        decided = await self._decide(name, case)
        seconds = time.monotonic() - began
        return [replace(result, seconds=seconds) for result in decided]

    def unheard(self, name: str, case: Case) -> list[JudgeResult]:
        """What *name* says of a case whose turn did not come before the deadline."""
        why = "deadline: no model was asked before it; the case waits for its turn among the calls in flight"
        late = NoSample(why, "deadline")
        return [_settled(name, [late] * len(self._judging.temperatures)) for _ in case.candidates]

    async def _decide(self, name: str, case: Case) -> list[JudgeResult]:
        if len(case.candidates) > LARGEST_GROUP:
            return [_too_many(name, len(case.candidates))] * len(case.candidates)
        rounds = await self._small(case)
        heard = [[said[index] for said in rounds] for index in range(len(case.candidates))]
        causes = [cause_of(_samples(said), self._judging.escalation) for said in heard]
        cause = next((cause for cause in causes if cause is not None), None)
        large = self._judging.models.large
        if cause is None or large is None:
            return [_settled(name, said, own) for said, own in zip(heard, causes, strict=True)]
        # A ranking is decided as a whole: scores of two rankings cannot be compared.
        finals = await self._large(large, case, heard)
        return [
            _reviewed(name, said, final, own or cause) for said, final, own in zip(heard, finals, causes, strict=True)
        ]

    async def _small(self, case: Case) -> list[list[Said]]:
        """What the small model said of each candidate, at each temperature."""
        model, limit = self._judging.models.small, self._judging.max_characters
        temperatures = self._judging.temperatures
        first = ask_about(case, temperatures[0], limit)
        questions = {value: ask_about(case, value, limit) if case.ranks else first for value in temperatures}
        calls = [
            self._ask(model, questions[value], value, temperatures[:place].count(value))
            for place, value in enumerate(temperatures)
        ]
        return list(await asyncio.gather(*calls))

    async def _large(self, model: JudgeModel, case: Case, heard: Sequence[Sequence[Said]]) -> list[Said]:
        value, limit = self._judging.escalation.temperature, self._judging.max_characters
        opinions = _opinions(ask_about(case, value, limit).names, heard)
        return await self._ask(model, ask_about(case, value, limit, opinions), value)

    async def _ask(self, model: JudgeModel, question: Question, temperature: float, repetition: int = 0) -> list[Said]:
        """A sample of each candidate, or why there is none."""
        known: dict[str, list[Opinion | NoSample]] = {}

        def usable(text: str) -> bool:
            known[text] = _read(text, question)
            return any(isinstance(said, Opinion) for said in known[text])

        try:
            answer = await self._asks.ask(
                model, question.messages, temperature, self.deadline, repetition=repetition, usable=usable
            )
        except NoAnswer as none:
            return [NoSample(f"{none.reason}: {one_line(str(none))}", none.reason)] * len(question.names)
        opinions = known.get(answer.text) or _read(answer.text, question)
        if answer.cut:
            cut = NoSample(f"the answer was cut at maxTokens; raise models.{self._role(model)}.maxTokens")
            opinions = [cut if isinstance(said, NoSample) else said for said in opinions]
        return [said if isinstance(said, NoSample) else _sample(said, temperature, model.model) for said in opinions]

    def _role(self, model: JudgeModel) -> str:
        return "small" if model is self._judging.models.small else "large"


def _read(text: str, question: Question) -> list[Opinion | NoSample]:
    if len(question.names) > 1:
        return read_ranking(text, question.names, question.material)
    return [read_verdict(text, question.material)]


def _sample(opinion: Opinion, temperature: float, model: str) -> Sample:
    return Sample(opinion.score, opinion.uncertainty, opinion.rationale, opinion.principles, temperature, model)


def _samples(said: Sequence[Said]) -> tuple[Sample, ...]:
    return tuple(one for one in said if isinstance(one, Sample))


def _too_many(name: str, candidates: int) -> JudgeResult:
    reason = (
        f"group mode compares at most {LARGEST_GROUP} different completions of a prompt, and there are {candidates}; "
        "send fewer in one request, or use mode: absolute"
    )
    return JudgeResult(name, None, reason=reason, causes=("tooMany",))


def _settled(name: str, said: Sequence[Said], cause: str | None = None) -> JudgeResult:
    samples = _samples(said)
    if not samples:
        return _silent(name, [one for one in said if isinstance(one, NoSample)])
    best = least_uncertain(samples)
    return JudgeResult(name, best.score, best.rationale, best.principles, samples, doubt_of(samples, cause))


def _silent(name: str, missing: Sequence[NoSample]) -> JudgeResult:
    why = one_line("; ".join(dict.fromkeys(one.reason for one in missing)), 600)
    causes = tuple(dict.fromkeys(one.cause for one in missing))
    return JudgeResult(name, None, reason=f"no sample of {len(missing)} can be used: {why}", causes=causes)


def _reviewed(name: str, said: Sequence[Said], final: Said, cause: str) -> JudgeResult:
    samples = _samples(said)
    if isinstance(final, NoSample):
        reason = f"the large model was asked ({cause}) and gave no verdict: {final.reason}"
        return JudgeResult(name, None, samples=samples, escalation_reason=cause, reason=reason, causes=(final.cause,))
    return JudgeResult(name, final.score, final.rationale, final.principles, samples, final.uncertainty, True, cause)


def _opinions(names: Sequence[str], heard: Sequence[Sequence[Said]]) -> str:
    """What the small model said of the candidates called *names*, for the large one."""
    lines: list[str] = []
    for name, said in zip(names, heard, strict=True):
        lines += [f"About {name}:"] if name else []
        lines += [_told(sample) for sample in _samples(said)] or ["Nothing usable was said."]
    return "\n\n".join(lines)


def _told(sample: Sample) -> str:
    principles = [f"- {one.name} (weight {one.weight:.2f}): {one.description}" for one in sample.principles]
    head = f"Score {sample.score:.2f}, uncertainty {sample.uncertainty:.2f}"
    return "\n".join([head, *principles, sample.rationale])
