"""The reward benchmark as a Markdown report and as a table for the terminal. Pure."""

from collections.abc import Mapping, Sequence

from rich.table import Table

from atlas_core.report.bench_plots import AGREEMENT, LATENCY, SCORES
from atlas_core.report.bench_result import Bench, BenchRow
from atlas_rewards.llm.client import LLMStatistics
from atlas_trainer.reporting.formatting import number, percent, score

_HEAD = (
    "combination",
    "mean",
    "deviation",
    "uncertainty",
    "escalated",
    "ordered",
    "within 0.02",
    "Pearson",
    "p50",
    "p95",
    "no score",
)

_SHORT = ("combination", "mean", "std", "unsure", "large", "order", "close", "Pearson", "p50 s", "p95 s", "none")
"""Heads of the columns for a terminal of 80 columns."""

_NOTES = """\
- **mean, deviation**: of the scores; population standard deviation.
- **uncertainty**: mean of what judges say of themselves. **escalated**: share of hearings (an item before a judge) in
  which the large model was asked.
- **ordered**: share of pairs of sessions with different recorded rewards whose scores are in the same order. It is what
  a training learns from. Equal scores count half: 50 % is chance.
- **within 0.02, Pearson**: agreement with the recorded reward, over items that have both. A dash: too few of them, or
  one side never varies.
- **p50, p95**: seconds until the slowest judge of an item had decided, while many items were being judged; answers that
  were remembered take none.
- Each completion was scored on its own, in an order that the seed decides. Models were asked once: what a combination
  says is computed from the same answers, with the rules between its judges, quorum and caps applied anew.
"""


def table(bench: Bench) -> Table:
    """The figures for the terminal."""
    shown = Table(
        title=f"{len(bench.rewards)} recorded sessions",
        title_justify="left",
        box=None,
        collapse_padding=True,
        pad_edge=False,
    )
    for name in _SHORT:
        shown.add_column(name, justify="left" if name == "combination" else "right", no_wrap=True)
    for row in bench.rows:
        shown.add_row(*(cell.removesuffix(" s") for cell in _cells(row)))
    return shown


def markdown(bench: Bench) -> str:
    """report.md; its plots lie beside it."""
    head = bench.rows[0].summary
    parts = [
        "# Judges and recorded sessions",
        f"{head.items} sessions, {head.compared} of them with a score and a recorded reward ({head.values} different"
        f" ones). Configuration"
        f" {bench.revision}, seed {bench.seed}.{_left_out(bench.dropped)}",
        _grid(_HEAD, [_cells(row) for row in bench.rows]),
        f"![Scores of each combination]({SCORES})",
        f"![Score and recorded reward]({AGREEMENT})",
        f"![Seconds of each combination]({LATENCY})",
        "## What the columns mean",
        _NOTES.strip(),
        "## Rules and caps",
        _grid(
            ("combination", "lowered by a rule", "capped"),
            [(row.combination.name, percent(row.summary.corrected), percent(row.summary.capped)) for row in bench.rows],
        ),
        "## Items without a score",
        _failures(bench),
        "## Calls",
        _calls(bench.asked),
    ]
    return "\n\n".join(parts) + "\n"


def _cells(row: BenchRow) -> tuple[str, ...]:
    told = row.summary
    return (
        row.combination.name,
        score(told.mean),
        score(told.deviation),
        score(told.uncertainty),
        percent(told.escalated),
        percent(told.ordered),
        percent(told.close),
        score(told.pearson),
        _seconds(told.p50_seconds),
        _seconds(told.p95_seconds),
        str(told.items - told.scored),
    )


def _failures(bench: Bench) -> str:
    rows = [
        (row.combination.name, cause, str(count)) for row in bench.rows for cause, count in row.summary.failures.items()
    ]
    return _grid(("combination", "cause", "items"), rows) if rows else "None."


def _calls(asked: LLMStatistics) -> str:
    rows = [
        (
            model.model,
            str(model.calls),
            ", ".join(f"{reason} {count}" for reason, count in model.failures.items()) or "none",
            str(model.tokens),
            _seconds(model.p50_seconds),
            _seconds(model.p99_seconds),
        )
        for model in asked.models
    ]
    remembered = (
        f"{asked.cache.hits} questions had a remembered answer, {asked.shared} shared the answer to the same one."
    )
    return _grid(("model", "calls", "failed", "tokens", "p50", "p99"), rows) + "\n\n" + remembered


def _left_out(dropped: Mapping[str, int]) -> str:
    causes = ", ".join(f"{cause} {count}" for cause, count in dropped.items())
    return f" Left out: {causes}." if causes else ""


def _grid(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{number(value)} s"
