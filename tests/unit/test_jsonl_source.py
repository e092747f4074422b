import ctypes
import gzip
import json
import lzma
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from support.exports import EVERYTHING, file_traces, jsonl, session_record, step_record, task_events

from atlas_api.errors import AccessDenied, MalformedTraces, SourceMissing
from atlas_api.traces import TraceFilter, Traces
from atlas_trainer.session import Attempt, Session, Step, Tally
from atlas_trainer.sources.export_record import UnreadableRecordError, session_from_record
from atlas_trainer.sources.jsonl import read_files


def read(traces: Traces) -> tuple[list[Session], Tally]:
    tally = Tally()
    return list(read_files(traces, tally)), tally


def read_bytes(folder: Path, data: bytes, **fields: Any) -> tuple[list[Session], Tally]:
    path = folder / "export.jsonl"
    path.write_bytes(data)
    return read(file_traces(path, **{"filter": EVERYTHING, **fields}))


def read_record(**fields: Any) -> Session:
    return session_from_record(session_record(**fields))


def metadata(**changes: Any) -> dict[str, Any]:
    return {**session_record()["session_metadata"], **changes}


# A record of today's exporter


def test_an_exported_session_is_read_whole() -> None:
    events = [
        *task_events("Paid back?", attempt=1),
        *task_events("Refunded", attempt=2, guidance=["Check the order state first"], start_id=3),
    ]
    assert read_record(trajectory_events=events) == Session(
        id="7",
        task="Refund order 7",
        status="succeeded",
        review_status="approved",
        created_at=datetime(2025, 11, 20, 10, tzinfo=UTC),
        final_answer="Refunded",
        reward=0.86,
        steps=(
            Step(1, "Answer in one go", (Attempt("Paid back?", "Check the order state first"), Attempt("Refunded"))),
        ),
        learning_key="refunds",
        tags=("crm", "eu"),
        project="/srv/agent",
        execution_mode="paired",
    )


def test_events_may_come_newest_first_as_text_and_in_the_metadata() -> None:
    events = [
        {**entry, "event": json.dumps(entry["event"])}
        for entry in reversed([*task_events("First", attempt=1), *task_events("Second", attempt=2, start_id=3)])
    ]
    session = read_record(session_metadata=metadata(trajectory_events=events))
    assert [attempt.output for attempt in session.steps[0].attempts] == ["First", "Refunded"]


def test_what_the_caller_recorded_for_training_is_kept() -> None:
    session = read_record(session_metadata=metadata(ground_truth=0, executor_system_prompt="You refund."))
    assert (session.ground_truth, session.system_prompt) == ("0", "You refund.")


def test_the_execution_mode_at_the_top_level_fills_a_gap_in_the_metadata() -> None:
    assert read_record(session_metadata=metadata(execution_mode="")).execution_mode == "paired"
    assert read_record(session_metadata=metadata(execution_mode="coach")).execution_mode == "coach"


# Older records


def test_a_task_is_all_that_a_record_needs() -> None:
    assert session_from_record({"task": "Do"}) == Session(
        id="",
        task="Do",
        status="failed",
        review_status="approved",
        created_at=None,
        final_answer="",
        reward=None,
        steps=(),
    )


def test_a_record_without_review_status_is_older_than_the_review_gate_and_counts_as_approved() -> None:
    assert read_record(review_status=None).review_status == "approved"
    assert (
        read_record(review_status=None, session_metadata=metadata(review_status="pending")).review_status == "pending"
    )


def test_the_exported_review_status_wins_over_the_copy_in_the_metadata_which_goes_stale() -> None:
    assert read_record(
        review_status="quarantined", session_metadata=metadata(review_status="approved")
    ).review_status == ("quarantined")


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"session_metadata": metadata(status="running")}, "running"),
        ({"session_metadata": {}}, "succeeded"),
        ({"session_metadata": {}, "final_answer": ""}, "succeeded"),
        ({"session_metadata": {}, "final_answer": " ", "steps": []}, "failed"),
        ({"session_metadata": metadata(status="ticket closed")}, "succeeded"),
        ({"session_metadata": metadata(status=["open"])}, "succeeded"),
    ],
)
def test_a_missing_or_foreign_status_is_told_by_whether_there_is_an_answer(fields: dict[str, Any], status: str) -> None:
    assert read_record(**fields).status == status


