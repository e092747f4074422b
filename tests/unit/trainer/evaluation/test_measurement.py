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


ODD: dict[str, tuple[Any, ...]] = {
    "success": (-5, 1.5, "high", None, []),
    "tokens": (-1, 1e300),
    "unscored": (-1, 10**30, 0.5),
    "step": (-1, 10**30, "last"),
    "truncated": (2, "x"),
    "samples": (None, {}, [{}], [None], "x"),
    "revisions": (7, [7]),
}


@pytest.mark.parametrize(("field", "value"), [(field, value) for field, values in ODD.items() for value in values])
def test_what_is_no_result_is_refused(field: str, value: Any) -> None:
    with pytest.raises(ValueError, match=field):
        EvaluationResult.from_json({**make_result(4).to_json(), field: value})
