"""
Recorded sessions for people: a table of many, one in full. Needs no tokenizer.

Every text from a trace passes `visible`, and none is read as markup.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence

from rich.table import Table
from rich.text import Text

from atlas_api.text import one_line, visible
from atlas_api.training.traces import TraceFields, TraceFilter, Traces
from atlas_trainer.dataset.preview import ORIGIN_WORDS
from atlas_trainer.dataset.rows import Row
from atlas_trainer.dataset.session_rows import session_rows
from atlas_trainer.dataset.turns import Turn, attempts_of
from atlas_trainer.traces.filters import first_failed_condition
from atlas_trainer.traces.formats.fields import found_nowhere
from atlas_trainer.traces.messages import calls_text
from atlas_trainer.traces.session import Session, Tally

_MISSING = {
    "reviewStatus": "without review status, taken as approved",
    "status": "without status, taken as succeeded with an answer and as failed without one",
    "createdAt": "without a creation time that can be read",
    "rewardScale": "with a reward outside 0 to 1, which vouches for nothing: bring rewards to that scale",
    "wholeCharacters": "with characters that are no Unicode (halves, another encoding), read as U+FFFD",
}
_TASK = 60
_ID = 40
_LINE = 100
_FIRST = 3


def notes(tally: Tally, fields: TraceFields | None) -> Iterator[str]:
    """Yield in words what records lack and what was assumed instead, and the first things that could not be read."""
    if tally.ignored:
        yield f"left out of the database's URL, since it concerns other drivers: {', '.join(tally.ignored)}"
    for name, words in _MISSING.items():
        if name in tally.missing:
            yield f"{tally.missing[name]} {words}"
    for name, count in tally.assumed.items():
        yield f"{count} of those left out by {name} are {_MISSING[name]}"
    for id in tally.absent[:_FIRST]:
        yield f"no session has the id {one_line(id, _ID)}, which spec.traces.filter names"
    for name, count in sorted(tally.missing.items()):
        if name not in _MISSING and tally.lacking.get(name) != tally.seen:
            yield f"{count} without a value at spec.traces.{name}"
    yield from map(visible, found_nowhere(fields, tally))
    for problem in (*tally.malformed[:_FIRST], *tally.unreadable):
        yield f"unreadable: {visible(problem)}"


def fate(session: Session, traces: Traces, chosen: Collection[str] | None = None) -> str:
    """What becomes of *session*, as far as that is known without a tokenizer: `3 rows`, or the cause of none.

    *chosen* are the ids that `offset` and `limit` of the filter leave. None: the filter has neither.
    """
    failed = first_failed_condition(traces.filter, session)
    if failed is None and chosen is not None and session.id not in chosen:
        failed = _cut_by(traces.filter)
    if failed:
        return failed
    found = session_rows(session, traces)
    return found if isinstance(found, str) else f"{len(found.rows)} row{'' if len(found.rows) == 1 else 's'}"


def sessions_table(sessions: Sequence[Session], fates: Sequence[str]) -> Table:
    """A line a session, with what becomes of it. Where there is no room, the task is cut."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("id", "created", "status", "review", "reward", "steps", "attempts", "becomes", "task"):
        right = name in ("reward", "steps", "attempts")
        table.add_column(name, no_wrap=name != "task", justify="right" if right else "left")
    for session, becomes in zip(sessions, fates, strict=True):
        table.add_row(
            Text(one_line(session.id, _ID)),
            f"{session.created_at:%Y-%m-%d}" if session.created_at else "unknown",
            Text(_word(session, "status", session.status)),
            Text(_word(session, "reviewStatus", session.review_status)),
            _number(session.reward),
            str(len(session.steps)),
            str(sum(len(step.attempts) for step in session.steps)),
            Text(becomes),
            Text(one_line(session.task, _TASK), no_wrap=True, overflow="ellipsis"),
        )
    return table


def session_parts(session: Session, traces: Traces, becomes: str) -> Iterator[tuple[str, str]]:
    """Yield heading and text of each part of *session*, in the order in which it happened, safe to show.

    *becomes* is its fate. Of an attempt with several calls of the model the last one is shown: its prompt holds those
    before it.
    """
    yield f"session {one_line(session.id, _LINE)}", _facts(session, becomes)
    yield "task", visible(session.task)
    descriptions = {step.id: step.description for step in session.steps}
    for turn in attempts_of(session):
        yield _turn_heading(turn, descriptions), ""
        for message in turn.prompt:
            yield message["role"], visible(calls_text(message))
        yield "answer" if turn.is_answer else "calls of tools", visible(turn.output)
        if turn.guidance:
            yield "guidance", visible(turn.guidance)
    yield "final answer", visible(session.final_answer)
    if session.ground_truth is not None:
        yield "ground truth", visible(session.ground_truth)
    for lesson in session.lessons:
        if lesson.kind != "guidance":
            yield f"lesson ({lesson.kind})", visible(lesson.text)
    found = session_rows(session, traces)
    if not isinstance(found, str):
        yield "rows", "\n".join(_row_line(row) for row in found.rows)


def _cut_by(filter: TraceFilter) -> str:
    cuts = [name for name, value in (("offset", filter.offset), ("limit", filter.limit)) if value]
    return " or ".join(cuts)


def _word(session: Session, name: str, word: str) -> str:
    return f"{one_line(word, _ID)} (assumed)" if name in session.missing else one_line(word, _ID)


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.2f}"


def _facts(session: Session, becomes: str) -> str:
    by_person = ", by a person" if session.approved_by_person and "reviewStatus" not in session.missing else ""
    created = f"{session.created_at:%Y-%m-%d %H:%M:%S %Z}" if session.created_at else session.unreadable
    facts = {
        "created": created or "unknown",
        "status": _word(session, "status", session.status),
        "review": _word(session, "reviewStatus", session.review_status) + by_person,
        "reward": _number(session.reward),
        "learning key": session.learning_key,
        "tags": ", ".join(session.tags),
        "project": session.project,
        "execution mode": session.execution_mode,
        "becomes": becomes,
    }
    return "\n".join(f"{name}: {one_line(value, _LINE)}" for name, value in facts.items() if value)


def _turn_heading(turn: Turn, descriptions: Mapping[int, str]) -> str:
    refused = " (refused)" if turn.refused else ""
    description = one_line(descriptions.get(turn.step, ""), _LINE)
    about = f": {description}" if description else ""
    return f"step {turn.step}, attempt {turn.attempt}{refused}, prompt {ORIGIN_WORDS[turn.origin]}{about}"


def _row_line(row: Row) -> str:
    reference = "none" if row.reference is None else one_line(row.reference, _LINE)
    return f"step {row.step}, attempt {row.attempt}, turn {row.turn}, reference: {reference}"
