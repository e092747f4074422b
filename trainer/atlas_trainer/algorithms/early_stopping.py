"""
Early stopping: reasons to end a run that learns nothing, found in its log after every step.

Pure: a list of log entries in, an error or nothing out. Silence is a defect, so each check names the cure.
"""

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from atlas_api.errors import (
    AllTruncated,
    AtlasError,
    FlatReward,
    JudgeRefused,
    NotFinite,
    NothingScored,
    SourceUnreachable,
)
from atlas_api.text import one_line

Log = Mapping[str, Any]
"""One step as TRL logs it, with `varied_groups` (share of groups with two different rewards) added by us."""

JUDGES_PATIENCE = 3
TRUNCATION_PATIENCE = 3
FLAT_PATIENCE = 10
_MOSTLY = 0.5
_SHOWN = 400


def stop_reason(logs: Sequence[Log], max_steps: int, trouble: str = "") -> AtlasError | None:
    """The error that stops the run now; None when it goes on. *logs* hold every step, also those before a resume.

    *trouble* is what judges said who could not answer lately.
    """
    steps = [log for log in logs if "loss" in log]
    checks = (_not_finite, partial(_judges_unanswered, trouble), _nothing_scored, _all_truncated, _flat_reward)
    return next((error for check in checks if (error := check(steps, max_steps))), None)


def _not_finite(steps: Sequence[Log], max_steps: int) -> AtlasError | None:
    del max_steps
    for log in steps[-1:]:
        for name in ("loss", "grad_norm"):
            if not math.isfinite(log.get(name, 0.0)):
                return NotFinite(
                    f"{name} is {log[name]} at step {log.get('step')}: lower optimization.learningRate, "
                    "or check rewards and precision; the last checkpoint predates it"
                )
    return None


def _judges_unanswered(trouble: str, steps: Sequence[Log], max_steps: int) -> AtlasError | None:
    """Check steps without a reward, at any time: they cost what others cost, and teach nothing."""
    patience = min(JUDGES_PATIENCE, max_steps)
    lately = steps[-patience:]
    silent = [log.get("reward") is None and bool(log.get("unanswered_share")) for log in lately]
    if len(silent) < patience or not all(silent):
        return None
    said = f" ({one_line(trouble, _SHOWN)})" if trouble else ""
    if all(log.get("refused_share") == log["unanswered_share"] for log in lately):
        return JudgeRefused(
            f"no completion of the last {patience} steps has a score, because judges were refused{said}: "
            "mend that and start again, and the run goes on from its last checkpoint"
        )
    return SourceUnreachable(
        f"no completion of the last {patience} steps has a score, because judges could not answer{said}: "
        "start again once their endpoints do, and the run goes on from its last checkpoint"
    )


def _nothing_scored(steps: Sequence[Log], max_steps: int) -> AtlasError | None:
    patience = min(TRUNCATION_PATIENCE, max_steps)
    if len(steps) != patience or any(log.get("reward") is not None for log in steps):
        return None
    return NothingScored(
        f"no verifier could score any completion in {patience} steps: exactMatch, numeric and referenceSimilarity "
        "need a recorded answer; check spec.reward.verifiers and the traces' final answers"
    )


def _all_truncated(steps: Sequence[Log], max_steps: int) -> AtlasError | None:
    patience = min(TRUNCATION_PATIENCE, max_steps)
    if len(steps) != patience or any(log.get("completions/clipped_ratio") != 1.0 for log in steps):
        return None
    return AllTruncated(
        f"every completion of the first {patience} steps hit the limit before it ended: "
        "raise spec.grpo.maxCompletionTokens, or start from a model that answers more briefly"
    )


def _flat_reward(steps: Sequence[Log], max_steps: int) -> AtlasError | None:
    patience = min(FLAT_PATIENCE, max_steps)
    if len(steps) != patience or any(log.get("varied_groups") for log in steps):
        return None
    reward = steps[-1].get("reward")
    mean = "-" if reward is None else f"{reward:.2f}"
    cut = sum(log.get("completions/clipped_ratio", 0.0) for log in steps) / len(steps)
    cure = "use easier tasks, a reward with partial credit, a larger grpo.groupSize or a higher temperature"
    if cut >= _MOSTLY:
        cure = f"{cut:.0%} of the completions were cut: raise grpo.maxCompletionTokens, or {cure}"
    return FlatReward(
        f"in {patience} steps no group held two different rewards (mean {mean}): there is nothing to learn from; {cure}"
    )
