"""A configuration of judges for tests of how models are called."""

from typing import Any

from atlas_api import parse
from atlas_api.rewardservice.judging import Judging

NOBODY = "http://127.0.0.1:9/v1"
"""An address where nothing listens."""


def judging(base_url: str = NOBODY, **fields: Any) -> Judging:
    """One judge, a small model behind *base_url*, and short waits; any field as on the wire."""
    given = {
        "judges": [{"name": "accuracy", "rubric": "accuracy"}],
        "models": {"small": {"model": "small", "baseUrl": base_url}},
        "retries": {"attempts": 3, "baseSeconds": 0.001},
        **fields,
    }
    return parse(Judging, given)
