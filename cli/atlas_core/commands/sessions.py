"""`atlas-core data sessions`, `data show`, `data steps`: recorded sessions for people and programs. Needs no model."""

from collections.abc import Iterator
from pathlib import Path
from textwrap import indent

from rich.console import Console
from rich.text import Text

from atlas_api import AtlasTraining, InvalidManifest
from atlas_api.errors import NothingMatched
from atlas_api.text import one_line, visible
from atlas_api.training.traces import TraceFilter, Traces
from atlas_core.commands.output_file import checked_output, output_errors
from atlas_trainer.dataset.dataset import open_sessions
from atlas_trainer.dataset.session_view import fate, notes, session_parts, sessions_table
from atlas_trainer.dataset.steps_file import WRITERS, StepLine, step_lines
from atlas_trainer.traces import read_sessions
from atlas_trainer.traces.filters import ordered
from atlas_trainer.traces.session import Session, Tally

_MOST = 1_000_000_000
_LONGEST_ID = 1024
_SHOWN_ID = 80
_PIPED_COLUMNS = 160
_INDENT = "  "


def list_sessions(training: AtlasTraining, limit: int, offset: int, console: Console) -> None:
    """Print *limit* sessions from *offset* on, newest first, and what becomes of each. Raises `AtlasError`."""
    for name, value, least in (("--limit", limit, 1), ("--offset", offset, 0)):
        if not least <= value <= _MOST:
            raise InvalidManifest([f"{name} {value}: give a whole number from {least} to {_MOST:,}"])
    traces, tally = training.spec.traces, Tally()
    page = _everything(traces, TraceFilter(status=(), review_status=(), limit=limit, offset=offset))
    sessions = ordered(read_sessions(page, tally), "newest")
    total = tally.matched + sum(tally.filtered.values())
    if sessions:
        chosen = _chosen(traces)
        table = sessions_table(sessions, [fate(session, traces, chosen) for session in sessions])
        (console if console.is_terminal else Console(file=console.file, width=_PIPED_COLUMNS)).print(table)
    shown = f"sessions {offset + 1} to {offset + len(sessions)}" if sessions else f"no session from {offset + 1} on"
    console.print(f"{shown} of {total}, newest first", highlight=False)
    for note in notes(tally, traces.fields):
        console.print(Text(note), soft_wrap=True)


def show(training: AtlasTraining, id: str, console: Console) -> None:
    """Print the session *id* as it happened. Raises `AtlasError`, `NothingMatched` where there is none."""
    traces = training.spec.traces
    found = None
    if 0 < len(id) <= _LONGEST_ID:
        one = _everything(traces, TraceFilter(status=(), review_status=(), session_ids=(id,)))
        found = next(read_sessions(one, Tally()), None)
    if found is None:
        raise NothingMatched(
            f"session {one_line(id, _SHOWN_ID)}: the source holds none with this id; "
            "`atlas-core data sessions` lists those that there are"
        )
    for heading, text in session_parts(found, traces, fate(found, traces, _chosen(traces))):
        console.print(Text(heading, style="bold"), soft_wrap=True)
        if text:
            # No line of a text can pass for a heading.
            console.print(Text(indent(f"{text}\n", _INDENT)), soft_wrap=True)


def steps(training: AtlasTraining, out: Path, console: Console) -> None:
    """Write one line an attempt of the sessions that pass the filter to *out*. Raises `AtlasError`."""
    writer = checked_output(out, WRITERS)
    tally = Tally()
    counts = {"attempts": 0, "sessions": 0}
    with output_errors(out):
        writer(out, _lines(open_sessions(training.spec.traces, tally), tally, counts))
    left_out = f"; left out: {tally.causes}" if tally.dropped else ""
    line = f"{out}: {counts['attempts']} attempts of {counts['sessions']} sessions{left_out}"
    console.print(Text(visible(line)), soft_wrap=True)


def _everything(traces: Traces, filter: TraceFilter) -> Traces:
    return traces.model_copy(update={"filter": filter})


def _chosen(traces: Traces) -> frozenset[str] | None:
    """Ids of the sessions that the whole filter lets pass; None where its conditions alone decide."""
    if traces.filter.limit is None and not traces.filter.offset:
        return None
    return frozenset(session.id for session in read_sessions(traces, Tally()))


def _lines(sessions: Iterator[Session], tally: Tally, counts: dict[str, int]) -> Iterator[StepLine]:
    for session in sessions:
        lines = list(step_lines(session))
        if not lines:
            tally.drop("noAnswer")
            continue
        counts["sessions"] += 1
        counts["attempts"] += len(lines)
        yield from lines
