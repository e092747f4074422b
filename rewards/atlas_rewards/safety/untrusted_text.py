"""
Texts that others wrote, made fit to be shown: to a judge, in a log line, in a report; or to be compared.

Called by the prompts, the parser, the reasons of missing verdicts and anti-gaming. Pure; knows nothing about judges.
"""

import hashlib
import re
from collections.abc import Iterable

CODE_CHARACTERS = 16
_NOTE_CHARACTERS = 80
_BLANKS = "\u115f\u1160\u2800\u3164\uffa0"
"""Letters and signs that look like a space."""

_UNSEEN = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u17b4\u17b5\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\ud800-\udfff\ufeff\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    f"\U000e0000-\U000e00ff\U000e01f0-\U000e0fff{_BLANKS}"
)
_JOINERS = "\u200c\u200d"
_SELECTORS = "\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef"
"""Variation selectors: one may choose the form of what stands before it; a run of them, or one alone, only hides."""

_INVISIBLE = re.compile(f"[{_UNSEEN}{_SELECTORS}](?<![^\\s{_UNSEEN}{_SELECTORS}{_JOINERS}][{_SELECTORS}])")
_ALL_INVISIBLE = re.compile(f"[{_UNSEEN}{_SELECTORS}{_JOINERS}]")
_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")
_CONTROL_TOKEN = re.compile(
    r"""[<\[](?=
        [|\uff5c][^\s<>]{1,64}[|\uff5c]>                    # <|im_start|> and its relatives
        | /?(?:s|bos|eos|pad|unk|mask|think|start_of_turn|end_of_turn|tool_call|tool_response)>
        | </?SYS>>
        | /?(?:INST|SYSTEM_PROMPT|TOOL_CALLS|TOOL_RESULTS|AVAILABLE_TOOLS)\]
    )""",
    re.VERBOSE | re.IGNORECASE,
)


def printable(text: str) -> str:
    r"""*text* without anything that hides or steers: invisible characters and lone surrogates become `\u202e`,
    control tokens of chat templates get a backslash. Line feeds and tabs stay, and so do joiners that scripts need and
    single variation selectors.
    """
    return _CONTROL_TOKEN.sub(r"\g<0>\\", _INVISIBLE.sub(_escaped, text))


def one_line(text: str, limit: int = 300) -> str:
    """*text* for a log line or a reason: printable, at most *limit* characters, line feeds and tabs escaped."""
    shown = printable(text[: limit + 1]).replace("\n", "\\n").replace("\t", "\\t")
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def seen(text: str) -> str:
    """*text* without anything invisible, for comparisons; what looks like a space, or parts lines, is a space."""
    return _ALL_INVISIBLE.sub(lambda match: " " if match[0].isspace() or match[0] in _BLANKS else "", text)


def unescaped(text: str) -> str:
    r"""*text* with the letter `o` for `\u006f`, and so on: names in JSON can be spelt like that."""
    return _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)


def without_middle(text: str, limit: int, code: str) -> str:
    """*text*, or its beginning and end when it is longer than *limit* (100 at least), with a note that tells so."""
    if len(text) <= limit:
        return text
    kept = limit - _NOTE_CHARACTERS
    head, tail = kept - kept // 2, kept // 2
    return f"{text[:head]}\n[{code}: {len(text) - kept} characters left out]\n{text[len(text) - tail :]}"


def code_for(texts: Iterable[str]) -> str:
    """A code that none of *texts* contains. The same texts have the same code, so that requests can be remembered."""
    known = tuple(texts)
    lengths = ",".join(str(len(text)) for text in known)
    digest = hashlib.sha256("\0".join((lengths, *known)).encode("utf-8", "surrogatepass"))
    while True:
        code = digest.hexdigest()[:CODE_CHARACTERS]
        if not any(code in text for text in known):
            return code
        digest.update(b"again")


def _escaped(match: re.Match[str]) -> str:
    point = ord(match[0])
    return f"\\u{point:04x}" if point <= 0xFFFF else f"\\U{point:08x}"  # noqa: PLR2004
