"""
Scripted judges of the order desk: a fake. They go by rules where a model would read, so that the demo needs no key.

They see what models see.
"""

import re

from support.judges.judge_replies import JudgeRequest, Reply, verdict

_RUBRIC = re.compile(r"What you judge: (\w+)")
_SECTION = re.compile(r"<<(\w+) (\w{16})>>\n(.*?)\n<<END \1 \2>>", re.DOTALL)
_NUMBER = re.compile(r"\d+")
_ATTEMPT = re.compile(r"^Attempt \d+: ")
_LONG = 30
"""Characters from which an answer is no number alone, and the small model does not know what to make of it."""


def judge(request: JudgeRequest) -> Reply:
    """The verdict of the judge whose rubric the request holds."""
    rubric = _RUBRIC.search(request.text)
    shown = {name: text for name, _, text in _SECTION.findall(request.text)}
    answer = _ATTEMPT.sub("", shown.get("ANSWER") or shown.get("TRACE") or shown.get("PLAN") or "")
    right = shown.get("REFERENCE") == named(answer)
    score, rationale = _RULES[rubric[1] if rubric else "accuracy"](answer, right, shown.get("GUIDANCE"))
    if request.model.endswith("mini"):
        return _hasty(request, answer, score, rationale)
    return verdict(score, 0.05, rationale)


def named(answer: str) -> str | None:
    """The last number in *answer*: how the desk files it."""
    numbers = _NUMBER.findall(answer.partition("\n\nGuidance:")[0])
    return numbers[-1] if numbers else None


def _hasty(request: JudgeRequest, answer: str, score: float, rationale: str) -> Reply:
    """The small model: nearly the same, but it wavers over answers that are not just a number."""
    wavers = len(answer.partition("\n")[0]) > _LONG
    spread = 0.9 if wavers else 0.05
    moved = score - spread * request.temperature if score > spread else score + spread * request.temperature
    return verdict(round(min(1.0, moved), 3), 0.25 if wavers else 0.1, rationale)


def _accuracy(answer: str, right: bool, guidance: str | None) -> tuple[float, str]:
    del answer, guidance
    return (1.0, "The right order is named.") if right else (0.1, "Another order is named, or none.")


def _helpfulness(answer: str, right: bool, guidance: str | None) -> tuple[float, str]:
    del answer
    if guidance is None:
        return (0.9, "No guidance was needed.") if right else (0.3, "Guidance was needed and not given.")
    return (0.8, "The guidance led to the right order.") if right else (0.1, "The guidance was in vain.")


def _process(answer: str, right: bool, guidance: str | None) -> tuple[float, str]:
    del answer
    if right:
        return 0.95, "The number was found at once."
    return (0.4, "The form is right, and the guidance was not applied.") if guidance else (0.3, "A number was guessed.")


def _diagnosis(answer: str, right: bool, guidance: str | None) -> tuple[float, str]:
    del guidance
    if named(answer) is None:
        return 0.1, "The question was not understood: no number is named."
    return (0.9, "Looked for the order.") if right else (0.35, "Took the number of pieces for the order.")


_RULES = {"accuracy": _accuracy, "helpfulness": _helpfulness, "process": _process, "diagnosis": _diagnosis}
