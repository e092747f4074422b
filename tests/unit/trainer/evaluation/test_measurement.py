"""The result of an evaluation survives a restart."""

import json
from typing import Any

import pytest
from support.trainer.measured import make_result, make_sample

from atlas_trainer.evaluation.measurement import EvaluationResult


def test_a_result_survives_a_restart() -> None:
    result = make_result(4, make_sample(1, "2", 1.0), revisions=("aaa", "bbb"))
    assert EvaluationResult.from_json(json.loads(json.dumps(result.to_json()))) == result


def test_a_result_from_before_revisions_were_written_can_be_read() -> None:
    document = make_result(4).to_json()
    del document["revisions"]
    assert EvaluationResult.from_json(document) == make_result(4)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *[("success", value) for value in (-5, 1.5, "high", None, [])],
        *[("tokens", value) for value in (-1, 1e300)],
        *[("unscored", value) for value in (-1, 10**30, 0.5)],
        *[("step", value) for value in (-1, 10**30, "last")],
        *[("truncated", value) for value in (2, "x")],
        *[("samples", value) for value in (None, {}, [{}], [None], "x")],
        *[("revisions", value) for value in (7, [7])],
    ],
)
def test_what_is_no_result_is_refused(field: str, value: Any) -> None:
    with pytest.raises(ValueError, match=field):
        EvaluationResult.from_json({**make_result(4).to_json(), field: value})
