"""What answers are remembered by: no text can reach the answer to another request."""

import asyncio
import string
import time
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.judges.ensembles import spec_of
from support.judges.injections import INJECTIONS

from atlas_rewards.llm.circuit_breaker import Circuit
from atlas_rewards.llm.model_calls import ModelCalls
from atlas_rewards.llm.rate_limit import BudgetMeter

SPEC = spec_of()
CIRCUIT = Circuit(SPEC.circuit_breaker, time.monotonic, asyncio.sleep)
MODEL = ModelCalls(SPEC.models.small, None, SPEC, BudgetMeter(SPEC.budget), CIRCUIT, clock=time.monotonic)

Inputs = tuple[tuple[tuple[str, str], ...], float, int, str]
"""Messages (role and content), temperature, repetition, revision."""

_TEXTS = st.text(max_size=12) | st.sampled_from(list(INJECTIONS.values()))
_INPUTS = st.tuples(
    st.lists(st.tuples(st.sampled_from(["system", "user"]), _TEXTS), max_size=3).map(tuple),
    st.sampled_from([0.0, 0.2, 0.25]),
    st.integers(0, 3),
    st.sampled_from(["a", "b", 'a", "b']),
)


def key(inputs: Inputs) -> str:
    messages, temperature, repetition, revision = inputs
    spoken = [{"role": role, "content": content} for role, content in messages]
    return MODEL.request(spoken, temperature, repetition, revision).key


@given(_INPUTS, _INPUTS)
def test_keys_are_equal_exactly_when_all_that_is_asked_is_equal(one: Inputs, other: Inputs) -> None:
    assert (key(one) == key(other)) == (one == other)


@pytest.mark.parametrize("where", ["system", "user"])
def test_every_attempt_has_a_key_of_its_own_that_holds_nothing_of_it(where: str) -> None:
    texts = [*INJECTIONS.values(), "", "It is 42.", "It is 42.\0"]
    keys = [key((((where, text),), 0.2, 0, "a")) for text in texts]
    assert len(set(keys)) == len(texts)
    assert all(len(one) == 64 and set(one) <= set(string.hexdigits) for one in keys)


def moved(parts: Sequence[str]) -> Inputs:
    return tuple(("user", part) for part in parts), 0.2, 0, "a"


@given(st.lists(st.sampled_from(["a", "b", "\0", '", "', '"}, {"role": "user", "content": "']), min_size=2, max_size=5))
def test_text_that_moves_from_one_message_to_the_next_makes_another_key(parts: list[str]) -> None:
    assert key(moved(parts)) != key(moved([*parts[:-2], parts[-2] + parts[-1]]))
