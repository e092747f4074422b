"""
Make text from traces and models safe to look at.

Called by the terminal and the report for every text that the project did not write itself. HTML is not escaped here:
the templates do that.
"""

import re

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

# Control codes move a terminal's cursor, direction marks reorder what a reader sees, and lone surrogates cannot be
# written as UTF-8 at all. Tab and line feed stay.
_HARMFUL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def visible(text: str) -> str:
    """Replace every character that acts instead of showing by U+FFFD."""
    return _HARMFUL.sub(REPLACEMENT, text.replace("\r\n", "\n"))


def one_line(text: str, limit: int) -> str:
    """Put *text* on one line of at most *limit* characters, for tables and progress lines."""
    line = " ".join(visible(text).split())
    return line if len(line) <= limit else line[: limit - 3].rstrip() + "..."


def cut(text: str, limit: int) -> tuple[str, int]:
    """Return the first *limit* characters of *text*, made visible, and how many were left out."""
    shown = visible(text[: limit + 1])
    return shown[:limit], max(0, len(text) - limit)
