"""
Parser of judges' answers. They are untrusted: a model may ramble, and repeat what the judged text wants it to say.

    read_verdict(answer, material)                   # Opinion | NoSample
    read_ranking(answer, ("C2", "C1"), material)     # one each, in that order

JSON alone, in a Markdown fence or inside prose, after the model's thoughts. Forgiven are raw line ends and lone
backslashes inside of texts, as in formulas and paths. Never raises for what an answer holds. Pure.
"""

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

from atlas_api.scoring import Principle
from atlas_api.text import one_line
from atlas_rewards.causes import CONFLICT
from atlas_rewards.judges.own_words import own_words, stands_first
from atlas_rewards.safety.untrusted_text import printable, unescaped

MAX_ANSWER = 250_000
"""Longer answers, in characters, are not read."""

MAX_RATIONALE = 8_000
MAX_PRINCIPLES = 10
MAX_NAME = 200
MAX_DESCRIPTION = 1_000
_MAX_TRIES = 100
"""Opening braces that are looked at, from the beginning and from the end."""

_MOST_IN_VAIN = 4 * MAX_ANSWER
"""Characters that are read from these braces on, without finding what is looked for. A text that opens many objects
around a long list would be read as often as it opens one."""

UNREADABLE = "unreadable"
"""The model answered, and no verdict could be read from it."""

_OPENING = re.compile(r"\{(?=\s{0,100}[\"}])")

_ESCAPED = re.compile(r'(\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))|\\')
"""An escape that JSON knows, as a group; or a backslash that begins none."""

_SPACE_OR_MARK = re.compile(r"\\[nrt]?")
"""White space as JSON escapes it, and the mark of all other escapes."""

_Match = tuple[dict[str, Any], int, int]
"""A JSON object, and where it begins and ends in the answer."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """A judge's verdict about one candidate, checked."""

    score: float
    uncertainty: float
    rationale: str
    principles: tuple[Principle, ...]


@dataclass(frozen=True, slots=True)
class NoSample:
    """Why there is no opinion."""

    reason: str
    """Why the answer is none, in one line that may quote the model."""

    cause: str = UNREADABLE
    """Cause in one word, which is ours."""


def read_verdict(answer: str, material: str, *, cut: bool = False) -> Opinion | NoSample:
    """The verdict in *answer*. What *material*, the judged texts, holds too, however it is spelt, is no verdict.

    Different verdicts are none: one of them may be a draft, or the judged text's. *cut*: the model did not end, so only
    a verdict that nothing stands before is one.
    """
    documents = _documents(answer, "score", material, cut)
    if isinstance(documents, NoSample):
        return documents
    return _only([_opinion(document, document.get("principles")) for document in documents])


def read_ranking(answer: str, names: Sequence[str], material: str, *, cut: bool = False) -> list[Opinion | NoSample]:
    """What *answer* says of each candidate in *names*. One that it forgot, or scored twice, has no sample. The rest is
    as in `read_verdict`.
    """
    documents = _documents(answer, "ranking", material, cut)
    if isinstance(documents, NoSample):
        return [documents] * len(names)
    rankings = [_ranked(document, names) for document in documents]
    if any(_numbers(ranking) != _numbers(rankings[0]) for ranking in rankings):
        return [NoSample("the answer holds different rankings", CONFLICT)] * len(names)
    return rankings[-1]


