"""
What an endpoint says about an error, in its own words: whoever has to mend it finds nothing better. Pure.

Every maker writes errors in a form of its own: `{"error": {"message": ...}}`, a list of these, `detail`, plain text, a
page. None may show the key, of which some repeat the beginning and the end.
"""

import html
import re
from dataclasses import dataclass
from typing import Any

from atlas_api.inputs.budgets import JUDGE_ANSWER, OverBudgetError, decode_json
from atlas_api.text import escaped

_QUOTED = 200
_LOOKED_AT = 4000
"""Characters of a page or a plain text that are read: whatever it says of the error, it says first."""

_PIECE = 4
"""Letters of the key, at its beginning or its end, that are too many in a word."""

_SHORT = 8
"""Length below which a key is a placeholder, like `EMPTY`, whose pieces may be any word's."""

_MESSAGES = ("message", "msg", "detail", "error_description", "title", "reason", "error")
_INNER = ("error", "detail", "errors")
_CODES = ("code", "status", "status_code", "statusCode")
_ERRORS = range(400, 600)
_DEEPEST = 4

_TITLE = re.compile(r"<(?:title|message)\b[^>]*>(.*?)</", re.IGNORECASE | re.DOTALL)
"""Title of a page, or message of an error in XML."""

_WORD = re.compile(r"[^\s\"'`<>()\[\]{},;]+")


@dataclass(frozen=True, slots=True)
class Complaint:
    """An error as its endpoint tells it."""

    words: str
    """One short printable line without keys; empty when it says nothing."""

    status: int | None = None
    """HTTP status that the text names, 400 to 599; None: none."""


def complaint_in(body: Any, key: str | None) -> Complaint:
    """What *body* (bytes, or JSON that was read already) says, without *key*."""
    if isinstance(body, bytes):
        try:
            body = decode_json(body, JUDGE_ANSWER)
        except OverBudgetError:
            return Complaint("")
        except ValueError:
            return Complaint(_told(_plain(body), key))
    words, status = _found(body, _DEEPEST)
    return Complaint(_told(words, key), status)


def without_key(text: str, key: str | None) -> str:
    """*text*, in case that it repeats *key*: some servers say which key they refuse."""
    return text.replace(key, "***") if key else text


def _found(error: Any, deepest: int) -> tuple[str, int | None]:
    """Words and status of an error in JSON."""
    if isinstance(error, list):
        error = next((one for one in error if isinstance(one, dict | str)), None)
    if isinstance(error, str):
        return error, None
    if not isinstance(error, dict):
        return "", None
    status = next((code for code in map(_status, map(error.get, _CODES)) if code is not None), None)
    words = next((error[name] for name in _MESSAGES if isinstance(error.get(name), str) and error[name].strip()), "")
    for inner in (error.get(name) for name in _INNER if deepest):
        inner_words, inner_status = _found(inner, deepest - 1) if isinstance(inner, dict | list) else ("", None)
        if inner_words or inner_status is not None:
            return inner_words or words, status if inner_status is None else inner_status
    return words, status


def _status(code: Any) -> int | None:
    """*code*, where it is the number of an HTTP error."""
    digits = str(code) if type(code) in (int, str) and len(str(code)[:4]) == 3 else ""  # noqa: PLR2004
    return int(digits) if digits.isascii() and digits.isdecimal() and int(digits) in _ERRORS else None


def _plain(body: bytes) -> str:
    """What a text says first; of a page its title. Nothing where it is no text."""
    try:
        text = body.decode("utf-8-sig").lstrip()[:_LOOKED_AT]
    except UnicodeDecodeError:
        return ""
    if text.startswith("<"):
        title = _TITLE.search(text)
        return html.unescape(title[1]) if title else ""
    return text


def _told(words: str, key: str | None) -> str:
    words = without_key(words[:_LOOKED_AT], key)
    if key is not None and len(key) >= _SHORT:
        words = _WORD.sub(lambda word: "***" if _shows(word[0], key) else word[0], words)
    return escaped(words.strip()[:_QUOTED])[:_QUOTED].rstrip(". ")


def _shows(word: str, key: str) -> bool:
    """Whether *word* shows enough of *key* to know it from others, as `sk-ab****yz12` does."""
    return key[:_PIECE] in word or key[-_PIECE:] in word
