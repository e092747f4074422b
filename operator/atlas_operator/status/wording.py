"""Wording of conditions: messages of bounded length, reasons in one word. Pure."""

import re

from atlas_api.text import one_line

MESSAGE_LIMIT = 500
"""Characters of a message that goes into conditions, where the same one may stand several times."""

_REASON = re.compile(r"[A-Z][A-Za-z0-9]{0,63}")


def message(text: str) -> str:
    """*text*, which may quote what others wrote, as the message of a condition."""
    return one_line(text, MESSAGE_LIMIT)


def reason_in(text: str, otherwise: str) -> str:
    """*text* where it is one CamelCase word of at most 64 characters, else *otherwise*."""
    return text if _REASON.fullmatch(text) else otherwise
