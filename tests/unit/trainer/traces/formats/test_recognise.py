"""Formats are known by their lines; what is of no format is named with its cure."""

from typing import Any

import pytest
from support.traces.exports import session_record
from support.traces.other_makers import chat, model_call, otlp

from atlas_trainer.traces.formats.recognise import format_of, stranger


@pytest.mark.parametrize(
    ("record", "format"),
    [
        (session_record(), "atlas"),
        ({"task": "Do"}, "atlas"),
        ({"final_answer": "Done"}, "atlas"),
        (chat(), "messages"),
        (chat(task="Do"), "messages"),
        ({"prompt": "a", "completion": "b"}, "promptCompletion"),
        (otlp(model_call()), "otel"),
        ({"prompt": "a"}, None),
        ({"messages": "a"}, None),
        ({}, None),
    ],
)
def test_a_record_shows_its_format(record: Any, format: str | None) -> None:
    assert format_of(record) == format


@pytest.mark.parametrize(
    ("record", "told"),
    [
        ({"conversations": []}, "ShareGPT"),
        ({"resourceLogs": []}, "logs of OpenTelemetry; export spans"),
        ({"instruction": "a", "output": "b"}, "write each as prompt and completion"),
        ({"prompt": "a", "chosen": "b", "rejected": "c"}, "pairs of preferences"),
        ({"custom_id": "a", "body": {"messages": []}}, "of a batch; write each question with its answer as messages"),
        ({"run_type": "chain", "inputs": {}, "outputs": {}}, "runs of LangSmith"),
        ({"data": [{"task": "a"}]}, "one object around a list of records; write one JSON object a line"),
        ({"sessions": [chat()], "count": 1}, "one object around a list of records"),
        ({"rows": [{"a": 1}], "words": ["task"]}, "neither task"),
        ({"question": "a"}, "neither task, messages, prompt with completion, nor resourceSpans"),
    ],
)
def test_a_record_of_no_format_is_named(record: Any, told: str) -> None:
    assert told in stranger(record)
