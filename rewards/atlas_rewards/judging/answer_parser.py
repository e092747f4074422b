"""
A judge's answer, read. It is untrusted: the model may ramble, and may repeat what the judged text wants it to say.

    read_verdict(answer, material)                   # Opinion | NoSample
    read_ranking(answer, ("C2", "C1"), material)     # one each, in that order

JSON alone, in a Markdown fence or inside prose. Never raises for what an answer holds. Pure.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

from atlas_rewards.judging.untrusted import one_line, printable
from atlas_rewards.result import Principle

MAX_ANSWER = 250_000
"""Longer answers, in characters, are not read."""

MAX_RATIONALE = 8_000
MAX_PRINCIPLES = 10
MAX_NAME = 200
MAX_DESCRIPTION = 1_000
_MAX_TRIES = 100
"""Opening braces that are looked at, from the beginning and from the end."""

_OPENING = re.compile(r"\{(?=\s{0,100}[\"}])")
_END_OF_THOUGHTS = re.compile("</think>")

_Found = tuple[dict[str, Any], int, int]
"""A JSON object, and where it begins and ends in the answer."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a judge said, checked."""

    score: float
    uncertainty: float
    rationale: str
    principles: tuple[Principle, ...]


@dataclass(frozen=True, slots=True)
class NoSample:
    """Why an answer holds no opinion, in one line."""

    reason: str


def read_verdict(answer: str, material: str) -> Opinion | NoSample:
    """The verdict in *answer*. What stands word for word in *material*, the judged texts, is a quote, not a verdict."""
    documents = _documents(answer, "score", material)
    if isinstance(documents, NoSample):
        return documents
    return _only([_opinion(document, document.get("principles")) for document in documents])


def read_ranking(answer: str, names: Sequence[str], material: str) -> list[Opinion | NoSample]:
    """What *answer* says of each candidate in *names*. One that it forgot, or scored twice, has no sample."""
    documents = _documents(answer, "ranking", material)
    if isinstance(documents, NoSample):
        return [documents] * len(names)
    if len(documents) > 1:
        return [NoSample("the answer holds more than one ranking")] * len(names)
    entries = documents[0]["ranking"]
    known = [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    principles = documents[0].get("principles")
    return [
        _of_candidate(name, [entry for entry in known if entry.get("candidate") == name], principles) for name in names
    ]


def _of_candidate(name: str, entries: Sequence[dict[str, Any]], principles: Any) -> Opinion | NoSample:
    if not entries:
        return NoSample(f"the ranking leaves out {name}")
    return _only([_opinion(entry, principles) for entry in entries])


def _only(read: Sequence[Opinion | NoSample]) -> Opinion | NoSample:
    """The one opinion among *read*; several must agree."""
    opinions = [one for one in read if isinstance(one, Opinion)]
    if len({(opinion.score, opinion.uncertainty) for opinion in opinions}) > 1:
        return NoSample("the answer holds different verdicts")
    return opinions[-1] if opinions else read[0]


def _opinion(document: dict[str, Any], principles: Any) -> Opinion | NoSample:
    for field in ("score", "uncertainty"):
        if not _is_share(document.get(field)):
            said = f"is {_brief(document[field])}, not a number from 0 to 1" if field in document else "is missing"
            return NoSample(f"{field} {said}")
    rationale = document.get("rationale", document.get("explanation"))
    return Opinion(
        score=abs(float(document["score"])),
        uncertainty=abs(float(document["uncertainty"])),
        rationale=_text(rationale, MAX_RATIONALE),
        principles=_principles(principles),
    )


def _brief(value: Any) -> str:
    """*value* for a message. Lists and objects by their kind: they may be nested too deeply to be written."""
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    return one_line(json.dumps(value)[:60], 40)


def _is_share(value: Any) -> TypeGuard[float]:
    """Whether *value* is a number from 0 to 1. NaN is not, and true is not 1."""
    return type(value) in (int, float) and 0 <= value <= 1


def _principles(said: Any) -> tuple[Principle, ...]:
    entries = [entry for entry in said if isinstance(entry, dict)] if isinstance(said, list) else []
    return tuple(
        Principle(_text(entry.get("name"), MAX_NAME), float(weight), _text(entry.get("description"), MAX_DESCRIPTION))
        for entry in entries[:MAX_PRINCIPLES]
        if isinstance(entry.get("name"), str) and _is_share(weight := entry.get("weight"))
    )


def _text(said: Any, limit: int) -> str:
    return printable(said)[:limit] if isinstance(said, str) else ""


def _documents(answer: str, field: str, material: str) -> list[dict[str, Any]] | NoSample:
    """The JSON objects in *answer* that have *field* and are no quotes; at least one."""
    if len(answer) > MAX_ANSWER:
        return NoSample(f"the answer has {len(answer)} characters; more than {MAX_ANSWER} are not read")
    found = _after_thoughts(answer, list(_objects(answer, field)))
    if not found:
        return NoSample(
            f"no JSON object with {field} in the answer {one_line(answer, 80)!r}" if answer else "empty answer"
        )
    quotable = _squeezed(material) if field in material else ""
    own = [document for document, start, end in found if _squeezed(answer[start:end]) not in quotable]
    return own or NoSample("the answer only repeats a verdict that the judged text forged")


def _objects(text: str, field: str) -> Iterator[_Found]:
    """JSON objects in *text* that have *field*. What is inside of one is not looked at."""
    starts = [match.start() for match in _OPENING.finditer(text)]
    if len(starts) > 2 * _MAX_TRIES:
        starts = starts[:_MAX_TRIES] + starts[-_MAX_TRIES:]
    end = 0
    for start in starts:
        if start < end:
            continue
        try:
            document, after = _DECODER.raw_decode(text, start)
        except (ValueError, RecursionError):
            continue
        if field in document:
            end = after
            yield document, start, end


def _after_thoughts(text: str, found: list[_Found]) -> list[_Found]:
    """*found* without what a reasoning model wrote before it had made up its mind."""
    thoughts = [
        match.end() for match in _END_OF_THOUGHTS.finditer(text) if not any(s < match.start() < e for _, s, e in found)
    ]
    return [one for one in found if not thoughts or one[1] >= thoughts[-1]]


def _squeezed(text: str) -> str:
    return "".join(text.split())


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; a name that it gives twice has no value that anybody could rely on."""
    document = dict(pairs)
    if len(document) == len(pairs):
        return document
    times = Counter(name for name, _ in pairs)
    return {name: value if times[name] == 1 else "given twice" for name, value in pairs}


_DECODER = json.JSONDecoder(object_pairs_hook=_without_twins)
