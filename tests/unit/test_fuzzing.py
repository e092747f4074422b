"""What tries thousands of inputs finds what is wrong with one of them, and says how to try that one again."""

import os
from collections.abc import Callable
from random import Random

import pytest
from support.fuzz.campaign import GROWTH, fuzz


def test_inputs_are_the_same_for_a_seed_and_counted_by_what_came_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUZZ_SEED", "7")
    first, second = (fuzz("numbers", lambda random: str(random.randrange(3)), 50) for _ in range(2))
    assert first == second
    assert sum(first.values()) == 50


def raises(number: float) -> str:
    raise ValueError(number)


def grows(number: float) -> str:
    return str(len(bytearray(2 * GROWTH)))


def ends(number: float) -> str:
    os._exit(9)


@pytest.mark.parametrize(
    ("fault", "told"),
    [(raises, "ValueError"), (grows, "MemoryError"), (ends, "ended the process with 9")],
)
def test_a_fault_is_told_with_its_number(
    monkeypatch: pytest.MonkeyPatch, fault: Callable[[float], str], told: str
) -> None:
    monkeypatch.setenv("FUZZ_SEED", "7")

    def attempt(random: Random) -> str:
        return fault(number) if (number := random.random()) > 0.8 else "well"

    with pytest.raises(AssertionError, match=r"input \d+ of seed 7") as caught:
        fuzz("numbers", attempt, 100)
    assert told in str(caught.value)
    number = str(caught.value).partition("input ")[2].partition(" ")[0]
    monkeypatch.setenv("FUZZ_CASE", number)
    with pytest.raises(AssertionError, match=rf"input {number} of seed 7"):
        fuzz("numbers", attempt, 100)
