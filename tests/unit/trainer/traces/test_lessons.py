"""Lessons of a session: guidance, learning notes, playbook, triage; each once, bounded, whatever was recorded."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.traces.exports import metadata, session_record, step_record

from atlas_trainer.traces.formats.export_record import session_from_record
from atlas_trainer.traces.lessons import MOST, MOST_CHARACTERS, Lesson, lessons_of


def entry(imperative: Any = "Look the order up first", lifecycle: str = "active", **fields: Any) -> dict[str, Any]:
    """An entry of a playbook, as the SDK's synthesizer writes it."""
    return {
        "id": "playbook-entry-0123456789ab",
        "audience": "student",
        "cue": {"type": "keyword", "pattern": "refund", "description": "a refund is asked for"},
        "action": {"imperative": imperative, "runtime_handle": "look_up", "tool_name": None, "arguments": None},
        "provenance": {"status": {"category": "reinforcement", "lifecycle": lifecycle}},
        **fields,
    }


def state(*entries: Any, **fields: Any) -> dict[str, Any]:
    """A row of the registry."""
    return {"metadata": {"playbook_version": "playbook_entry.v1", "playbook_entries": list(entries)}, **fields}


def lessons(*guidance: str | None, notes: Any = None, state: Any = None, dossier: Any = None) -> tuple[Lesson, ...]:
    return lessons_of(guidance, notes, state, dossier)


def playbook(*entries: Any) -> list[str]:
    return [lesson.text for lesson in lessons(state=state(*entries))]


def test_every_kind_of_lesson_is_taken() -> None:
    dossier = {
        "task": "Refund order 12",
        "summary": "A refund that needs a look at the order.",
        "risks": [{"category": "money", "description": "paid twice", "severity": "high"}],
        "signals": [{"name": "orders", "value": 1}],
    }
    notes = {"student_learning": "Look first.", "teacher_learning": "Ask for the state."}
    known = state(entry(), student_learning="Look twice.")
    assert lessons("Check the order", notes=notes, state=known, dossier=dossier) == (
        Lesson("guidance", "Check the order"),
        Lesson("studentLearning", "Look first."),
        Lesson("teacherLearning", "Ask for the state."),
        Lesson("studentLearning", "Look twice."),
        Lesson("playbook", "for the student, when a refund is asked for: Look the order up first"),
        Lesson("triage", "A refund that needs a look at the order.\nRisk (high): paid twice"),
    )


def test_what_is_known_for_the_key_is_no_second_lesson_where_the_session_says_the_same() -> None:
    notes = {"student_learning": "Look first."}
    known = state(student_learning="Look first.")
    assert lessons(notes=notes, state=known) == (Lesson("studentLearning", "Look first."),)


def test_guidance_is_a_lesson_once_and_silence_is_none() -> None:
    said = ("Check the order", None, " ", "Ask", "Check the order")
    assert lessons(*said) == (Lesson("guidance", "Check the order"), Lesson("guidance", "Ask"))


@pytest.mark.parametrize("lifecycle", ["deprecated", "pruned", "rejected"])
def test_an_entry_that_the_sdk_has_given_up_is_no_lesson(lifecycle: str) -> None:
    assert playbook(entry(lifecycle=lifecycle), entry("Be polite", "provisional", audience=None, cue=None)) == [
        "Be polite"
    ]


def test_an_entry_without_a_description_says_what_it_looks_for() -> None:
    assert playbook(entry(cue={"pattern": "refund.*"})) == ["for the student, when refund.*: Look the order up first"]


def test_lessons_are_bounded_and_say_what_is_left_out() -> None:
    many = lessons(state=state(*(entry(f"Rule {number}") for number in range(50))))
    assert len(many) == MOST + 1
    assert many[-1] == Lesson("leftOut", "lessons left out, since there is a limit: 30")
    (cut,) = lessons(notes={"student_learning": "x" * 5_000})
    assert cut.text == "x" * 4_000 + " [... 1000 characters left out]"
    long = lessons(state=state(*(entry(f"{number}" * 4_000) for number in range(10))))
    assert (len(long), long[-1].text) == (5, "lessons left out, since there is a limit: 6")


NAMES = (
    "metadata playbook_entries action imperative cue provenance status lifecycle summary risks description"
    " student_learning"
)
ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9) | st.just("[" * 9_999),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES.split()), inner, max_size=4),
    max_leaves=30,
)


@given(ODD, ODD, ODD)
def test_whatever_was_recorded_lessons_are_texts_within_the_limits(notes: Any, known: Any, dossier: Any) -> None:
    found = lessons("Check the order", notes=notes, state=known, dossier=json.dumps(dossier))
    assert found[0] == Lesson("guidance", "Check the order")
    assert len(found) <= MOST + 1
    assert sum(len(lesson.text) for lesson in found[:MOST]) <= MOST_CHARACTERS
    assert all(lesson.text.strip() for lesson in found)


def test_guidance_whose_attempt_is_lost_is_a_lesson_too() -> None:
    cut = session_record(steps=[step_record(guidance=["Check the order", "Ask"], attempts=1, metadata={})])
    assert session_from_record(cut).lessons == (Lesson("guidance", "Check the order"), Lesson("guidance", "Ask"))


def test_an_export_holds_them_at_the_top_level_or_in_its_metadata() -> None:
    learnt: dict[str, Any] = {"student_learning": "Look first.", "teacher_learning": "Ask for the state."}
    dossier: dict[str, Any] = {"triage_dossier": {"summary": "A refund."}}
    known = metadata(learning_state=state(entry()))
    on_top = session_record(**learnt, **dossier, session_metadata=known)
    inside = session_record(session_metadata={**known, **learnt, **dossier})
    assert session_from_record(on_top).lessons == session_from_record(inside).lessons
    assert [lesson.kind for lesson in session_from_record(on_top).lessons] == [
        "guidance",
        "studentLearning",
        "teacherLearning",
        "playbook",
        "triage",
    ]


def test_an_export_without_any_has_none() -> None:
    accepted = step_record(guidance=[], attempts=1, metadata={})
    assert session_from_record(session_record(steps=[accepted])).lessons == ()
