"""
Prompts that are too long lose what they can do without: parts of results, the oldest first. Pure.

Results of tools are shortened before the prior results that the SDK writes into the agent's message. The task, the
instructions and the demanded form stay whole.
"""

import re
from collections.abc import Sequence

from atlas_trainer.traces.messages import Message

_KEPT = 200
"""Characters that stay of a shortened result, half of them at each end."""

_PRIOR_RESULTS = re.compile(
    r"(?<=\nValidated Prior Results \(artifacts when available\): ).*(?=\nGuidance History: )", re.S
)


def shortened(messages: Sequence[Message], excess: int) -> tuple[Message, ...] | None:
    """*messages* with at least *excess* characters less. None when the results in them are not long enough for that."""
    left = list(messages)
    for place, message in enumerate(left):
        if excess > 0 and message["role"] == "tool":
            content = _cut(message["content"], excess)
            excess -= len(message["content"]) - len(content)
            left[place] = {**message, "content": content}
    for place, message in enumerate(left):
        found = _PRIOR_RESULTS.search(message["content"]) if excess > 0 and message["role"] == "user" else None
        if found:
            results = _cut(found[0], excess)
            excess -= len(found[0]) - len(results)
            content = message["content"][: found.start()] + results + message["content"][found.end() :]
            left[place] = {**message, "content": content}
    return tuple(left) if excess <= 0 else None


def _cut(text: str, excess: int) -> str:
    """*text* without *excess* characters of its middle, as far as `_KEPT` stay; the gap says how many are gone."""
    gone = min(excess + len(_gap(excess * 10)), len(text) - _KEPT)
    if gone <= len(_gap(gone)):
        return text
    keep = len(text) - gone
    return text[: -(-keep // 2)] + _gap(gone) + text[len(text) - keep // 2 :]


def _gap(characters: int) -> str:
    return f" [... {characters} characters left out ...] "
