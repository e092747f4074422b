"""
Lines into sessions: which format a source has, ids, and the lines that could not be read.

Streams: one line is in memory at a time, and the traces that `otel_traces` keeps open.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from atlas_api.errors import InvalidManifest, MalformedTraces
from atlas_api.training.traces import TraceFields, Traces
from atlas_trainer.traces.formats.chat import session_of_chat
from atlas_trainer.traces.formats.export_record import session_from_record
from atlas_trainer.traces.formats.fields import NO_FIELDS
from atlas_trainer.traces.formats.file_kinds import file_of_another_kind
from atlas_trainer.traces.formats.otel_traces import OpenTraces
from atlas_trainer.traces.formats.prompt_completion import session_of_pair
from atlas_trainer.traces.formats.recognise import Format, fits, format_of, stranger
from atlas_trainer.traces.formats.record import Record, UnreadableRecordError, record_of
from atlas_trainer.traces.lines import Line
from atlas_trainer.traces.loose_json import may_hold_halves
from atlas_trainer.traces.seen_ids import SeenIds
from atlas_trainer.traces.session import Session, Tally, without_whole_characters

SESSION_OF: Mapping[Format, Callable[[Record, TraceFields], Session]] = {
    "atlas": lambda record, fields: session_from_record(record),
    "messages": session_of_chat,
    "promptCompletion": session_of_pair,
}
"""Formats in which a line is a session -> function that makes it."""


class LineReader:
    """Makes sessions of the lines of one source. Remembers format, ids and unreadable lines from file to file."""

    def __init__(self, traces: Traces, tally: Tally) -> None:
        self._said: Format | None = None if traces.format == "auto" else traces.format
        self._format: Format | None = None
        self._fields = traces.fields
        self._wants_text = traces.prompt_form == "text"
        self._max_malformed = traces.max_malformed
        self._tally = tally
        self._seen = SeenIds()
        self._halves = False
        self._open = OpenTraces(traces.fields or NO_FIELDS)

    def sessions(self, files: Iterable[tuple[str, Iterable[Line]]]) -> Iterator[Session]:
        """
        Yield the sessions of *files*, each a name for messages and ids, and its lines; unfiltered.

        An unreadable line is recorded in the tally; one more than `maxMalformed` raises MalformedTraces. So does a file
        that holds no lines of JSON, at once. InvalidManifest: the manifest says another format. Lines that start with
        `#` are comments, as in the data sets that the SDK ships. A caller's metadata can hide the row id, so an id that
        was seen before gives way to `<name>:<line>`.
        """
        where = ""
        for name, lines in files:
            is_first = True
            for line in lines:
                if line.content.startswith(b"#"):
                    continue
                where = f"{name}:{line.number}"
                for session in self._read(line, name, where, is_first):
                    yield self._with_id(session, where)
                is_first = False
        for session in self._open.rest():
            yield self._with_id(session, where)

    def _read(self, line: Line, name: str, where: str, is_first: bool) -> list[Session]:
        self._halves = self._halves or may_hold_halves(line.content)
        try:
            record = record_of(line)
            format = self._format_of(record, where)
            if format != "otel":
                return [SESSION_OF[format](record, self._fields or NO_FIELDS)]
            sessions, problem = self._open.take(record, len(line.content))
        except (UnreadableRecordError, RecursionError) as error:
            if is_first and (kind := file_of_another_kind(line.content)):
                raise MalformedTraces(
                    f"{name} {kind}; docs/reference/traces.md has an example of each format"
                ) from error
            too_deep = isinstance(error, RecursionError)
            self._tally.give_up(f"{where}: {'JSON nested too deeply' if too_deep else error}", self._max_malformed)
            return []
        if problem:
            self._tally.give_up(f"{where}: {problem}", self._max_malformed)
        return sessions

    def _format_of(self, record: Record, where: str) -> Format:
        """Format of the source, which the first line of a known format decides. Raises for a *record* of another."""
        if self._format is None:
            self._format = self._first_format(record, where)
        elif not fits(record, self._format):
            raise UnreadableRecordError(f"not of the format {self._format}, as the lines before, but {_told(record)}")
        return self._format

    def _first_format(self, record: Record, where: str) -> Format:
        found = format_of(record)
        if self._said and fits(record, self._said):
            found = self._said
        if found is None:
            raise UnreadableRecordError(f"of no format that is known: {_told(record)}")
        if self._said and self._said != found:
            raise InvalidManifest(
                [f"spec.traces.format: says {self._said}, and {where} is of the format {found}; write {found}, or auto"]
            )
        if found == "atlas" and self._fields:
            raise InvalidManifest(
                [f"spec.traces.fields: {where} is an export of the SDK, where all has its place; leave fields out"]
            )
        if found != "atlas" and self._wants_text:
            raise InvalidManifest(
                [
                    "spec.traces: promptForm text is how the SDK sends its prompts: leave it out for traces of other"
                    f" makers; {where} is of the format {found}"
                ]
            )
        return found

    def _with_id(self, session: Session, where: str) -> Session:
        recorded = session.id and self._seen.add(session.id)
        found = session if recorded else replace(session, id=where)
        return without_whole_characters(found) if self._halves else found


def _told(record: Record) -> str:
    return format_of(record) or stranger(record)
