"""The result of an evaluation survives a restart."""

import json

from support.trainer.measured import make_result, make_sample

from atlas_trainer.evaluation.measurement import EvaluationResult


def test_a_result_survives_a_restart() -> None:
    result = make_result(4, make_sample(1, "2", 1.0), revisions=("aaa", "bbb"))
    assert EvaluationResult.from_json(json.loads(json.dumps(result.to_json()))) == result


def test_a_result_from_before_revisions_were_written_can_be_read() -> None:
    document = make_result(4).to_json()
    del document["revisions"]
    assert EvaluationResult.from_json(document) == make_result(4)
