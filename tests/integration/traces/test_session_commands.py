"""`atlas-core data sessions`, `data show`, `data steps`: recorded sessions for people and programs, without a model."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pyarrow.parquet as pq
import pytest
from rich.console import Console
from support.sdk.rows import NOTE, insert_session, stats
from support.trainer.trainings import export_record, make_training, write_export, write_manifest

from atlas_api.errors import InvalidManifest, NothingMatched
from atlas_core.commands.sessions import list_sessions, show, steps

TITLES = ["id", "created", "status", "review", "reward", "steps", "attempts", "becomes", "task"]


def write_records(folder: Path, *records: dict[str, Any]) -> None:
    (folder / "traces.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))


def listed(folder: Path, limit: int = 20, offset: int = 0, **traces: Any) -> tuple[list[list[str]], list[str]]:
    """The lines of the table below its titles, and what is said after it."""
    out = io.StringIO()
    list_sessions(training(folder, **traces), limit, offset, Console(file=out, width=80))
    lines = out.getvalue().splitlines()
    end = next(place for place, line in enumerate(lines) if "newest first" in line)
    titles, *table = (line.split() for line in lines[:end]) if end else ([],)
    assert titles in ([], TITLES)
    return table, lines[end:]


def training(folder: Path, **traces: Any) -> Any:
    return make_training(folder, traces={"file": {"path": str(folder / "traces.jsonl")}, **traces})


def shown(folder: Path, id: str, **traces: Any) -> str:
    out = io.StringIO()
    show(training(folder, **traces), id, Console(file=out, width=80))
    return out.getvalue()


@pytest.fixture
def database(database_url: str, tmp_path: Path) -> dict[str, Any]:
    """Traces of a database with four sessions: learnt from, with a low reward, without an answer, without a date."""
    with psycopg.connect(database_url) as connection:
        insert_session(connection, created_at="2026-10-04T00:00:00Z")
        connection.execute("UPDATE sessions SET student_learning = 'Ask for the order first'")
        insert_session(connection, created_at="2026-10-03T00:00:00Z", reward_stats=stats(0.2))
        silent: dict[str, Any] = {"plan": None, "outputs": (), "notes": (), "events": [], "final_answer": ""}
        insert_session(connection, created_at="2026-10-02T00:00:00Z", **silent)
        insert_session(connection, created_at="infinity", status="failed")
    (tmp_path / "url").write_text(database_url)
    return {"file": None, "postgres": {"urlFrom": {"file": str(tmp_path / "url")}}, "filter": {"minReward": 0.5}}


# data sessions


def test_every_session_is_listed_with_what_becomes_of_it(tmp_path: Path, database: dict[str, Any]) -> None:
    table, after = listed(tmp_path, **database)
    assert [line[:-3] for line in table] == [
        ["1", "2026-10-04", "succeeded", "approved", "0.86", "1", "2", "2", "rows"],
        ["2", "2026-10-03", "succeeded", "approved", "0.20", "1", "2", "minReward"],
        ["3", "2026-10-02", "succeeded", "approved", "0.86", "0", "0", "noAnswer"],
        ["4", "unknown", "failed", "approved", "0.86", "1", "2", "status"],
    ]
    assert [line[-3:] for line in table] == [["Refund", "order", "12"]] * 4
    assert after[:2] == ["sessions 1 to 4 of 4, newest first", "1 without a creation time that can be read"]
    assert after[2].startswith("unreadable: session 4: created_at infinity cannot be read")


def test_pages_go_from_the_newest_to_the_oldest(tmp_path: Path) -> None:
    write_export(tmp_path, 5)
    pages = [listed(tmp_path, limit=2, offset=offset) for offset in (0, 2, 4, 6)]
    assert [[line[0] for line in table] for table, _ in pages] == [["4", "3"], ["2", "1"], ["0"], []]
    assert [after for _, after in pages] == [
        ["sessions 1 to 2 of 5, newest first"],
        ["sessions 3 to 4 of 5, newest first"],
        ["sessions 5 to 5 of 5, newest first"],
        ["no session from 7 on of 5, newest first"],
    ]


def test_what_the_limit_of_the_filter_cuts_off_is_told(tmp_path: Path) -> None:
    write_export(tmp_path, 4)
    kinds = {
        "limit": {"limit": 2},
        "offset": {"offset": 2, "order": "oldest"},
        "offset or limit": {"offset": 1, "limit": 1, "order": "oldest"},
    }
    becomes = {
        cause: [" ".join(line[7:-8]) for line in listed(tmp_path, filter=filter)[0]] for cause, filter in kinds.items()
    }
    assert becomes == {
        "limit": ["1 row", "1 row", "limit", "limit"],
        "offset": ["1 row", "1 row", "offset", "offset"],
        "offset or limit": ["offset or limit", "offset or limit", "1 row", "offset or limit"],
    }


def test_what_was_assumed_stands_beside_it(tmp_path: Path) -> None:
    write_records(tmp_path, {"task": "Count", "final_answer": "3"})
    table, after = listed(tmp_path)
    assert table[0][2:6] == ["succeeded", "(assumed)", "approved", "(assumed)"]
    assert "1 without review status, taken as approved" in after
    required, _ = listed(tmp_path, filter={"require": ["reviewStatus"]})
    assert required[0][9] == "require"


def test_chats_say_neither_status_nor_review(tmp_path: Path) -> None:
    chat = [{"role": "user", "content": "Count"}, {"role": "assistant", "content": "3"}]
    write_records(tmp_path, {"messages": chat})
    table, after = listed(tmp_path)
    assert table[0][1:6] == ["unknown", "succeeded", "(assumed)", "approved", "(assumed)"]
    assert "1 without review status, taken as approved" in after


def test_a_task_stays_on_its_line_and_steers_no_terminal(tmp_path: Path) -> None:
    write_records(tmp_path, export_record(1, task="\x1b[2J[red]one[/red]\ntwo " + "long " * 500))
    (line,), _ = listed(tmp_path)
    assert line[9:11] == ["\\u001b[2J[red]one[/red]", "two"]


@pytest.mark.parametrize(("limit", "offset", "name"), [(0, 0, "--limit 0"), (20, -1, "--offset -1")])
def test_a_page_that_cannot_be_is_refused(tmp_path: Path, limit: int, offset: int, name: str) -> None:
    with pytest.raises(InvalidManifest, match=rf"^{name}: give a whole number from"):
        listed(tmp_path, limit=limit, offset=offset)


# data show


def test_a_session_is_shown_as_it_happened(tmp_path: Path, database: dict[str, Any]) -> None:
    text = shown(tmp_path, "1", **database)
    events = [
        "session 1\n  created: 2026-10-04 00:00:00 UTC\n  status: succeeded\n  review: approved, by a person\n",
        "  reward: 0.86\n  learning key: refunds\n",
        "becomes: 2 rows\n",
        "task\n  Refund order 12\n",
        "step 1, attempt 1 (refused), prompt rebuilt from the plan: Answer in one go\nuser\n",
        "answer\n  Refund sent\n",
        f"guidance\n  {NOTE}\n",
        "step 1, attempt 2, prompt rebuilt from the plan: Answer in one go\nuser\n",
        f'    "{NOTE}"\n',
        "answer\n  Refunded\n",
        "final answer\n  Refunded\n",
        "lesson (studentLearning)\n  Ask for the order first\n",
        "step 1, attempt 2, turn 1, reference: Refunded\n",
    ]
    places = [text.find(event, 0) for event in events]
    assert -1 not in places
    assert places == sorted(places)


def test_no_text_can_pass_for_a_heading_or_steer_the_terminal(tmp_path: Path) -> None:
    write_records(tmp_path, export_record(1, task="Count\nfinal answer\n\x1b[2J[red]", final_answer="3"))
    text = shown(tmp_path, "1")
    assert text.splitlines().count("final answer") == 1
    assert "  \\u001b[2J[red]" in text.splitlines()


def test_a_session_outside_the_filter_is_shown_with_the_cause(tmp_path: Path, database: dict[str, Any]) -> None:
    assert "becomes: status" in shown(tmp_path, "4", **database)


@pytest.mark.parametrize("id", ["99", "", "x" * 2000])
def test_an_id_that_nobody_has_says_how_to_find_those_that_there_are(tmp_path: Path, id: str) -> None:
    write_export(tmp_path, 2)
    with pytest.raises(NothingMatched, match="holds none with this id; `atlas-core data sessions` lists"):
        shown(tmp_path, id)


# data steps


def rows_of(path: Path) -> list[dict[str, Any]]:
    """The lines of a file of steps, whatever its format, in the form of JSONL."""
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text().splitlines()]
    if path.suffix == ".parquet":
        return [{**line, "prompt": json.loads(line["prompt"])} for line in pq.read_table(path).to_pylist()]
    with path.open(newline="") as file:
        return [
            {
                **line,
                "step": int(line["step"]),
                "attempt": int(line["attempt"]),
                "prompt": json.loads(line["prompt"]),
                "refused": {"true": True, "false": False}[line["refused"]],
                "guidance": line["guidance"] or None,
                "reward": float(line["reward"]) if line["reward"] else None,
            }
            for line in csv.DictReader(file)
        ]


def test_every_attempt_is_a_line_in_each_format(tmp_path: Path, database: dict[str, Any]) -> None:
    out = io.StringIO()
    files = [tmp_path / f"steps.{suffix}" for suffix in ("jsonl", "csv", "parquet")]
    for path in files:
        steps(training(tmp_path, **{**database, "filter": {}}), path, Console(file=out, width=80))
    first, *others = (rows_of(path) for path in files)
    assert others == [first, first]
    assert [(line["sessionId"], line["attempt"], line["output"], line["refused"]) for line in first] == [
        ("1", 1, "Refund sent", True),
        ("1", 2, "Refunded", False),
        ("2", 1, "Refund sent", True),
        ("2", 2, "Refunded", False),
    ]
    assert {(line["step"], line["description"], line["origin"], line["task"]) for line in first} == {
        (1, "Answer in one go", "rebuilt", "Refund order 12")
    }
    assert [line["guidance"] for line in first[:2]] == [NOTE, None]
    assert [line["reward"] for line in first] == [0.86, 0.86, 0.2, 0.2]
    assert NOTE in first[1]["prompt"][0]["content"]
    assert NOTE not in first[0]["prompt"][0]["content"]
    assert "steps.csv: 4 attempts of 2 sessions; left out: noAnswer 1, status 1" in out.getvalue().replace("\n", "")


def test_odd_characters_stay_in_their_line_and_cell(tmp_path: Path) -> None:
    odd = 'a\u2028b\r\nc,"d"\x00=1+1'
    write_records(tmp_path, export_record(1, task=odd, final_answer=odd))
    for suffix in ("jsonl", "csv", "parquet"):
        steps(training(tmp_path), tmp_path / f"steps.{suffix}", Console(file=io.StringIO()))
        assert [line["output"] for line in rows_of(tmp_path / f"steps.{suffix}")] == [odd]


def test_a_table_that_fails_leaves_the_old_file_alone(tmp_path: Path) -> None:
    (tmp_path / "steps.csv").write_text("old")
    write_records(tmp_path, export_record(1, review_status="pending"))
    with pytest.raises(NothingMatched, match="reviewStatus 1"):
        steps(training(tmp_path), tmp_path / "steps.csv", Console(file=io.StringIO()))
    assert (tmp_path / "steps.csv").read_text() == "old"
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".tmp")]


def test_another_format_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InvalidManifest, match=r"name it FILE\.jsonl, FILE\.parquet or FILE\.csv"):
        steps(training(tmp_path), tmp_path / "steps.xlsx", Console(file=io.StringIO()))


# All of them


@pytest.mark.parametrize("command", [["sessions"], ["show", "1"], ["steps", "-o", "{folder}/steps.csv"]])
def test_none_of_them_loads_a_tokenizer_or_torch(tmp_path: Path, command: list[str]) -> None:
    write_export(tmp_path, 2)
    words = [word.format(folder=tmp_path) for word in command]
    arguments = ["data", *words, "-f", str(write_manifest(tmp_path))]
    code = (
        "import sys; from atlas_core.main import main; code = main(sys.argv[1:]);"
        "sys.exit(99 if {'torch', 'transformers', 'tokenizers'} & sys.modules.keys() else code)"
    )
    assert subprocess.run([sys.executable, "-c", code, *arguments], check=False).returncode == 0
