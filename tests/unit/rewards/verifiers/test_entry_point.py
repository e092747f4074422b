"""The user's own function: found like `python -m` finds modules, held to its contract, its exceptions contained."""

import sys
from collections.abc import Iterator
from contextlib import chdir, suppress
from pathlib import Path

import pytest
from support.verifiers.scores import reward_of, score_of, scorer_of

from atlas_api import InvalidManifest
from atlas_rewards.verifiers.weighted_mean import doubts_about

SOURCE = """
import numpy

def half(item): return 0.5
def whole(item): return 1
def narrow(item): return numpy.float32(0.25)
def above(item): return 1.0000000000000002
def below(item): return -1e-17
def nothing(item): return None
def yes(item): return True
def word(item): return "1.0"
def high(item): return 1.5
def little(item): return 1.0000001
def negative(item): return -0.1
def not_a_number(item): return float("nan")
def fails(item): raise ValueError("first line\\nsecond line")
def shouts(item): raise ValueError("\\x1b[2J half a character: \\ud800")
def leaves(item): raise SystemExit(3)
def sees(item): return float(item.completion == item.reference == item.metadata["task"] == "x")
async def later(item): return 1.0
async def one_by_one(item): yield 1.0
constant = 3
"""


@pytest.fixture(autouse=True)
def _in_a_folder_with_my_rewards(tmp_path: Path) -> Iterator[None]:
    (tmp_path / "my_rewards.py").write_text(SOURCE)
    (tmp_path / "broken_rewards.py").write_text("import not_installed_anywhere")
    (tmp_path / "unreadable_rewards.py").write_text("def (")
    (tmp_path / "program_rewards.py").write_text("import sys; sys.exit(0)")
    path = list(sys.path)
    with chdir(tmp_path):
        yield
    sys.path[:] = path
    sys.modules.pop("my_rewards", None)


def entry(point: str) -> dict[str, dict[str, str]]:
    return {"python": {"entryPoint": point}}


@pytest.mark.parametrize(
    ("function", "expected"),
    [("half", 0.5), ("whole", 1.0), ("narrow", 0.25), ("above", 1.0), ("below", 0.0)],
)
def test_a_number_from_0_to_1_counts(function: str, expected: float) -> None:
    assert score_of(entry(f"my_rewards:{function}"), "x").value == expected


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        ("nothing", "does not apply"),
        ("yes", "returned True"),
        ("word", "returned '1.0'"),
        ("high", "returned 1.5"),
        ("little", "returned 1.0000001"),
        ("negative", "returned -0.1"),
        ("not_a_number", "returned nan"),
        ("fails", "my_rewards:fails raised ValueError: first line second line"),
        ("shouts", r"my_rewards:shouts raised ValueError: \u001b[2J half a character: \ud800"),
        ("leaves", "my_rewards:leaves raised SystemExit: 3"),
    ],
)
def test_anything_else_is_no_score_and_says_why(function: str, reason: str) -> None:
    score = score_of(entry(f"my_rewards:{function}"), "x")
    assert score.value is None
    assert score.reasons["v0"].startswith(reason)
    assert score.reasons["v0"].isprintable()


def test_the_function_sees_the_item() -> None:
    assert score_of(entry("my_rewards:sees"), "x", "x", task="x").value == 1.0


@pytest.mark.parametrize(
    ("point", "problem"),
    [
        ("no_such_module:f", "importing no_such_module failed: ModuleNotFoundError"),
        ("broken_rewards:f", "not_installed_anywhere"),
        ("unreadable_rewards:f", "SyntaxError"),
        ("program_rewards:f", "importing program_rewards failed: SystemExit"),
        ("my_rewards:hafl", 'has no function hafl; did you mean "half"?'),
        ("my_rewards:constant", "not an ordinary function"),
        ("my_rewards:later", "not an ordinary function"),
        ("my_rewards:one_by_one", "not an ordinary function"),
    ],
)
def test_what_cannot_be_called_is_refused_early(point: str, problem: str) -> None:
    with pytest.raises(InvalidManifest) as refused:
        scorer_of(entry(point))
    (line,) = refused.value.problems
    assert line.startswith("spec.reward.verifiers[0].python.entryPoint: ")
    assert problem in line


@pytest.mark.parametrize("point", ["my_rewards:half", "broken_rewards:f", "program_rewards:f", "unreadable_rewards:f"])
def test_looking_imports_nothing(point: str, tmp_path: Path) -> None:
    (tmp_path / "my_rewards.py").write_text(
        f"(__import__('pathlib').Path({str(tmp_path)!r}) / 'ran').touch()\n{SOURCE}"
    )
    with suppress(InvalidManifest):
        doubts_about(reward_of(entry(point)))
    assert not (tmp_path / "ran").exists()
    assert "my_rewards" not in sys.modules


def test_a_look_names_the_field_of_what_is_wrong_and_of_what_stays_in_doubt(tmp_path: Path) -> None:
    (tmp_path / "starry_rewards.py").write_text("from math import *")
    with pytest.raises(InvalidManifest) as refused:
        doubts_about(reward_of(entry("my_rewards:hafl"), entry("my_rewards:half"), entry("no_such_module:f")))
    assert refused.value.problems == [
        'spec.reward.verifiers[0].python.entryPoint: module my_rewards has no function hafl; did you mean "half"?',
        "spec.reward.verifiers[2].python.entryPoint: there is no module no_such_module;"
        " it is looked for in the current directory and on the PYTHONPATH",
    ]
    assert doubts_about(reward_of(entry("my_rewards:half"), entry("starry_rewards:sqrt"))) == [
        f"spec.reward.verifiers[1].python.entryPoint: {tmp_path}/starry_rewards.py is there,"
        " and sqrt is not seen in it without running it"
    ]