@pytest.mark.parametrize(
    ("fields", "reward"),
    [
        ({"session_reward": {"score": 0.5}}, 0.5),
        ({"session_reward": '{"score": 0.5}'}, 0.5),
        ({"session_reward": None, "reward": {"score": 0.4}}, 0.4),
        ({"session_reward": {}, "reward": 0.4}, 0.4),
        ({"session_reward": None, "session_metadata": metadata(session_reward={"score": 0.3})}, 0.3),
        ({"session_reward": None, "session_metadata": metadata(reward_stats={"score_mean": 0.2})}, 0.2),
        ({"session_reward": 1}, 1.0),
        ({"session_reward": True}, None),
        ({"session_reward": {"score": float("nan")}}, None),
        ({"session_reward": "great"}, None),
        ({"session_reward": None}, None),
    ],
)
def test_the_reward_is_read_from_every_place_it_was_ever_written_to(
    fields: dict[str, Any], reward: float | None
) -> None:
    assert read_record(reward_stats=None, **fields).reward == reward


def test_metadata_and_steps_may_be_json_in_a_string() -> None:
    record = session_record()
    packed = {key: json.dumps(record[key]) for key in ("session_metadata", "steps", "plan")}
    assert session_from_record({**record, **packed}) == session_from_record(record)


@pytest.mark.parametrize("value", ["soon", 1763632800, None, "infinity"])
def test_a_creation_time_that_is_none_is_unknown(value: Any) -> None:
    assert read_record(session_metadata=metadata(created_at=value)).created_at is None


def test_a_creation_time_without_a_zone_counts_as_utc() -> None:
    session = read_record(session_metadata=metadata(created_at="2025-11-20 10:00:00"))
    assert session.created_at == datetime(2025, 11, 20, 10, tzinfo=UTC)


@pytest.mark.parametrize("reward", [1.0, {"process": 0.8}, "0.5", [], None])
def test_step_rewards_of_any_shape_are_no_obstacle(reward: Any) -> None:
    assert len(read_record(steps=[step_record(reward=reward)]).steps) == 1


@pytest.mark.parametrize(
    ("entry", "step_id"),
    [({"step_id": 4}, 4), ({"id": 5}, 5), ({"step_id": "6"}, 6), ({"step": {"id": 8}}, 8), ({}, 1), ({"id": "a"}, 1)],
)
def test_a_step_id_stands_in_one_of_several_places_or_is_the_place_in_the_list(
    entry: dict[str, Any], step_id: int
) -> None:
    session = read_record(plan={}, steps=[{"output": "done", **entry}])
    assert [step.id for step in session.steps] == [step_id]


def test_steps_with_the_same_id_are_all_kept() -> None:
    session = read_record(plan={}, steps=[{"id": 1, "output": "a"}, {"id": 1, "output": "b"}, {"output": "c"}])
    assert [(step.id, step.attempts[0].output) for step in session.steps] == [(1, "a"), (2, "b"), (3, "c")]


def test_a_description_comes_from_the_plan_else_from_the_step() -> None:
    session = read_record(
        plan={"steps": [{"id": 1, "description": "planned"}, {"id": 2, "description": ""}]},
        steps=[{"id": 1, "description": "x", "output": "a"}, {"step": {"id": 2, "description": "own"}, "output": "b"}],
    )
    assert [step.description for step in session.steps] == ["planned", "own"]


@pytest.mark.parametrize("guidance", ["Look again", ["Look again"], [{"note": "Look again"}]])
def test_guidance_is_a_text_or_a_list(guidance: Any) -> None:
    session = read_record(steps=[step_record(attempts=None, guidance=guidance, metadata={})])
    assert session.steps[0].attempts == (Attempt("Refunded", "Look again"),)


@pytest.mark.parametrize("attempts", [None, "2", 2, [{}, {}], {}, -1, "many"])
def test_a_number_of_attempts_of_any_shape_loses_no_answer(attempts: Any) -> None:
    assert read_record(steps=[step_record(attempts=attempts)]).steps[0].attempts[-1].output == "Refunded"


def test_answers_that_are_no_text_come_as_text() -> None:
    session = read_record(final_answer={"deliverable": "Refunded"}, steps=[step_record(output=[1, "é"])])
    assert (session.final_answer, session.steps[0].attempts[-1].output) == ("Refunded", '[1, "é"]')


@pytest.mark.parametrize("record", [[], "text", 7, None, {}, {"task": " "}, {"task": {"text": "Do"}}])
def test_a_record_that_is_no_object_or_has_no_task_is_unreadable(record: Any) -> None:
    with pytest.raises(UnreadableRecordError, match=r"not a JSON object|no task"):
        session_from_record(record)


