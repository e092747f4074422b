"""`atlas-core data preview` and `data export`, on an export on disk and a small tokenizer in a folder."""

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from rich.console import Console
from support.trainer.chat_templates import CHATML, ENDLESS, INST_SYS, Style, make_tokenizer
from support.trainer.trainings import export_record, make_training, write_export, write_manifest

from atlas_api.errors import (
    AtlasError,
    InvalidManifest,
    MalformedTraces,
    NothingMatched,
    SourceMissing,
    WrongEndToken,
)
from atlas_api.training.model import ModelSpec
from atlas_core.commands.data import export, preview
from atlas_core.main import main
from atlas_trainer.dataset.preview import percentile
from atlas_trainer.dataset.tokenizer import load_tokenizer
from atlas_trainer.traces.sdk_fields import AUTOMATIC_NOTE


def make_folder(folder: Path, style: Style = CHATML) -> Path:
    make_tokenizer(style).save_pretrained(folder / "model")
    return folder


def write_records(folder: Path, *records: dict[str, Any]) -> None:
    (folder / "traces.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))


def previewed(folder: Path, rows: int = 2, terminal: bool = False) -> str:
    out = io.StringIO()
    console = Console(file=out, width=100, force_terminal=terminal, color_system="standard" if terminal else None)
    preview(make_training(folder), rows, console)
    return out.getvalue()


def words(text: str) -> list[list[str]]:
    """The lines of a table as words."""
    return [line.strip("│┃ ").replace("│", " ").split() for line in text.splitlines()]


def test_preview_shows_where_every_session_went(tmp_path: Path) -> None:
    make_folder(tmp_path)
    write_records(tmp_path, *(export_record(number) for number in range(8)), export_record(9, final_answer=""))
    lines = words(previewed(tmp_path))
    assert ["passed", "the", "filter", "9"] in lines
    assert ["used", "8"] in lines
    assert ["left", "out:", "noAnswer", "1"] in lines


def test_preview_names_the_first_unreadable_lines(tmp_path: Path) -> None:
    make_folder(tmp_path)
    write_records(tmp_path, *(export_record(number) for number in range(8)), *([{"evil": "\x1b[2J"}] * 5))
    text = previewed(tmp_path)
    assert ["left", "out:", "malformedLine", "5"] in words(text)
    assert [f":{line}:" in text for line in range(9, 14)] == [True, True, True, False, False]


def test_preview_says_what_was_assumed_of_sessions(tmp_path: Path) -> None:
    make_folder(tmp_path)
    bare = [{"task": f"Count the {number} lamps", "final_answer": "3"} for number in range(3)]
    write_records(tmp_path, *(export_record(number) for number in range(8)), *bare)
    lines = previewed(tmp_path).splitlines()
    assert "3 without review status, taken as approved" in lines
    assert "3 without status, taken as succeeded with an answer and as failed without one" in lines
    assert "3 without a creation time that can be read" in lines


@pytest.mark.parametrize("command", ["preview", "export"])
@pytest.mark.parametrize(
    ("lines", "exit_code"),
    [
        pytest.param(None, SourceMissing.exit_code, id="no file"),
        pytest.param("", NothingMatched.exit_code, id="no session"),
        pytest.param("{}\n" * 101, MalformedTraces.exit_code, id="no session that can be read"),
    ],
)
def test_a_source_that_gives_nothing_says_so_before_a_tokenizer_is_loaded(
    tmp_path: Path, command: str, lines: str | None, exit_code: int
) -> None:
    if lines is not None:
        (tmp_path / "traces.jsonl").write_text(lines)
    output = ["-o", str(tmp_path / "rows.jsonl")] if command == "export" else []
    arguments = ["data", command, "-f", str(write_manifest(tmp_path)), *output]
    code = (
        "import sys; from atlas_core.main import main; code = main(sys.argv[1:]);"
        "sys.exit(99 if {'torch', 'transformers', 'tokenizers'} & sys.modules.keys() else code)"
    )
    assert subprocess.run([sys.executable, "-c", code, *arguments], check=False).returncode == exit_code


def test_what_an_error_quotes_does_not_steer_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    exports = make_folder(tmp_path) / "exports"
    exports.mkdir()
    (exports / "\x1b[2J.jsonl").write_text("no JSON")
    manifest = write_manifest(tmp_path, traces={"file": {"path": str(exports)}, "maxMalformed": 0})
    assert main(["data", "preview", "-f", str(manifest)]) == MalformedTraces.exit_code
    printed = capsys.readouterr().err
    assert "[2J.jsonl:1: not JSON" in printed
    assert "\x1b" not in printed


def test_preview_shows_lengths_and_the_held_out_share(tmp_path: Path) -> None:
    make_folder(tmp_path)
    write_export(tmp_path, 40)
    text = previewed(tmp_path)
    assert ["tokens", "p50", "p90", "p99", "max"] in words(text.replace("┃", " "))
    lengths = words(text.partition("p50")[2])
    assert [line[0] for line in lengths if line[:1] in (["prompt"], ["recorded"])] == ["prompt", "recorded"]
    assert "rows to train on" in text
    assert "held out (" in text


@pytest.mark.parametrize(
    ("style", "shown"),
    [
        pytest.param(CHATML, "<|im_start|>assistant\n«0 items<|im_end|>»", id="bytes"),
        pytest.param(INST_SYS, "lamps and 0 cups [/INST]« 0 items </s>»", id="words"),
    ],
)
def test_preview_marks_the_trained_tokens_with_special_tokens_in_sight(
    tmp_path: Path, style: Style, shown: str
) -> None:
    make_folder(tmp_path, style)
    write_export(tmp_path, 8)
    assert shown in previewed(tmp_path)


def test_preview_uses_colour_on_a_terminal(tmp_path: Path) -> None:
    make_folder(tmp_path)
    write_export(tmp_path, 8)
    text = previewed(tmp_path, terminal=True)
    assert "«" not in text.partition("recorded reward")[2]
    assert "\x1b[30;42m0 items\x1b[0m" in text


def test_preview_shows_as_many_rows_as_asked_for(tmp_path: Path) -> None:
    make_folder(tmp_path)
    write_export(tmp_path, 8)
    assert previewed(tmp_path, rows=3).count("recorded reward") == 3
    assert previewed(tmp_path, rows=0).count("recorded reward") == 0
    assert previewed(tmp_path, rows=99).count("recorded reward") == 8


def test_texts_from_traces_cannot_steer_the_terminal(tmp_path: Path) -> None:
    make_folder(tmp_path)
    evil = "Answer \x1b]0;owned\x07 \x1b[2J [bold red]loud[/bold red] :smile: \u202egnp.exe"
    write_records(tmp_path, export_record(1, task=evil, final_answer=evil), export_record(2))
    text = previewed(tmp_path)
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "\u202e" not in text
    assert text.count("[bold red]loud[/bold red] :smile:") == 3


def test_preview_shows_what_was_learnt_as_not_shown_to_the_student(tmp_path: Path) -> None:
    make_folder(tmp_path)
    write_records(tmp_path, export_record(1, student_learning="Count twice. \x1b[2J"), export_record(2))
    text = previewed(tmp_path)
    assert "Not shown to the student:\n  studentLearning: Count twice. \\u001b[2J\n" in text
    assert ["with", "lessons,", "not", "shown", "to", "the", "student", "1"] in words(text)


def test_long_rows_are_shown_with_beginning_and_end(tmp_path: Path) -> None:
    make_folder(tmp_path)
    write_records(tmp_path, export_record(1, final_answer="word " * 5000 + "end"), export_record(2))
    text = previewed(tmp_path)
    assert "characters ...]" in text
    assert "word end<|im_end|>»" in text
    assert len(text) < 10_000


def test_export_writes_every_row_once_as_jsonl(tmp_path: Path) -> None:
    make_folder(tmp_path)
    write_records(tmp_path, *(export_record(number, final_answer="a\u2028b \u00e9") for number in range(8)))
    out = tmp_path / "out.jsonl"
    export(make_training(tmp_path), out, Console(file=io.StringIO()))
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert sorted(row["sessionId"] for row in rows) == [str(number) for number in range(8)]
    assert {row["recorded"] for row in rows} == {"a\u2028b \u00e9"}
    assert {row["split"] for row in rows} == {"train", "eval"}


def test_export_writes_the_same_rows_as_parquet(tmp_path: Path) -> None:
    make_folder(tmp_path)
    write_export(tmp_path, 8)
    for name in ("out.jsonl", "out.parquet"):
        export(make_training(tmp_path), tmp_path / name, Console(file=io.StringIO()))
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    table = pq.read_table(tmp_path / "out.parquet").to_pylist()
    for row in table:
        assert [message.pop("tools") for message in row["prompt"]] == [None]
        row["createdAt"] = row["createdAt"].isoformat()
        row["lessons"] = json.loads(row["lessons"])
    assert table == lines


def test_an_export_that_fails_leaves_the_old_file_alone(tmp_path: Path) -> None:
    make_folder(tmp_path)
    (tmp_path / "out.jsonl").write_text("old")
    write_records(tmp_path, export_record(1, final_answer=""))
    with pytest.raises(AtlasError, match="noAnswer 1"):
        export(make_training(tmp_path), tmp_path / "out.jsonl", Console(file=io.StringIO()))
    assert (tmp_path / "out.jsonl").read_text() == "old"
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".tmp")]


