r"""
Texts from outside, made safe to show: in a terminal, a report, a log line, a status, a judge's prompt.

One definition for the whole project. What hides or acts instead of showing becomes its escape (`\u202e`): control
characters, direction marks, zero-width and tag characters, lone surrogates, letters that look like a space. Joiners
that scripts need, and single variation selectors, stay. HTML is not escaped here: templates do that.
"""

import re

_BLANKS = "\u115f\u1160\u2800\u3164\uffa0"
"""Letters and signs that look like a space."""

_HIDDEN = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u17b4\u17b5\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\ud800-\udfff\ufeff\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    f"\U000e0000-\U000e00ff\U000e01f0-\U000e0fff{_BLANKS}"
)
_JOINERS = "\u200c\u200d"
_SELECTORS = "\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef"
"""Variation selectors: one may choose the form of what stands before it; a run of them, or one alone, only hides."""

_TO_ESCAPE = re.compile(f"[{_HIDDEN}{_SELECTORS}](?<![^\\s{_HIDDEN}{_SELECTORS}{_JOINERS}][{_SELECTORS}])")
_INVISIBLE = re.compile(f"[{_HIDDEN}{_SELECTORS}{_JOINERS}]")
_ELLIPSIS = "..."


def visible(text: str) -> str:
    r"""*text* with whatever hides or acts written as its escape. Tabs and line feeds (also `\r\n`) stay."""
    return _TO_ESCAPE.sub(_escape, text.replace("\r\n", "\n"))


def escaped(text: str) -> str:
    r"""*text* on one line, as `visible`, with line feeds and tabs as `\n` and `\t`: to quote a value exactly."""
    return visible(text).replace("\n", "\\n").replace("\t", "\\t")


def one_line(text: str, limit: int) -> str:
    """*text* as `visible`, on one line of at most *limit* characters (4 at least), white space folded."""
    words = text[: 4 * limit].split()  # cut first: the text may be long
    line = visible(" ".join(words))
    return line if len(line) <= limit else line[: limit - len(_ELLIPSIS)].rstrip() + _ELLIPSIS


def without_hidden(text: str) -> str:
    """*text* without anything invisible, to be compared; what looks like a space, or parts lines, is a space."""
    return _INVISIBLE.sub(lambda match: " " if match[0].isspace() or match[0] in _BLANKS else "", text)


def _escape(match: re.Match[str]) -> str:
    point = ord(match[0])
    return f"\\u{point:04x}" if point <= 0xFFFF else f"\\U{point:08x}"  # noqa: PLR2004
