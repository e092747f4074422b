"""
Lessons: what was learnt in a session and about it, and how the SDK recorded it. Pure.

Values come decoded or as text of JSON; what is missing or of another type is no lesson. Texts come from models and have
any length, so that a session keeps `MOST` lessons of `MOST_CHARACTERS` characters in all, and says what it left out.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from atlas_trainer.traces.loose_json import decoded, get, items, text

LessonKind = Literal["guidance", "studentLearning", "teacherLearning", "playbook", "triage", "leftOut"]
"""What a lesson is: a note of the teacher, a learning note for student or teacher, an entry of the playbook, what
triage saw beforehand; `leftOut` says how many found no room."""

LESSONS: tuple[LessonKind, ...] = get_args(LessonKind)


@dataclass(frozen=True, slots=True)
class Lesson:
    """What somebody learnt about a session. A teacher may see it; the student sees what the runtime showed it."""

    kind: LessonKind
    text: str


MOST = 20
"""Lessons of a session, a note about those left out aside."""

MOST_CHARACTERS = 20_000
"""Characters of all lessons of a session together."""

_LONGEST = 4_000
_NOTES: tuple[tuple[LessonKind, str], ...] = (
    ("studentLearning", "student_learning"),
    ("teacherLearning", "teacher_learning"),
)
_RETIRED = ("deprecated", "pruned", "rejected")


def lessons_of(guidance: Iterable[str | None], notes: Any, state: Any, dossier: Any) -> tuple[Lesson, ...]:
    """
    The lessons of a session, each once.

    *guidance*: what the teacher said, in order; *notes*: `student_learning` and `teacher_learning` of the session;
    *state*: what is known for its learning key, with the columns of `learning_registry`; *dossier*: its triage.
    """
    state = decoded(state)
    entries = get(decoded(get(state, "metadata")), "playbook_entries")
    found = [
        *(Lesson("guidance", note) for said in guidance if (note := text(said))),
        *_learnt(notes),
        *_learnt(state),
        *(Lesson("playbook", entry) for value in items(entries) if (entry := _entry(value))),
        *_triage(decoded(dossier)),
    ]
    return _bounded(list(dict.fromkeys(found)))


def _learnt(notes: Any) -> Iterator[Lesson]:
    for kind, name in _NOTES:
        if note := text(get(notes, name)):
            yield Lesson(kind, note)


def _entry(entry: Any) -> str | None:
    """An entry of a playbook in a line: who does what when. None for one that the SDK has given up."""
    imperative = text(get(get(entry, "action"), "imperative"))
    if not imperative or get(get(get(entry, "provenance"), "status"), "lifecycle") in _RETIRED:
        return None
    audience, cue = text(get(entry, "audience")), get(entry, "cue")
    when = text(get(cue, "description")) or text(get(cue, "pattern"))
    head = [f"for the {audience}"] if audience else []
    head += [f"when {when}"] if when else []
    return f"{', '.join(head)}: {imperative}" if head else imperative


def _triage(dossier: Any) -> Iterator[Lesson]:
    risks = [
        f"Risk ({text(get(risk, 'severity')) or 'unknown'}): {description}"
        for risk in items(get(dossier, "risks"))
        if (description := text(get(risk, "description")))
    ]
    summary = text(get(dossier, "summary"))
    if lines := ([summary] if summary else []) + risks:
        yield Lesson("triage", "\n".join(lines))


def _bounded(lessons: Sequence[Lesson]) -> tuple[Lesson, ...]:
    """The first of *lessons* that there is room for, long ones cut, with a note about the rest."""
    kept: list[Lesson] = []
    room = MOST_CHARACTERS
    for lesson in map(_cut, lessons[:MOST]):
        room -= len(lesson.text)
        if room < 0:
            break
        kept.append(lesson)
    left = len(lessons) - len(kept)
    return (*kept, Lesson("leftOut", f"lessons left out, since there is a limit: {left}")) if left else tuple(kept)


def _cut(lesson: Lesson) -> Lesson:
    over = len(lesson.text) - _LONGEST
    if over <= 0:
        return lesson
    return Lesson(lesson.kind, f"{lesson.text[:_LONGEST]} [... {over} characters left out]")
