"""Signals are obeyed at once, or when the step is done."""

import io
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest
from pydantic import BaseModel, field_serializer

from atlas_api.errors import STOPPED_BY, HungUp, Interrupted, Preempted
from atlas_trainer.distributed.interrupt import Interrupt


@pytest.fixture(autouse=True)
def as_in_a_terminal() -> Iterator[None]:
    """Signals that `nohup` or a shell had set to be ignored end a process again."""
    before = {number: signal.getsignal(number) for number in STOPPED_BY}
    for number, handler in before.items():
        if handler is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_signal_ends_the_block_at_once() -> None:
    with Interrupt().installed(), pytest.raises(Preempted, match="SIGTERM"):
        signal.raise_signal(signal.SIGTERM)


@pytest.mark.parametrize(
    ("number", "kind", "code", "words"),
    [
        (signal.SIGTERM, Preempted, 143, "preempted (SIGTERM)"),
        (signal.SIGINT, Interrupted, 130, "interrupted by Ctrl-C (SIGINT)"),
        (signal.SIGHUP, HungUp, 129, "the terminal was closed (SIGHUP)"),
    ],
)
def test_each_signal_has_an_error_with_the_code_of_shells_and_words_for_what_happened(
    number: signal.Signals, kind: type[Exception], code: int, words: str
) -> None:
    with Interrupt().installed(), pytest.raises(kind) as caught:
        signal.raise_signal(number)
    assert words in str(caught.value)
    assert STOPPED_BY[number].exit_code == code == 128 + number


@pytest.mark.parametrize("number", STOPPED_BY, ids=lambda number: number.name)
def test_a_deferred_request_ends_in_the_error_of_its_signal(number: signal.Signals) -> None:
    interrupt = Interrupt()
    with interrupt.installed(), interrupt.deferred():
        signal.raise_signal(number)
    assert interrupt.asked_by is number
    error = interrupt.error("step 3 of 9 is saved")
    assert type(error) is STOPPED_BY[number]
    assert str(error).endswith("; step 3 of 9 is saved")


def test_the_first_of_several_signals_says_why_the_run_ended() -> None:
    interrupt = Interrupt()
    with interrupt.installed(), interrupt.deferred():
        for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGHUP):
            signal.raise_signal(number)
    assert interrupt.asked_by is signal.SIGHUP


def test_ctrl_c_after_another_signal_is_obeyed_at_once_and_is_the_reason() -> None:
    interrupt = Interrupt()
    with interrupt.installed(), interrupt.deferred():
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(Interrupted):
            signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("number", STOPPED_BY, ids=lambda number: number.name)
def test_what_was_set_to_be_ignored_stays_ignored_as_under_nohup(number: signal.Signals) -> None:
    before = signal.signal(number, signal.SIG_IGN)
    try:
        interrupt = Interrupt()
        with interrupt.installed():
            signal.raise_signal(number)
        assert not interrupt.requested
        assert signal.getsignal(number) is signal.SIG_IGN
    finally:
        signal.signal(number, before)


def test_a_deferred_signal_is_only_noted() -> None:
    interrupt = Interrupt()
    with interrupt.installed(), interrupt.deferred():
        signal.raise_signal(signal.SIGTERM)
        assert interrupt.requested


def test_a_second_ctrl_c_is_obeyed_at_once() -> None:
    interrupt = Interrupt()
    with interrupt.installed(), interrupt.deferred():
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(Interrupted, match="SIGINT"):
            signal.raise_signal(signal.SIGINT)


class Stopped(BaseModel):
    """Its serializer gets a SIGTERM, which pydantic takes for a failure of the serializer."""

    name: str = ""

    @field_serializer("name")
    def written(self, name: str) -> str:
        signal.raise_signal(signal.SIGTERM)
        return name


def test_a_request_is_itself_also_where_a_library_has_made_another_error_of_it() -> None:
    interrupt = Interrupt()
    with interrupt.installed(), pytest.raises(Preempted, match="SIGTERM"), interrupt.undisguised():
        Stopped().model_dump_json()


def test_without_a_request_errors_stay_what_they_are() -> None:
    interrupt = Interrupt()
    with interrupt.installed(), pytest.raises(KeyError, match="lost"), interrupt.undisguised():
        raise KeyError("lost")


class SlowStderr(io.RawIOBase):
    """A stderr that gets its signal in the middle of what it writes."""

    def writable(self) -> bool:
        return True

    def write(self, data: object, /) -> int:
        signal.raise_signal(signal.SIGINT)
        return len(memoryview(data))  # type: ignore[arg-type]  # typeshed's Buffer


def test_a_request_in_the_middle_of_a_line_of_stderr_is_noted(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(io.BufferedWriter(SlowStderr()), write_through=True))
    interrupt = Interrupt()
    with interrupt.installed(), interrupt.deferred():
        sys.stderr.write("step 3\n")
        sys.stderr.flush()
    assert interrupt.asked_by is signal.SIGINT
    assert "stopping after this step" in capfd.readouterr().err


def test_a_request_is_noted_where_the_terminal_is_gone() -> None:
    interrupt = Interrupt()
    kept = os.dup(2)
    reader, writer = os.pipe()
    os.close(reader)
    os.dup2(writer, 2)
    try:
        with interrupt.installed(), interrupt.deferred():
            signal.raise_signal(signal.SIGHUP)
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(writer)
    assert interrupt.asked_by is signal.SIGHUP


def test_a_second_sigterm_does_not_cut_the_checkpoint_short() -> None:
    interrupt = Interrupt()
    with interrupt.installed(), interrupt.deferred():
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
        assert interrupt.requested


def test_after_the_block_signals_are_what_they_were() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with Interrupt().installed():
        pass
    assert signal.getsignal(signal.SIGTERM) is before


def test_after_the_block_an_alarm_of_somebody_else_is_theirs_again_and_stops_nothing() -> None:
    rung: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda number, _: rung.append(number))
    try:
        with Interrupt().installed(), suppress(Preempted):
            signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGALRM)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert rung == [signal.SIGALRM]


def test_a_request_that_a_library_swallows_is_made_again() -> None:
    with Interrupt().installed():
        with suppress(Exception):
            signal.raise_signal(signal.SIGTERM)
        with pytest.raises(Preempted, match="SIGTERM"):
            threading.Event().wait(60)


def test_a_request_that_a_library_swallows_counts_where_it_would_be_deferred() -> None:
    interrupt = Interrupt()
    with interrupt.installed():
        with suppress(Exception):
            signal.raise_signal(signal.SIGTERM)
        with interrupt.deferred():
            assert interrupt.requested


def test_a_request_that_was_taken_in_is_not_made_again() -> None:
    interrupt = Interrupt()
    with interrupt.installed():
        with pytest.raises(Preempted):
            signal.raise_signal(signal.SIGTERM)
        with interrupt.deferred():
            assert signal.getitimer(signal.ITIMER_REAL)[0] == 0
    with pytest.raises(Preempted), interrupt.installed():
        signal.raise_signal(signal.SIGTERM)
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0
