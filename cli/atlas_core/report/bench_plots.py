"""
The plots of the reward benchmark, as SVG files that need nothing but themselves. Pure.

Names of combinations are checked words, so nothing here needs escaping.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from math import sqrt

from atlas_core.report.bench_result import Bench, BenchRow
from atlas_rewards.bench.score_statistics import CLOSE
from atlas_trainer.reporting.formatting import number, score
from atlas_trainer.reporting.html.line_chart import tick_labels, ticks

SCORES, AGREEMENT, LATENCY = "scores.svg", "agreement.svg", "latency.svg"

_STYLE = """\
text { font: 12px system-ui, sans-serif; fill: #586173 } .ink { fill: #171a20 }
.title { font-size: 14px; fill: #171a20 }
.page { fill: #ffffff } .grid { stroke: #e6e9ee } .bar { fill: #1a62d6; opacity: .3 } .dot { fill: #1a62d6 }
.band { fill: #08775a; opacity: .15 } .rule { stroke: #08775a } .bubble { fill: #1a62d6; opacity: .55 }
@media (prefers-color-scheme: dark) {
  text { fill: #9ba5b5 } .ink, .title { fill: #e7eaf0 } .page { fill: #101318 } .grid { stroke: #262c36 }
  .bar, .dot, .bubble { fill: #74abff } .band { fill: #53cca2 } .rule { stroke: #53cca2 }
}"""
_WIDTH, _LEFT, _RIGHT, _TOP, _ROW, _FOOT = 640, 190, 24, 44, 26, 44
_LETTERS = 26
_SIDE = 400
_PER_REWARD = 50
"""Bubbles from 0 to 1."""


def plots(bench: Bench) -> dict[str, str]:
    """Each plot by the name of its file."""
    return {SCORES: _scores(bench), AGREEMENT: _agreement(bench), LATENCY: _latency(bench)}


def _scores(bench: Bench) -> str:
    def marks(row: BenchRow, across: Callable[[float], float], y: float) -> Iterator[str]:
        mean, deviation = row.summary.mean, row.summary.deviation
        if mean is None or deviation is None:
            return
        low, high = across(max(0.0, mean - deviation)), across(min(1.0, mean + deviation))
        tip = f"{row.combination.name}: mean {score(mean)}, deviation {score(deviation)}"
        yield f'<g><title>{tip}</title><rect class="bar" x="{low}" y="{y - 6}" width="{high - low:.1f}" height="12"/>'
        yield f'<circle class="dot" cx="{across(mean)}" cy="{y}" r="4.5"/></g>'

    return _rows("Score: mean, and one standard deviation to each side", bench.rows, ticks(0, 1), score, marks)


def _latency(bench: Bench) -> str:
    longest = max([row.summary.p95_seconds or 0.0 for row in bench.rows])

    def marks(row: BenchRow, across: Callable[[float], float], y: float) -> Iterator[str]:
        median, slow = row.summary.p50_seconds, row.summary.p95_seconds
        if median is None or slow is None:
            return
        low, width = across(median), across(slow) - across(median)
        yield f"<g><title>{row.combination.name}: p50 {number(median)} s, p95 {number(slow)} s</title>"
        yield f'<rect class="bar" x="{low}" y="{y - 6}" width="{max(width, 1):.1f}" height="12"/>'
        yield f'<circle class="dot" cx="{low}" cy="{y}" r="4.5"/></g>'

    scale = ticks(0, max(longest, 1e-3))
    return _rows("Seconds to a decision: p50 (dot) to p95", bench.rows, scale, number, marks)


def _rows(
    title: str,
    rows: Sequence[BenchRow],
    scale: Sequence[float],
    form: Callable[[float | None], str],
    marks: Callable[[BenchRow, Callable[[float], float], float], Iterator[str]],
) -> str:
    """One combination a line, along a common axis."""
    height = _TOP + _ROW * len(rows) + _FOOT
    floor = height - _FOOT + 8

    def across(value: float) -> float:
        return round(_LEFT + (value - scale[0]) / (scale[-1] - scale[0]) * (_WIDTH - _LEFT - _RIGHT), 1)

    body = []
    for value, label in zip(scale, tick_labels(scale, form), strict=True):
        body.append(f'<line class="grid" x1="{across(value)}" x2="{across(value)}" y1="{_TOP - 10}" y2="{floor}"/>')
        body.append(f'<text x="{across(value)}" y="{floor + 18}" text-anchor="middle">{label}</text>')
    for place, row in enumerate(rows):
        y = _TOP + _ROW * place + _ROW / 2 - 4
        body.append(f'<text class="ink" x="{_LEFT - 12}" y="{y + 4}" text-anchor="end">{_name(row)}</text>')
        body += marks(row, across, y)
    return _svg(title, _WIDTH, height, body)


def _agreement(bench: Bench) -> str:
    """Recorded reward and score of the whole configuration; the larger a bubble, the more items lie there."""
    results = bench.results[bench.rows[0].combination.name]
    pairs = Counter(
        (round(reward * _PER_REWARD) / _PER_REWARD, round(result.score * _PER_REWARD) / _PER_REWARD)
        for reward, result in zip(bench.rewards, results, strict=True)
        if reward is not None and result.score is not None and 0 <= reward <= 1
    )
    left, top, size = 64, 44, _SIDE - 104

    def x(value: float) -> float:
        return round(left + value * size, 1)

    def y(value: float) -> float:
        return round(top + (1 - value) * size, 1)

    body = []
    for value in ticks(0, 1):
        body.append(f'<line class="grid" x1="{x(value)}" x2="{x(value)}" y1="{y(0)}" y2="{y(1)}"/>')
        body.append(f'<line class="grid" x1="{x(0)}" x2="{x(1)}" y1="{y(value)}" y2="{y(value)}"/>')
        body.append(f'<text x="{x(value)}" y="{y(0) + 18}" text-anchor="middle">{score(value)}</text>')
        body.append(f'<text x="{left - 10}" y="{y(value) + 4}" text-anchor="end">{score(value)}</text>')
    corners = [(0, CLOSE), (1 - CLOSE, 1), (1, 1), (1, 1 - CLOSE), (CLOSE, 0), (0, 0)]
    body.append(f'<polygon class="band" points="{" ".join(f"{x(a)},{y(b)}" for a, b in corners)}"/>')
    body.append(f'<line class="rule" x1="{x(0)}" y1="{y(0)}" x2="{x(1)}" y2="{y(1)}"/>')
    most = max(pairs.values(), default=1)
    for (reward, said), count in sorted(pairs.items(), key=lambda pair: -pair[1]):
        radius = 3 + 11 * sqrt(count / most)
        tip = f"recorded {score(reward)}, score {score(said)}: {count}"
        body.append(
            f'<circle class="bubble" cx="{x(reward)}" cy="{y(said)}" r="{radius:.1f}"><title>{tip}</title></circle>'
        )
    body.append(f'<text x="{x(0.5)}" y="{y(0) + 38}" text-anchor="middle">recorded reward</text>')
    body.append(f'<text transform="translate(18 {y(0.5)}) rotate(-90)" text-anchor="middle">score</text>')
    return _svg("Score and recorded reward", _SIDE, _SIDE - 10, body)


def _name(row: BenchRow) -> str:
    name = row.combination.name
    return name if len(name) <= _LETTERS else f"{name[: _LETTERS - 1]}…"


def _svg(title: str, width: int, height: int, body: Sequence[str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    return "\n".join(
        [
            f'{head} role="img" aria-label="{title}">',
            f"<style>{_STYLE}</style>",
            f'<rect class="page" width="{width}" height="{height}"/>',
            f'<text class="title" x="12" y="22">{title}</text>',
            *body,
            "</svg>\n",
        ]
    )
