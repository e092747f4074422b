"""
Text that others wrote, made fit for a condition: one line, printable, short.

Called by everything that puts words of pods, events or trainers into a status.
"""

import re

MESSAGE_LIMIT = 500
"""Characters of a message that goes into conditions, where the same one may stand several times."""

_REASON = re.compile(r"[A-Z][A-Za-z0-9]{0,63}")


def one_line(text: str, limit: int = MESSAGE_LIMIT) -> str:
    """*text* on one line of at most *limit* characters, without any that is not printable."""
    # Cut before looking at each character: the text may be long.
    words = text[: 4 * limit].split()
    line = "".join(character for character in " ".join(words) if character.isprintable())
    return line if len(line) <= limit else line[: limit - 3].rstrip() + "..."


def reason_in(text: str, otherwise: str) -> str:
    """*text* where it is one CamelCase word of at most 64 characters, else *otherwise*."""
    return text if _REASON.fullmatch(text) else otherwise
