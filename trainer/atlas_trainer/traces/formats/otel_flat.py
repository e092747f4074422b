"""
Messages in numbered attributes (`gen_ai.prompt.0.content`), as older versions of OpenLLMetry write them. Pure.

OpenInference's form (`llm.input_messages.0.message.content`) is known by its name only.
"""

import re
from collections.abc import Mapping
from typing import Any

from atlas_trainer.traces.formats.record import UnreadableRecordError

_PART = re.compile(r"([0-9]{1,6})[.](?:(role|content|tool_call_id)|tool_calls[.]([0-9]{1,6})[.](id|name|arguments))")
_OPENINFERENCE = ("llm.input_messages.", "llm.output_messages.")


def flat_messages(attributes: Mapping[str, Any], prefix: str, role: str) -> list[dict[str, Any]]:
    """The messages below *prefix*, in the order of their numbers, as chat APIs write them; *role* where none is told.

    Raises UnreadableRecordError for attributes of OpenInference, since a call would seem to have no messages.
    """
    if any(name.startswith(_OPENINFERENCE) for name in attributes):
        raise UnreadableRecordError(
            "messages in OpenInference's attributes; record them by OpenTelemetry's GenAI conventions, as"
            " gen_ai.input.messages and gen_ai.output.messages"
        )
    messages: dict[int, dict[str, Any]] = {}
    calls: dict[int, dict[int, dict[str, Any]]] = {}
    for name, value in attributes.items():
        match = _PART.fullmatch(name, len(prefix) + 1) if name.startswith(f"{prefix}.") else None
        if match is None:
            continue
        place, own, call, of_call = match.groups()
        message = messages.setdefault(int(place), {"role": role})
        if own:
            message[own] = value
        else:
            calls.setdefault(int(place), {}).setdefault(int(call), {})[of_call] = value
    for place, found in calls.items():
        messages[place]["tool_calls"] = [found[number] for number in sorted(found)]
    return [messages[place] for place in sorted(messages)]
