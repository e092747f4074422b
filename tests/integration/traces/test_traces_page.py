"""Every example of docs/reference/traces.md: its lines and its manifest give the rows that the page shows."""

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from openai.types.chat import ChatCompletionMessageParam
from pydantic import TypeAdapter
from support.trainer.chat_templates import TOOLS, make_tokenizer
from support.trainer.trainings import make_training

from atlas_api import AtlasTraining, parse
from atlas_api.manifest.yaml_document import read_documents
from atlas_trainer.dataset.dataset import Dataset, build_dataset
from atlas_trainer.traces.session import Tally

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "traces.md").read_text()
TOKENIZER = make_tokenizer(TOOLS)


class Example(NamedTuple):
    section: str
    lines: str
    traces: dict[str, Any]
    rows: list[dict[str, Any]]


def examples() -> list[Example]:
    """Lines, the part `traces` of their manifest, and rows, for each group of blocks on the page."""
    found = []
    for section in PAGE.split("\n## ")[1:]:
        blocks = re.findall(r"```jsonl\n(.*?)```\n(?:```yaml\n(.*?)```\n)?```json\n(.*?)```", section, re.DOTALL)
        for lines, manifest, rows in blocks:
            traces = yaml.safe_load(manifest)["traces"] if manifest else {"file": {"path": "traces.jsonl"}}
            found.append(Example(section.splitlines()[0], lines, traces, json.loads(rows)))
    return found


def build(folder: Path, example: Example, **traces: Any) -> Dataset:
    path = folder / example.traces["file"]["path"]
    path.write_text(example.lines)
    document = {**example.traces, "file": {"path": str(path)}, "split": {"eval": 0.0}, **traces}
    model = {"source": "tiny", "maxLength": 2048}
    return build_dataset(make_training(folder, traces=document, model=model).spec, TOKENIZER, Tally())


def test_the_page_has_an_example_of_every_format() -> None:
    assert {example.traces.get("format") for example in examples()} >= {"atlas", "messages", "promptCompletion", "otel"}


@pytest.mark.parametrize("example", examples(), ids=lambda example: example.section)
def test_lines_and_manifest_give_the_rows_that_the_page_shows(tmp_path: Path, example: Example) -> None:
    rows = [row.to_json() for row in build(tmp_path, example).rows]
    shown = [{name: row[name] for name in wanted} for row, wanted in zip(rows, example.rows, strict=True)]
    assert shown == example.rows


@pytest.mark.parametrize("example", examples(), ids=lambda example: example.section)
def test_the_format_is_recognised_without_being_said(tmp_path: Path, example: Example) -> None:
    assert build(tmp_path, example, format="auto") == build(tmp_path, example)


def test_the_whole_manifest_is_accepted() -> None:
    (document,) = read_documents(PAGE.split("```yaml manifest\n")[1].split("```")[0])
    assert parse(AtlasTraining, document).spec.traces.format == "auto"


def test_the_text_that_the_sdks_adapters_hand_over_is_the_one_on_the_page(tmp_path: Path) -> None:
    example = next(example for example in examples() if "SPAN_END" in example.lines)
    row = build(tmp_path, example, promptForm="text").rows[0]
    assert row.prompt == ({"role": "user", "content": PAGE.split("```text\n")[1].split("\n```")[0]},)


def test_chats_on_the_page_are_what_openais_client_takes() -> None:
    """The vendor's own types are the oracle."""
    message = TypeAdapter(ChatCompletionMessageParam)
    lines = [json.loads(line) for example in examples() for line in example.lines.splitlines()]
    messages = [entry for line in lines for entry in line.get("messages", [])]
    assert messages
    for entry in messages:
        message.validate_python(entry)
