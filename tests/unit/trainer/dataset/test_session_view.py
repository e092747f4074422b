"""What a source lacks is said in words, with the place in the manifest where that can be mended."""

from pathlib import Path

import pytest
from support.traces.exports import file_traces, jsonl
from support.traces.other_makers import chat

from atlas_api.errors import NothingMatched
from atlas_api.training.traces import TraceFields, TraceFilter
from atlas_trainer.dataset.dataset import open_sessions
from atlas_trainer.dataset.session_view import notes
from atlas_trainer.traces.session import Tally

FIELDS = TraceFields(reward="scoer", ground_truth="expected")


def test_fields_without_a_value_are_told_apart_from_paths_that_no_session_has(tmp_path: Path) -> None:
    path = tmp_path / "traces.jsonl"
    path.write_bytes(jsonl(chat(score=1, expected="paid"), chat(score=0), chat(score=1)))
    tally = Tally()
    assert len(list(open_sessions(file_traces(path, fields=FIELDS), tally))) == 3
    told = [note for note in notes(tally, FIELDS) if "spec.traces.fields" in note]
    assert told == [
        "2 without a value at spec.traces.fields.groundTruth",
        "no session has a reward that can be read at scoer; check spec.traces.fields.reward",
    ]


def test_a_path_that_no_session_has_is_told_when_the_filter_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "traces.jsonl"
    path.write_bytes(jsonl(chat(score=1)))
    wanted = file_traces(path, fields=FIELDS, filter=TraceFilter(min_reward=0.5))
    with pytest.raises(NothingMatched, match=r"unknownReward 1; .*; no session has a reward that can be read at scoer"):
        open_sessions(wanted, Tally())