@pytest.mark.parametrize(
    ("name", "cure"),
    [
        pytest.param("out.csv", r"name it FILE\.jsonl or FILE\.parquet", id="unknown suffix"),
        pytest.param("nowhere/out.jsonl", "create it first", id="missing folder"),
    ],
)
def test_export_refuses_a_file_it_cannot_write(tmp_path: Path, name: str, cure: str) -> None:
    with pytest.raises(InvalidManifest, match=cure):
        export(make_training(tmp_path), tmp_path / name, Console(file=io.StringIO()))


def test_the_loaded_tokenizer_stops_where_the_template_ends_a_turn(tmp_path: Path) -> None:
    style = Style("wrong eos", CHATML.template, CHATML.end, CHATML.special, eos="<|im_start|>")
    make_folder(tmp_path, style)
    tokenizer = load_tokenizer(ModelSpec(source=str(tmp_path / "model")))
    assert (tokenizer.eos_token, tokenizer.pad_token) == ("<|im_end|>", "<|im_end|>")
    assert tokenizer.padding_side == "left"


def test_a_pad_token_that_is_there_stays(tmp_path: Path) -> None:
    make_folder(tmp_path)
    assert load_tokenizer(ModelSpec(source=str(tmp_path / "model"))).pad_token == "<|pad|>"