KNOWN_FIELDS = (
    "id step_id steps event payload score judges samples data output metadata attempt attempt_history evaluation"
    " validation name event_type input step tags"
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["{}", "[1]"])
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KNOWN_FIELDS.split()), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(session_record(trajectory_events=[], reward=None))), VALUES))
def test_no_value_of_any_type_in_any_field_is_an_error_of_its_own(fields: dict[str, Any]) -> None:
    session = session_from_record({**session_record(), **fields, "task": "Do"})
    assert session.task == "Do"


# Ids


def test_an_id_that_was_seen_before_gives_way_to_the_place_of_the_line(tmp_path: Path) -> None:
    shadowed = session_record(session_metadata=metadata(session_id="ticket-1"))
    sessions, _ = read_bytes(tmp_path, jsonl(shadowed, shadowed, session_record(9), session_record(9), {"task": "Do"}))
    assert [session.id for session in sessions] == [
        "ticket-1",
        "export.jsonl:2",
        "9",
        "export.jsonl:4",
        "export.jsonl:5",
    ]


def test_ids_are_unique_over_all_files_of_a_source(tmp_path: Path) -> None:
    for name in ("b.jsonl", "a.jsonl"):
        (tmp_path / name).write_bytes(jsonl(session_record(1)))
    sessions, _ = read(file_traces(tmp_path))
    assert [session.id for session in sessions] == ["1", "b.jsonl:1"]


# Files


def test_a_folder_is_searched_for_exports_of_any_compression_in_the_order_of_paths(tmp_path: Path) -> None:
    (tmp_path / "2026").mkdir()
    (tmp_path / "2026" / "a.jsonl.gz").write_bytes(gzip.compress(jsonl(session_record(1))))
    (tmp_path / "b.jsonl.zst").write_bytes(zstandard.ZstdCompressor().compress(jsonl(session_record(2))))
    (tmp_path / "c.jsonl.xz").write_bytes(lzma.compress(jsonl(session_record(3))))
    (tmp_path / "d.jsonl").write_bytes(jsonl(session_record(4)))
    (tmp_path / "notes.txt").write_text("no export")

    sessions, tally = read(file_traces(tmp_path))

    assert [session.id for session in sessions] == ["1", "2", "3", "4"]
    assert tally.malformed == []


def test_hidden_folders_are_left_out_since_volumes_keep_the_files_behind_links_there(tmp_path: Path) -> None:
    (tmp_path / "..2026_10_01").mkdir()
    (tmp_path / "..2026_10_01" / "a.jsonl").write_bytes(jsonl(session_record(1)))
    (tmp_path / "a.jsonl").symlink_to(tmp_path / "..2026_10_01" / "a.jsonl")
    sessions, _ = read(file_traces(tmp_path))
    assert [session.id for session in sessions] == ["1"]


def test_a_single_file_may_have_any_name(tmp_path: Path) -> None:
    path = tmp_path / "traces.dump"
    path.write_bytes(gzip.compress(jsonl(session_record(1))))
    sessions, _ = read(file_traces(path))
    assert [session.id for session in sessions] == ["1"]


def test_an_empty_file_holds_no_sessions_and_no_error(tmp_path: Path) -> None:
    assert read_bytes(tmp_path, b"")[0] == []


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceMissing, match=r"none\.jsonl does not exist; check traces\.file\.path"):
        read(file_traces(tmp_path / "none.jsonl"))


def test_a_folder_without_exports_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no export")
    with pytest.raises(SourceMissing, match=r"holds no file whose name ends in \.jsonl"):
        read(file_traces(tmp_path))


@contextmanager
def as_an_ordinary_user() -> Iterator[None]:
    """Root may read everything; for file access alone this thread becomes nobody."""
    if os.geteuid() != 0:
        yield
        return
    libc = ctypes.CDLL(None)
    libc.setfsuid(65534)
    try:
        yield
    finally:
        libc.setfsuid(0)


@pytest.mark.parametrize("locked", ["export.jsonl", ""])
def test_a_file_or_folder_that_may_not_be_read_is_named(tmp_path: Path, locked: str) -> None:
    folder = tmp_path / "exports"
    folder.mkdir()
    (folder / "export.jsonl").write_bytes(jsonl(session_record(1)))
    for parent in (folder, *folder.parents[:-1]):
        if parent.is_relative_to(tmp_path.parents[1]):
            parent.chmod(0o755)
    (folder / locked).chmod(0)
    try:
        with as_an_ordinary_user(), pytest.raises(AccessDenied, match=r"exports.* may not be read by this user"):
            read(file_traces(folder))
    finally:
        (folder / locked).chmod(0o700)


