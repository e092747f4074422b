"""Pairs of a prompt and its completion, each a text or a list of chat messages. Pure."""

from typing import Any

from atlas_api.training.traces import TraceFields
from atlas_trainer.traces.formats.chat import chat_messages, session_of_messages
from atlas_trainer.traces.formats.record import Record, UnreadableRecordError
from atlas_trainer.traces.messages import Message
from atlas_trainer.traces.session import Session


def session_of_pair(record: Record, fields: TraceFields) -> Session:
    """The session in a line with `prompt` and `completion`. What assistants say in the prompt are examples, no turns.

    Raises UnreadableRecordError when one of the two is neither a text nor messages.
    """
    prompt = _messages(record.get("prompt"), "prompt", "user")
    completion = _messages(record.get("completion"), "completion", "assistant")
    return session_of_messages(record, fields, (*prompt, *completion), len(prompt))


def _messages(value: Any, name: str, role: str) -> tuple[Message, ...]:
    if isinstance(value, str):
        return ({"role": role, "content": value},)
    if isinstance(value, list):
        return chat_messages(value)
    raise UnreadableRecordError(f"{name} is neither a text nor a list of messages")
