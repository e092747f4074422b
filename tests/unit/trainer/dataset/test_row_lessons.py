"""Lessons lie beside a row, as what a teacher may see and the student may not."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.traces.sessions import RETRIED, make_session

from atlas_api import parse
from atlas_api.training.traces import Traces
from atlas_trainer.dataset.preview import lessons_text
from atlas_trainer.dataset.rows import Row
from atlas_trainer.dataset.rows_file import read_parquet, write_jsonl, write_parquet
from atlas_trainer.dataset.session_rows import session_rows
from atlas_trainer.traces.lessons import Lesson, lessons_of
from atlas_trainer.traces.session import Session, Step, StepAttempt, guidance_in

LESSONS = (Lesson("guidance", "Check the order"), Lesson("studentLearning", "Look first."))


def rows_of(session: Session, **fields: str) -> list[Row]:
    rows = session_rows(session, parse(Traces, {"file": {"path": "traces.jsonl"}, **fields}))
    assert isinstance(rows, list), rows
    return rows


def test_each_row_of_a_session_has_its_lessons() -> None:
    assert [row.lessons for row in rows_of(make_session(RETRIED, lessons=LESSONS))] == [LESSONS, LESSONS]


def test_the_guidance_that_a_teacher_is_to_give_does_not_lie_beside_the_row() -> None:
    (row,) = rows_of(make_session(RETRIED, lessons=LESSONS), role="teacher")
    assert row.lessons == LESSONS[1:]


@pytest.mark.parametrize("lessons", [(), LESSONS, (Lesson("triage", 'é "\n\u2028'),)])
def test_files_of_rows_keep_them(lessons: tuple[Lesson, ...], tmp_path: Path) -> None:
    (row,) = rows_of(make_session(lessons=lessons))
    write_parquet(tmp_path / "rows.parquet", [(row, "train")])
    assert list(read_parquet(tmp_path / "rows.parquet")) == [(row, "train")]
    write_jsonl(tmp_path / "rows.jsonl", [(row, "eval")])
    document = json.loads((tmp_path / "rows.jsonl").read_text())
    assert document["lessons"] == [{"kind": lesson.kind, "text": lesson.text} for lesson in lessons]
    assert Row.from_json(document) == row


def test_the_preview_shows_them_as_not_shown_to_the_student() -> None:
    (row,) = rows_of(make_session(lessons=(*LESSONS, Lesson("triage", "two\nlines \u202e"))))
    shown = lessons_text(row)
    assert shown is not None
    assert shown.plain.splitlines() == [
        "Not shown to the student:",
        "  guidance: Check the order",
        "  studentLearning: Look first.",
        "  triage: two lines \\u202e",
    ]
    assert lessons_text(replace(row, lessons=())) is None


@st.composite
def taught_sessions(draw: st.DrawFn) -> Session:
    """Sessions whose texts are told apart by their marks: `<S 1.2>` is said, `<G 1.2>` guidance, `<L ...>` learnt."""
    steps = []
    for number in range(1, draw(st.integers(0, 3)) + 1):
        attempts: list[StepAttempt] = []
        notes: list[str] = []
        for place in range(1, draw(st.integers(1, 3)) + 1):
            guidance = draw(st.sampled_from([None, f"<G {number}.{place}>"]))
            history = f"Guidance History: {json.dumps(notes)}"
            asked = draw(st.sampled_from([(), ({"role": "user", "content": history},)]))
            attempts.append(StepAttempt(f"<S {number}.{place}>", guidance, asked, place))
            notes += [guidance] if guidance else []
        steps.append(Step(number, draw(st.sampled_from(["", f"Step {number}"])), tuple(attempts)))
    learnt = {"student_learning": "<L student>", "teacher_learning": "<L teacher>"}
    entries = [{"action": {"imperative": "<L entry>"}}]
    known = {"student_learning": "<L key>", "metadata": {"playbook_entries": entries}}
    dossier = {"summary": "<L summary>", "risks": [{"description": "<L risk>"}]}
    return make_session(*steps, lessons=lessons_of(guidance_in(steps), learnt, known, dossier))


@given(taught_sessions(), st.sampled_from(["messages", "text"]))
def test_a_prompt_holds_no_lesson_but_the_guidance_that_the_attempt_was_given(session: Session, form: str) -> None:
    given_before = {
        (step.id, attempt.number): {earlier.guidance for earlier in step.attempts[:place] if earlier.guidance}
        for step in session.steps
        for place, attempt in enumerate(step.attempts)
    }
    for row in rows_of(session, promptForm=form):
        prompt = "\n".join(message["content"] for message in row.prompt)
        assert "<L" not in prompt
        guidance = {lesson.text for lesson in row.lessons if lesson.kind == "guidance"}
        assert {text for text in guidance if text in prompt} == given_before.get((row.step, row.attempt), set())
