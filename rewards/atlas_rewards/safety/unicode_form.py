"""
Unicode normal forms of texts from outside, in linear time. Pure.

`unicodedata.normalize` sorts the combining marks of a letter in quadratic time and lets no other thread run meanwhile:
half a megabyte of marks would hold up the whole process for a minute.
"""

import unicodedata
from typing import Literal

import regex  # type: ignore[import-untyped]

_MARKS = regex.compile(r"[\p{M}\uff9e\uff9f]{30}")
"""A whole run as far as the Unicode standard wants it read: no script needs more marks on a letter. The last two are
sound marks of Japanese in half width, which are letters until they are normalised."""


def in_form(form: Literal["NFC", "NFKC"], text: str) -> str:
    """*text* in the Unicode *form*, in linear time: a run of marks is split by joiners, which stay in the text."""
    if text.isascii():
        return text
    return unicodedata.normalize(form, _MARKS.sub("\\g<0>\u034f", text))
