"""
Line charts as numbers that a template can draw: scales, ticks, paths, hover texts.

Pure geometry in the units of the SVG's view box; knows nothing about training, colours or HTML.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

WIDTH, HEIGHT = 400, 220
LEFT, RIGHT, TOP, BOTTOM = 48, 12, 12, 40
MOST_POINTS = 200
MOST_DOTS = 40

Point = tuple[int, float | None]
"""Step and value. None leaves a gap."""

Form = Callable[[float | None], str]


@dataclass(frozen=True, slots=True)
class Series:
    """The data of one line of a chart."""

    name: str
    points: tuple[Point, ...]
    held_out: bool = False
    """Whether the series is measured now and then: drawn with a dot at each measurement."""

    spread: tuple[tuple[int, float, float], ...] = ()
    """Step, low and high of an uncertainty, drawn as a vertical bar."""

    part: bool = False
    """Whether the series is one of many that make the first one: drawn thin, with dots only where no line is."""


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart of lines over optimizer steps."""

    title: str
    unit: str
    series: tuple[Series, ...]
    form: Form
    """Writes a value of the y axis and of the hover texts."""

    low: float | None = None
    """Lower end of the y axis; None fits the data."""

    high: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A line as it is drawn. `colour` and `dash` count from 0; `dash` tells lines of the same colour apart."""

    name: str
    last: str
    colour: int
    dash: int
    part: bool
    paths: tuple[str, ...]
    dots: tuple[tuple[float, float], ...]
    bars: tuple[tuple[float, float, float], ...]


@dataclass(frozen=True, slots=True)
class Drawing:
    """A chart, ready for the template."""

    chart: Chart
    lines: tuple[Line, ...]
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    hover: tuple[tuple[float, float, float, str], ...]
    """Left edge and width of each step's strip, x of its rule, text."""

    summary: str
    """The chart in one sentence, for those who cannot see it."""


COLOURS = 6


def draw(chart: Chart, last_step: int) -> Drawing:
    """Scale *chart* to the box, with steps from 0 to *last_step* > 0."""
    thinned = [replace(s, points=thin(s.points)) for s in chart.series]
    low, high = _range(chart, thinned)
    y_values = ticks(low, high)
    low, high = (min(low, y_values[0]), max(high, y_values[-1]))
    across, up = _across(last_step), _up(low, high)
    return Drawing(
        chart=chart,
        lines=tuple(_line(series, index, chart.form, across, up) for index, series in enumerate(thinned)),
        x_ticks=tuple((across(x), f"{x:,.0f}") for x in ticks(0, last_step, whole=True) if x <= last_step),
        y_ticks=tuple(zip(map(up, y_values), tick_labels(y_values, chart.form), strict=True)),
        hover=tuple(_strips(thinned, chart.form, across)),
        summary=_summary(chart),
    )


def thin(points: Sequence[Point]) -> tuple[Point, ...]:
    """At most `MOST_POINTS` points: means of neighbours, at the last step of each group."""
    size = math.ceil(len(points) / MOST_POINTS)
    if size <= 1:
        return tuple(points)
    groups = [points[start : start + size] for start in range(0, len(points), size)]
    return tuple((group[-1][0], _mean([value for _, value in group])) for group in groups)


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def ticks(low: float, high: float, whole: bool = False) -> list[float]:
    """Three to seven round numbers that cover *low* to *high*; whole numbers only when asked."""
    rough = (high - low) / 4
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * factor for factor in (1, 2, 2.5, 5, 10) if size * factor >= rough * 0.999)
    if whole:
        step = max(1.0, float(math.ceil(step)))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [index * step for index in range(first, last + 1)]


def tick_labels(values: Sequence[float], form: Form) -> list[str]:
    """Label *values* as *form* writes them, or with as many decimals as it takes to tell them apart."""
    labels = [form(value) for value in values]
    if len(set(labels)) == len(labels):
        return labels
    decimals = max(0, 1 - math.floor(math.log10(values[1] - values[0])))
    return [f"{value:,.{decimals}f}" for value in values]


def _range(chart: Chart, series: Sequence[Series]) -> tuple[float, float]:
    values = [value for one in series for _, value in one.points if value is not None]
    values += [end for one in series for _, *ends in one.spread for end in ends]
    low = chart.low if chart.low is not None else min(values)
    high = chart.high if chart.high is not None else max(values)
    if high - low <= 1e-12 * max(1.0, abs(low)):
        margin = abs(low) * 0.1 or 1.0
        return (low if chart.low is not None else low - margin), high + margin
    return low, high


def _across(last_step: int) -> Callable[[float], float]:
    scale = (WIDTH - LEFT - RIGHT) / last_step
    return lambda step: round(LEFT + step * scale, 2)


def _up(low: float, high: float) -> Callable[[float], float]:
    scale = (HEIGHT - TOP - BOTTOM) / (high - low)
    return lambda value: round(HEIGHT - BOTTOM - (value - low) * scale, 2)


def _line(
    series: Series, index: int, form: Form, across: Callable[[float], float], up: Callable[[float], float]
) -> Line:
    runs = _unbroken(series.points)
    last = next((value for _, value in reversed(series.points) if value is not None), None)
    return Line(
        name=series.name,
        last=form(last),
        colour=index % COLOURS,
        dash=index // COLOURS,
        part=series.part,
        paths=tuple(_path(run, across, up) for run in runs if len(run) > 1),
        dots=tuple((across(step), up(value)) for step, value in _dotted(series, runs)),
        bars=tuple((across(step), up(low), up(high)) for step, low, high in series.spread),
    )


def _unbroken(points: Sequence[Point]) -> list[list[tuple[int, float]]]:
    """Split *points* where a value is missing."""
    runs: list[list[tuple[int, float]]] = [[]]
    for step, value in points:
        if value is None:
            runs.append([])
        else:
            runs[-1].append((step, value))
    return runs


def _dotted(series: Series, runs: Sequence[Sequence[tuple[int, float]]]) -> list[tuple[int, float]]:
    """All points of what was measured now and then or is short; of other lines those that no line reaches."""
    known = [point for run in runs for point in run]
    if series.held_out or (len(known) <= MOST_DOTS and not series.part):
        return known
    return [run[0] for run in runs if len(run) == 1]


def _path(run: Sequence[tuple[int, float]], across: Callable[[float], float], up: Callable[[float], float]) -> str:
    return "M" + " L".join(f"{across(step):g},{up(value):g}" for step, value in run)


def _strips(
    series: Sequence[Series], form: Form, across: Callable[[float], float]
) -> list[tuple[float, float, float, str]]:
    """One strip for each step that has a value, reaching half-way to its neighbours."""
    at: dict[int, list[str]] = {}
    for one in series:
        for step, value in one.points:
            at.setdefault(step, []).append(f"{one.name}: {form(value)}")
    steps = sorted(at)
    xs = [across(step) for step in steps]
    edges = [float(LEFT), *((a + b) / 2 for a, b in pairwise(xs)), float(WIDTH)]
    return [
        (round(edges[i], 2), round(edges[i + 1] - edges[i], 2), xs[i], "\n".join([f"step {step}", *at[step]]))
        for i, step in enumerate(steps)
    ]


def _summary(chart: Chart) -> str:
    courses = []
    for series in chart.series:
        known = [(step, value) for step, value in series.points if value is not None]
        if known:
            (first, start), (last, end) = known[0], known[-1]
            courses.append(
                f"{series.name} from {chart.form(start)} at step {first} to {chart.form(end)} at step {last}"
            )
    return f"{chart.title}: {'; '.join(courses)}"
