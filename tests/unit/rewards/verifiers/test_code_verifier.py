"""The verifier `code`: what scores, what does not, what cannot be said, and that it is off unless allowed."""

from typing import Any

import pytest
from support.verifiers.scores import score_of, scorer_of

from atlas_api import InvalidManifest
from atlas_rewards.verifiers.code import code_in

DOUBLE = "def double(n):\n    return 2 * n\n"
TESTS = "assert double(2) == 4\nassert double(-1) == -2\n"
FENCED = f"Here it is:\n\n```python\n{DOUBLE}```\n\nIt doubles."

CASES = [
    ({}, DOUBLE, TESTS, 1.0, "code that passes the reference's tests"),
    ({}, DOUBLE.replace("2 * n", "3 * n"), TESTS, 0.0, "code that fails them"),
    ({}, FENCED, TESTS, 1.0, "code in a fence with talk around it"),
    ({}, FENCED.removesuffix("```\n\nIt doubles."), TESTS, 1.0, "code in a fence left open"),
    ({}, DOUBLE, f"```python\n{TESTS}```", 1.0, "tests in a fence"),
    ({}, "I would rather not.", TESTS, 0.0, "prose"),
    ({}, "", TESTS, 0.0, "an empty completion"),
    ({}, f"{DOUBLE}\n'''", TESTS, 0.0, "an open string cannot swallow the tests"),
    ({}, "\ud800 = 1\0", TESTS, 0.0, "text that no source file can hold"),
    ({}, "(" * 100_000, TESTS, 0.0, "code nested beyond all measure"),
    ({}, DOUBLE, None, None, "no reference"),
    ({}, DOUBLE, " \n", None, "a blank reference"),
    ({}, DOUBLE, "It should double.", None, "a reference that is not Python"),
    ({"tests": TESTS}, DOUBLE, None, 1.0, "tests of the manifest need no reference"),
    ({"tests": TESTS}, DOUBLE, "assert False", 1.0, "tests of the manifest come before the reference"),
    ({"tests": "import math, json, re, asyncio, sqlite3"}, "", None, 1.0, "the standard library is there"),
    ({"tests": "import numpy"}, "", None, 0.0, "installed packages are not"),
    ({"tests": "assert hash('a') == h"}, "h = hash('a')", None, 1.0, "hashes do not vary inside a run"),
    ({"tests": "assert __name__ == '__main__' and Point(1) == Point(1)"},
     "from dataclasses import dataclass\n@dataclass\nclass Point:\n    x: int", None, 1.0, "a module like a script"),
    ({"memoryBytes": 2**27}, "x = bytearray(2**28)", "assert x", 0.0, "more memory than allowed"),
    ({"memoryBytes": 2**30}, "x = bytearray(2**28)", "assert x", 1.0, "as much memory as allowed"),
    ({"timeoutSeconds": 1}, "while True: pass", "assert True", 0.0, "code without an end"),
]  # fmt: skip


@pytest.fixture
def allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATLAS_ALLOW_CODE", "1")


@pytest.mark.usefixtures("allowed")
@pytest.mark.parametrize(
    ("config", "completion", "reference", "expected"), [pytest.param(*case[:4], id=case[4]) for case in CASES]
)
def test_verdict(config: dict[str, Any], completion: str, reference: str | None, expected: float | None) -> None:
    score = score_of({"code": config}, completion, reference)
    assert score.value == expected
    assert ("v0" in score.reasons) == (expected is None)


@pytest.mark.parametrize("setting", [None, "", "0", "true", "yes"])
def test_code_is_off_unless_the_process_allows_it(monkeypatch: pytest.MonkeyPatch, setting: str | None) -> None:
    monkeypatch.delenv("ATLAS_ALLOW_CODE", raising=False)
    if setting is not None:
        monkeypatch.setenv("ATLAS_ALLOW_CODE", setting)
    with pytest.raises(InvalidManifest) as refused:
        scorer_of({"numeric": {}}, {"code": {}})
    assert refused.value.problems == [
        "spec.reward.verifiers[1].code: this process may not run code;"
        " set the environment variable ATLAS_ALLOW_CODE=1 where it runs"
    ]


@pytest.mark.usefixtures("allowed")
@pytest.mark.parametrize("tests", ["assert double(2) = 4", "(" * 5_000])
def test_tests_that_are_not_python_are_refused_before_any_item(tests: str) -> None:
    with pytest.raises(InvalidManifest) as refused:
        scorer_of({"code": {"tests": tests}})
    (problem,) = refused.value.problems
    assert problem.startswith("spec.reward.verifiers[0].code.tests: ")
    assert problem.endswith("; write Python")


def test_tests_with_a_null_byte_are_refused_as_any_text_of_a_manifest() -> None:
    with pytest.raises(InvalidManifest, match=r"verifiers\[0\]\.code\.tests: holds a null byte"):
        scorer_of({"code": {"tests": "assert '\0'"}})


@pytest.mark.usefixtures("allowed")
def test_the_reason_names_what_is_wrong_with_a_reference() -> None:
    reason = score_of({"code": {}}, DOUBLE, "It should double.").reasons["v0"]
    assert reason.startswith("the reference is not Python: invalid syntax")


BLOCKS = [
    ("x = 1", "x = 1", "no fence"),
    ("```\nx = 1\n```", "x = 1\n", "a fence without a language"),
    ("```py\nx = 1\n```\nthen\n```Python\ny = 2\n```", "x = 1\ny = 2\n", "two blocks"),
    ("```bash\npip install x\n```\n```python\nx = 1\n```", "x = 1\n", "a block in another language"),
    ("```json\n{}\n```", "", "only another language"),
    ("````python\ns = '''\n```\n'''\n````", "s = '''\n```\n'''\n", "a longer fence around a shorter one"),
    ("  ```python\r\nx = 1\r\n  ```", "x = 1\r\n", "an indented fence with carriage returns"),
    ("```python\nx = 1", "x = 1", "a fence left open"),
]


@pytest.mark.parametrize(("text", "code"), [pytest.param(*case[:2], id=case[2]) for case in BLOCKS])
def test_code_is_taken_out_of_its_fences(text: str, code: str) -> None:
    assert code_in(text) == code
