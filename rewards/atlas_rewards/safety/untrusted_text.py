"""
Texts that others wrote, made fit to be shown to a judge. What is safe to show to anybody, `atlas_api.text` says.

Pure; it knows nothing about judges.
"""

import hashlib
import re
from collections.abc import Iterable

from atlas_api.text import visible

CODE_CHARACTERS = 16
_NOTE_CHARACTERS = 80
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
    r"""*text* for a judge, without anything that hides or steers: as `visible`, with a backslash in control tokens."""
    return _CONTROL_TOKEN.sub(r"\g<0>\\", visible(text))


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
