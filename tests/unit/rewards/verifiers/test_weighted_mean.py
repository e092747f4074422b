"""A score is the weighted mean of what is known, and None where nothing is."""

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.verifiers.scores import scorer_of

from atlas_api import InvalidManifest
from atlas_api.training.reward import Reward, Verifier
from atlas_rewards import SUCCESS, Item, build_scorer

SHORT = {"length": {"target": 2, "limit": 4}}


def test_the_mean_is_weighted() -> None:
    score = scorer_of({"exactMatch": {}}, SHORT, v0=3).score(Item("abc", "abc"))
    assert score.parts == {"v0": 1.0, "v1": 0.5}
    assert score.value == pytest.approx((3 * 1.0 + 0.5) / 4)


def test_a_verifier_that_cannot_say_is_left_out_of_the_mean() -> None:
    score = scorer_of({"exactMatch": {}}, SHORT, v0=3).score(Item("abc"))
    assert score.parts == {"v0": None, "v1": 0.5}
    assert score.value == 0.5
    assert score.reasons == {"v0": "no reference was recorded"}


def test_without_any_verdict_there_is_no_score() -> None:
    score = scorer_of({"exactMatch": {}}, {"numeric": {}}).score(Item("abc"))
    assert score.value is None
    assert set(score.reasons) == {"v0", "v1"}


def test_extreme_weights_neither_overflow_nor_vanish() -> None:
    assert scorer_of({"exactMatch": {}}, SHORT, v0=1e6, v1=1e6).score(Item("abc", "abc")).value == 0.75
    assert scorer_of({"exactMatch": {}}, v0=5e-324).score(Item("abc", "abc")).value == 1.0


def test_success_starts_at_0_8() -> None:
    assert SUCCESS == 0.8


def test_a_verifier_made_in_python_without_a_kind_is_refused() -> None:
    with pytest.raises(InvalidManifest, match=r"verifiers\[0\].name: empty sets 0 kinds"):
        build_scorer(Reward(verifiers=(Verifier(name="empty"),)))


EVERYTHING = scorer_of(
    {"exactMatch": {}},
    {"numeric": {}},
    {"regex": {"pattern": r"\d+$"}},
    {"jsonSchema": {"schema": {"type": "array", "items": {"type": "number", "multipleOf": 0.1}}}},
    {"referenceSimilarity": {"ignoreCase": True}},
    {"length": {"target": 5, "limit": 50}},
    v0=0.1,
    v1=7.0,
)
NUMBERISH = st.text(st.sampled_from("0123456789.,'_ -+/^eE%$x*{}[]\u2212\u00d7\u2078\u0664"), max_size=60)
ANY_TEXT = st.text() | NUMBERISH | st.text(st.characters(categories=["Nd", "No", "Sc", "Cs", "Zs"]))


@settings(deadline=None)
@given(completion=ANY_TEXT, reference=st.none() | ANY_TEXT)
def test_whatever_the_texts_hold_a_score_lies_between_0_and_1(completion: str, reference: str | None) -> None:
    score = EVERYTHING.score(Item(completion, reference))
    assert score.value is not None  # length always says something
    assert 0.0 <= score.value <= 1.0
    assert all(part is None or 0.0 <= part <= 1.0 for part in score.parts.values())
    assert {name for name, part in score.parts.items() if part is None} == set(score.reasons)


@settings(deadline=None)
@given(completion=ANY_TEXT)
def test_the_reference_itself_is_never_worse_than_another_answer(completion: str) -> None:
    scorer = scorer_of({"exactMatch": {}}, {"referenceSimilarity": {}})
    right, given_answer = scorer.score(Item("42", "42")).value, scorer.score(Item(completion, "42")).value
    assert right is not None
    assert given_answer is not None
    assert given_answer <= right == 1.0


def test_importing_the_package_loads_no_torch() -> None:
    code = "import sys, atlas_rewards, atlas_rewards.trl.judged_reward; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