@pytest.mark.parametrize(
    ("source", "cure"),
    [
        pytest.param("{tmp}/nowhere", "no such folder", id="missing folder"),
        pytest.param("./nowhere", "no such folder", id="missing relative folder"),
        pytest.param("{tmp}", "holds no tokenizer that can be loaded", id="folder without a tokenizer"),
        pytest.param("{tmp}/file", "is a file; give the folder", id="a file"),
        pytest.param("{tmp}/base", "has no chat template; use an instruct model", id="base model"),
        pytest.param("{tmp}/broken", "cannot render a question and its answer", id="template that fails"),
    ],
)
def test_a_model_without_a_usable_tokenizer_is_refused_by_name(tmp_path: Path, source: str, cure: str) -> None:
    (tmp_path / "file").touch()
    base = make_tokenizer(CHATML)
    base.chat_template = None
    base.save_pretrained(tmp_path / "base")
    base.chat_template = "{{ messages[0].nothing.at_all }}"
    base.save_pretrained(tmp_path / "broken")
    with pytest.raises(InvalidManifest, match=rf"^spec\.model\.source: .*{cure}"):
        load_tokenizer(ModelSpec(source=source.format(tmp=tmp_path)))


def test_a_template_without_an_end_token_is_refused(tmp_path: Path) -> None:
    make_folder(tmp_path, ENDLESS)
    with pytest.raises(WrongEndToken):
        load_tokenizer(ModelSpec(source=str(tmp_path / "model")))


@pytest.mark.parametrize(("percent", "expected"), [(50, 5), (90, 9), (99, 10), (100, 10)])
def test_percentiles_are_values_that_occur(percent: int, expected: int) -> None:
    assert percentile([10, 9, 8, 7, 6, 5, 4, 3, 2, 1], percent) == expected


def test_what_cannot_be_split_can_be_looked_at_and_the_preview_says_so(tmp_path: Path) -> None:
    make_folder(tmp_path)
    write_records(tmp_path, export_record(7))
    text = previewed(tmp_path)
    assert "no run can train on this: spec.traces.split: there is only one session" in text
    assert "Order 7 has" in text


def test_preview_names_ids_of_the_filter_that_no_session_has(tmp_path: Path) -> None:
    make_folder(tmp_path)
    write_export(tmp_path, 8)
    out = io.StringIO()
    traces = {"file": {"path": str(tmp_path / "traces.jsonl")}, "filter": {"excludeSessionIds": ["3", "1O"]}}
    preview(make_training(tmp_path, traces=traces), 0, Console(file=out, width=100))
    assert "no session has the id 1O, which spec.traces.filter names" in out.getvalue()
    assert "the id 3" not in out.getvalue()


def test_a_reward_of_another_scale_vouches_for_nothing_and_is_told(tmp_path: Path) -> None:
    make_folder(tmp_path)
    records = [export_record(number, reward_stats={"score": 4.5}, review_notes=AUTOMATIC_NOTE) for number in range(8)]
    write_records(tmp_path, *records)
    text = previewed(tmp_path)
    assert "8 with a reward outside 0 to 1, which vouches for nothing: bring rewards to that scale" in text
    assert ["without", "a", "reference", "8"] in words(text)


def test_a_status_that_was_assumed_and_left_a_session_out_is_told(tmp_path: Path) -> None:
    make_folder(tmp_path)
    unsaid = [export_record(number, final_answer="", session_metadata={"session_id": number}) for number in (20, 21)]
    write_records(tmp_path, *(export_record(number) for number in range(8)), *unsaid)
    assert "2 of those left out by status are without status, taken as succeeded with an answer" in previewed(tmp_path)
    write_records(tmp_path, *unsaid)
    with pytest.raises(AtlasError, match=r"status 2 \(2 have none, it was assumed\)"):
        previewed(tmp_path)