# Lines


def test_what_the_filter_leaves_out_is_counted(tmp_path: Path) -> None:
    records = [session_record(n, review_status="approved" if n % 2 else "quarantined") for n in range(6)]
    sessions, tally = read_bytes(tmp_path, jsonl(*records), filter=TraceFilter(limit=2))
    assert [session.id for session in sessions] == ["3", "5"]
    assert (tally.matched, tally.filtered) == (2, {"reviewStatus": 3, "limit": 1})


def test_comment_lines_are_no_data(tmp_path: Path) -> None:
    sessions, tally = read_bytes(tmp_path, b"# exported by hand\n" + jsonl(session_record(1)))
    assert [session.id for session in sessions] == ["1"]
    assert tally.malformed == []


def test_line_separators_inside_an_answer_are_part_of_it(tmp_path: Path) -> None:
    (session,), _ = read_bytes(tmp_path, jsonl(session_record(final_answer="one\u2028two\u2029three")))
    assert session.final_answer == "one\u2028two\u2029three"


def test_half_a_character_escaped_in_json_does_not_reach_the_rows(tmp_path: Path) -> None:
    line = json.dumps(
        session_record(final_answer="a\ud83d b\U0001f600", session_metadata=metadata(session_id="\udc00"))
    )
    (session,), _ = read_bytes(tmp_path, line.encode())
    assert session.final_answer == "a? b\U0001f600"
    assert session.id == "?"


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b'{"task": "secret", ', r"not JSON at character 20"),
        (b'["secret"]', "not a JSON object"),
        (b'"secret"', "not a JSON object"),
        (b'{"task": "secret \xff"}', "not UTF-8 at byte 18"),
        ('{"task": "secret"}'.encode("utf-16"), "not UTF-8 at byte 1"),
        (b'{"final_answer": "secret"}', "no task"),
        (b'{"task": ["secret"]}', "no task"),
        (b"[" * 100_000, "JSON nested too deeply"),
        (b'{"task": "secret", "id": ' + b"1" * 5000 + b"}", "a number with too many digits"),
        (b'{"task": "secret"} {"task": "secret"}', "not JSON at character 20"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_unreadable_line_is_recorded_with_its_place_and_reason_but_not_its_content(
    tmp_path: Path, line: bytes, why: str
) -> None:
    sessions, tally = read_bytes(tmp_path, b"\n" + line.replace(b"\n", b"") + b"\n" + jsonl(session_record(1)))
    assert [session.id for session in sessions] == ["1"]
    assert tally.malformed == [f"export.jsonl:2: {why}"]


def test_one_unreadable_line_more_than_allowed_ends_the_reading(tmp_path: Path) -> None:
    data = jsonl(session_record(1)) + b"secret\n" * 5
    assert len(read_bytes(tmp_path, data, max_malformed=5)[1].malformed) == 5

    with pytest.raises(MalformedTraces) as caught:
        read_bytes(tmp_path, data, max_malformed=4)

    message = str(caught.value)
    assert message.startswith(
        "unreadable lines: 5, spec.traces.maxMalformed allows 4 (export.jsonl:2: not JSON at character 1;"
    )
    assert message.endswith("export the traces again, or allow more")
    assert "secret" not in message


def test_unreadable_lines_are_counted_over_all_files(tmp_path: Path) -> None:
    for name in ("a.jsonl", "b.jsonl"):
        (tmp_path / name).write_bytes(b"no\n")
    with pytest.raises(MalformedTraces, match=r"a\.jsonl:1: not JSON.*; b\.jsonl:1: not JSON"):
        read(file_traces(tmp_path, max_malformed=1))


def test_a_truncated_compressed_export_gives_its_whole_lines_and_is_counted(tmp_path: Path) -> None:
    lines = b"".join(jsonl(session_record(number, final_answer=os.urandom(500).hex())) for number in range(50))
    sessions, tally = read_bytes(tmp_path, gzip.compress(lines)[:-5000])
    assert 0 < len(sessions) < 50
    assert len(tally.malformed) == 1
    assert tally.malformed[0].endswith("compressed data ends too early: the file is incomplete")


def test_an_answer_of_50_megabytes_is_read_whole(tmp_path: Path) -> None:
    size = 50 * 1024 * 1024
    (session, after), _ = read_bytes(tmp_path, jsonl(session_record(1, final_answer="x" * size), session_record(2)))
    assert (len(session.final_answer), after.id) == (size, "2")