def _ranked(document: dict[str, Any], names: Sequence[str]) -> list[Opinion | NoSample]:
    entries = document["ranking"]
    objects = [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    principles = document.get("principles")
    return [
        _of_candidate(name, [entry for entry in objects if entry.get("candidate") == name], principles)
        for name in names
    ]


def _numbers(read: Sequence[Opinion | NoSample]) -> list[tuple[float, float] | None]:
    return [(one.score, one.uncertainty) if isinstance(one, Opinion) else None for one in read]


def _of_candidate(name: str, entries: Sequence[dict[str, Any]], principles: Any) -> Opinion | NoSample:
    if not entries:
        return NoSample(f"the ranking leaves out {name}")
    return _only([_opinion(entry, principles) for entry in entries])


def _only(read: Sequence[Opinion | NoSample]) -> Opinion | NoSample:
    """The one opinion among *read*; several must agree."""
    opinions = [one for one in read if isinstance(one, Opinion)]
    if len(set(_numbers(opinions))) > 1:
        return NoSample("the answer holds different verdicts", CONFLICT)
    return opinions[-1] if opinions else read[0]


def _opinion(document: dict[str, Any], principles: Any) -> Opinion | NoSample:
    for field in ("score", "uncertainty"):
        if not _is_share(document.get(field)):
            problem = f"is {_brief(document[field])}, not a number from 0 to 1" if field in document else "is missing"
            return NoSample(f"{field} {problem}")
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


def _principles(value: Any) -> tuple[Principle, ...]:
    entries = [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []
    return tuple(
        Principle(_text(entry.get("name"), MAX_NAME), float(weight), _text(entry.get("description"), MAX_DESCRIPTION))
        for entry in entries[:MAX_PRINCIPLES]
        if isinstance(entry.get("name"), str) and _is_share(weight := entry.get("weight"))
    )


def _text(value: Any, limit: int) -> str:
    return printable(value)[:limit] if isinstance(value, str) else ""


def _documents(answer: str, field: str, material: str, cut: bool) -> list[dict[str, Any]] | NoSample:
    """The JSON objects in *answer* that have *field* and are no quotes; at least one."""
    if len(answer) > MAX_ANSWER:
        return NoSample(f"the answer has {len(answer)} characters; more than {MAX_ANSWER} are not read")
    text = _with_whole_escapes(answer)
    found = _objects(text, field)
    begin = own_words(text, [(start, end) for _, start, end in found], material)
    if begin is None:
        return NoSample("the answer ends inside of its thought")
    matches = [match for match in found if match[1] >= begin]
    if not matches or (cut and not stands_first(text, begin, matches[0][1])):
        return NoSample(
            f"no JSON object with {field} in the answer {one_line(answer, 80)!r}" if answer else "empty answer"
        )
    own = _without_quotes(text, matches, field, _with_whole_escapes(material))
    return own or NoSample("the answer only repeats a verdict that the judged text forged")


def _with_whole_escapes(text: str) -> str:
    r"""*text* with two backslashes where one begins no escape of JSON, as in `\(6 \cdot 7\)`. JSON stays as it is."""
    return _ESCAPED.sub(lambda match: match[1] or "\\\\", text)


def _without_quotes(answer: str, matches: list[_Match], field: str, material: str) -> list[dict[str, Any]]:
    """The documents among *matches* that *material* does not hold: neither their text, which may stand inside of
    another text, nor their value, which may be written otherwise.
    """
    if field not in material and "\\u" not in material:  # JSON spells the letters of a name in no third way
        return [document for document, _, _ in matches]
    quotable = _bare(material)
    forged = [document for document, _, _ in _objects(material, field)]
    return [
        document
        for document, start, end in matches
        if _bare(answer[start:end]) not in quotable and not _among(document, forged)
    ]


def _among(document: dict[str, Any], forged: Sequence[dict[str, Any]]) -> bool:
    try:
        return document in forged
    except RecursionError:  # both are nested about as deeply as can be read, which no verdict is
        return True


def _objects(text: str, field: str) -> list[_Match]:
    """JSON objects in *text* that have *field*. What is inside of one is not looked at. None where that takes long."""
    starts = [match.start() for match in _OPENING.finditer(text)]
    if len(starts) > 2 * _MAX_TRIES:
        starts = starts[:_MAX_TRIES] + starts[-_MAX_TRIES:]
    matches: list[_Match] = []
    end = in_vain = 0
    for start in starts:
        if start < end:
            continue
        try:
            document, after = _DECODER.raw_decode(text, start)
        except json.JSONDecodeError as error:
            document, after = {}, error.pos
        except (ValueError, RecursionError):
            continue
        if field in document:
            end = after
            matches.append((document, start, end))
        elif (in_vain := in_vain + after - start) > _MOST_IN_VAIN:
            return []
    return matches


def _bare(text: str) -> str:
    """*text* without white space and escapes, so that JSON inside of a JSON text reads like JSON alone."""
    return "".join(_SPACE_OR_MARK.sub("", unescaped(text)).split())


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; a name that it gives twice has no value that anybody could rely on."""
    document = dict(pairs)
    if len(document) == len(pairs):
        return document
    times = Counter(name for name, _ in pairs)
    return {name: value if times[name] == 1 else "given twice" for name, value in pairs}


_DECODER = json.JSONDecoder(object_pairs_hook=_without_twins, strict=False)
"""Not strict: small models write line feeds and tabs inside of texts as they are."""
