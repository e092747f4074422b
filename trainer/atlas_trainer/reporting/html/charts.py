"""
The charts of the report, from the lines of metrics.jsonl and the evaluations.

Pure. A line without a single number is left out, and so is a chart without a line.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from atlas_trainer.evaluation.comparison import wilson_interval
from atlas_trainer.evaluation.measurement import EvaluationResult
from atlas_trainer.reporting.formatting import number, percent, score
from atlas_trainer.reporting.html.line_chart import Chart, Drawing, Series, draw

MetricsLines = Sequence[Mapping[str, Any]]

PART = "rewards/"
"""Prefix of the name of a judge or verifier in a line of metrics.jsonl."""


class Charts(NamedTuple):
    """The charts of a report, drawn."""

    outcome: list[Drawing]
    """Charts of what the run is for."""

    optimizer: list[Drawing]
    """Charts of what goes on inside."""


def charts(metrics: MetricsLines, results: Sequence[EvaluationResult], judged: bool, max_steps: int) -> Charts:
    """All charts that have something to show. *results* are in order of steps; *max_steps* may be 0 for unknown.

    *judged* says whether a reward service was asked.
    """
    train = list({line["step"]: line for line in metrics if line["kind"] == "train"}.values())
    last_step = max([max_steps, 1, *(line["step"] for line in metrics)])
    outcome = [
        _success(results),
        _reward(train, results, judged),
        _tokens(train, results),
        _truncated(train, results),
    ]
    optimizer = [
        _single(train, "loss", "Loss", "policy loss, no unit"),
        _single(train, "kl", "KL divergence", "nats per token, from the starting model"),
        _single(train, "entropy", "Entropy", "nats per token"),
        _signal(train),
        _single(train, "grad_norm", "Gradient norm", "L2, before clipping"),
        _single(train, "step_time", "Time of a step", "seconds"),
    ]
    return Charts(_drawn(outcome, last_step), _drawn(optimizer, last_step))


def _drawn(group: Sequence[Chart], last_step: int) -> list[Drawing]:
    return [draw(chart, last_step) for chart in map(_without_empty, group) if chart.series]


def _without_empty(chart: Chart) -> Chart:
    known = tuple(s for s in chart.series if any(value is not None for _, value in s.points))
    return replace(chart, series=known)


def _success(results: Sequence[EvaluationResult]) -> Chart:
    scored = {result.step: len(result.samples) - result.unscored for result in results}
    spread = tuple(
        (result.step, *wilson_interval(result.success, scored[result.step]))
        for result in results
        if scored[result.step]
    )
    series = Series("success", tuple((result.step, result.success) for result in results), held_out=True, spread=spread)
    note = "Share of held-out tasks with a reward of at least 0.8. Bars: 95 % confidence interval."
    return Chart("Held-out success", "share of tasks", (series,), percent, low=0, high=1, note=note)


def _reward(train: MetricsLines, results: Sequence[EvaluationResult], judged: bool) -> Chart:
    names = reward_parts(train)
    # A single verifier is the reward; a single judge is not, because rules and caps come after it.
    parts = [_part(train, name) for name in names] if judged or len(names) > 1 else []
    held_out = Series("held out", tuple((result.step, result.reward) for result in results), held_out=True)
    series = (_series(train, "reward", "reward"), held_out, *parts)
    note = "Mean over the completions of a step, sampled; held-out completions are greedy."
    return Chart("Reward", "0 to 1", series, score, low=0, high=1, note=note)


def _part(train: MetricsLines, name: str) -> Series:
    return replace(_series(train, f"{PART}{name}", name), part=True)


def reward_parts(train: MetricsLines) -> list[str]:
    """The judges and verifiers that *train* has means of, in the order of the alphabet."""
    found = {key.removeprefix(PART) for line in train for key in line if key.startswith(PART)}
    # TRL itself logs rewards/NAME/mean and rewards/NAME/std of each reward function.
    return sorted(name for name in found if "/" not in name)


def _tokens(train: MetricsLines, results: Sequence[EvaluationResult]) -> Chart:
    held_out = Series("held out", tuple((result.step, result.tokens) for result in results), held_out=True)
    series = (_series(train, "completions/mean_length", "training"), held_out)
    return Chart("Completion length", "mean tokens", series, number, low=0)


def _truncated(train: MetricsLines, results: Sequence[EvaluationResult]) -> Chart:
    held_out = Series("held out", tuple((result.step, result.truncated) for result in results), held_out=True)
    series = (_series(train, "completions/clipped_ratio", "training"), held_out)
    note = "Completions cut at the token limit."
    return Chart("Truncated completions", "share of completions", series, percent, low=0, high=1, note=note)


def _signal(train: MetricsLines) -> Chart:
    # TRL's own share of groups without deviation looks at the whole batch when rewards are scaled by the batch.
    series = (_series(train, "varied_groups", "groups"),)
    note = "Groups that hold two different rewards. The others teach nothing."
    return Chart("Groups with a signal", "share of groups", series, percent, low=0, high=1, note=note)


def _single(train: MetricsLines, key: str, title: str, unit: str) -> Chart:
    return Chart(title, unit, (_series(train, key, title.lower()),), number)


def _series(train: MetricsLines, key: str, name: str) -> Series:
    return Series(name, tuple((line["step"], line.get(key)) for line in train))
