"""Configurations of judges for tests."""

from typing import Any

from atlas_api.rewardservice.judging import Judge, JudgeModel, JudgeModels, Judging

NOBODY = "http://127.0.0.1:9/v1"
"""An address where nothing listens."""


def judging(base_url: str = NOBODY, **fields: Any) -> Judging:
    """One judge, a small model behind *base_url*, and short waits; any field can be given."""
    small = JudgeModel(model="small", base_url=base_url)
    given: dict[str, Any] = {
        "judges": [{"name": "accuracy", "rubric": "accuracy"}],
        "models": JudgeModels(small=small),
        "retries": {"attempts": 3, "baseSeconds": 0.001},
        **fields,
    }
    return Judging.model_validate(given)


def judge(name: str = "accuracy", **fields: Any) -> Judge:
    """A judge with the rubric of its name, unless told otherwise."""
    rubric = {} if "instructions" in fields else {"rubric": name}
    return Judge.model_validate({"name": name, **rubric, **fields})
