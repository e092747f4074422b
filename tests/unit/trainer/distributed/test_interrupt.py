"""Signals are obeyed at once, or when the step is done."""

import signal
import threading
from contextlib import suppress

import pytest

from atlas_api.errors import Preempted
from atlas_trainer.distributed.interrupt import Interrupt


def test_a_signal_ends_the_block_at_once() -> None:
    with Interrupt().installed(), pytest.raises(Preempted, match="SIGTERM"):
        signal.raise_signal(signal.SIGTERM)


def test_a_deferred_signal_is_only_noted() -> None:
    interrupt = Interrupt()
    with interrupt.installed(), interrupt.deferred():
        signal.raise_signal(signal.SIGTERM)
        assert interrupt.requested


def test_a_second_ctrl_c_is_obeyed_at_once() -> None:
    interrupt = Interrupt()
    with interrupt.installed(), interrupt.deferred():
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(Preempted, match="SIGINT"):
            signal.raise_signal(signal.SIGINT)


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
