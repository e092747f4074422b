"""The format of a record. Pure."""

from typing import Any, Literal

from atlas_trainer.traces.formats.record import Record

Format = Literal["atlas", "messages", "promptCompletion", "otel"]
"""Format of a line, as `spec.traces.format` names it."""

_OF_THE_SDK = ("session_metadata", "steps", "plan", "final_answer")

_RELATIVES = {
    "conversations": "ShareGPT's conversations; write them as messages, each with role and content",
    "resourceLogs": "logs of OpenTelemetry; export spans, with the content of messages on them",
    "resourceMetrics": "metrics of OpenTelemetry; export spans, with the content of messages on them",
    "instruction": "instructions with outputs; write each as prompt and completion",
    "chosen": "pairs of preferences; write the chosen ones as prompt and completion",
    "custom_id": "requests or answers of a batch; write each question with its answer as messages",
    "run_type": "runs of LangSmith; write each question with its answer as messages, or export spans by OpenTelemetry",
}
"""Key by which a format is known that is not read -> its name, and the cure."""

_JSON_LINES = "write one JSON object a line"


def format_of(record: Record) -> Format | None:
    """The format that *record* has. None when it has none of them."""
    if "resourceSpans" in record:
        return "otel"
    if any(name in record for name in _OF_THE_SDK):
        return "atlas"
    if isinstance(record.get("messages"), list):
        return "messages"
    if "prompt" in record and "completion" in record:
        return "promptCompletion"
    return "atlas" if "task" in record else None


def fits(record: Record, format: Format) -> bool:
    """Whether *record* can be read as *format*, though it may look more like another."""
    if format == "messages":
        return isinstance(record.get("messages"), list)
    if format == "promptCompletion":
        return "prompt" in record and "completion" in record
    return format_of(record) == format


def stranger(record: Record) -> str:
    """Name and cure for a *record* that has no format that is read."""
    known = next((told for name, told in _RELATIVES.items() if name in record), None)
    if known is None and any(_holds_records(value) for value in record.values()):
        known = f"one object around a list of records; {_JSON_LINES}, without what is around them"
    return known or "neither task, messages, prompt with completion, nor resourceSpans"


def _holds_records(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(entry, dict) and format_of(entry) for entry in value[:1])
