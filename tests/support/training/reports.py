"""What a trainer writes into its progress ConfigMap, honest or not."""

import json
from typing import Any

from atlas_api.pods.run_report import RunReport
from atlas_operator.reports.run import read_report

AT = "2026-11-23T09:10:00Z"
SHA = "ab" * 32
CHECKPOINT = {"uri": "s3://models/agents/demo/run-0003/checkpoint-000248", "step": 248, "sha256": SHA, "metric": 0.4}
MODEL = {"uri": "s3://models/agents/demo/run-0003/final", "run": 3, "sha256": SHA, "metric": 0.9}
PROGRESS = {"step": 248, "maxSteps": 400, "percent": 62, "etaSeconds": 2460, "updatedAt": AT}
DATASET = {
    "matched": 200,
    "used": 160,
    "rows": 300,
    "prompts": {"recorded": 290, "rebuilt": 10},
    "unreferenced": 7,
    "heldOut": 20,
    "heldOutAlike": 3,
    "shortened": 3,
    "dropped": {"controlToken": 40},
    "droppedRows": {"promptTooLong": 2},
    "missing": {"reviewStatus": 60},
    "digest": SHA,
    "watermark": AT,
}


def say(**changes: Any) -> str:
    """A report of run 3, attempt 2, as an honest trainer writes it. Keywords replace parts."""
    honest = {
        "run": 3,
        "attempt": 2,
        "phase": "Running",
        "progress": PROGRESS,
        "metrics": {"reward": 0.71, "loss": 0.02},
        "dataset": DATASET,
        "checkpoints": {"latest": CHECKPOINT, "best": CHECKPOINT},
    }
    return json.dumps({**honest, **changes})


def read(**changes: Any) -> RunReport:
    """The same, read by an operator that knows attempt 2 of run 3."""
    report = read_report(say(**changes), 3, 2)
    assert report is not None
    return report
