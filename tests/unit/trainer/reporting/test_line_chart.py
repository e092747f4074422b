"""Line charts as numbers."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_trainer.reporting.formatting import number
from atlas_trainer.reporting.html.line_chart import (
    HEIGHT,
    LEFT,
    MOST_POINTS,
    RIGHT,
    WIDTH,
    Chart,
    Series,
    draw,
    thin,
    ticks,
)


def chart(*points: tuple[int, float | None]) -> Chart:
    return Chart("Loss", "no unit", (Series("loss", points),), number)


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
def test_ticks_cover_the_range_with_three_to_seven_round_numbers(low: float, size: float) -> None:
    marks = ticks(low, low + size)
    assert 3 <= len(marks) <= 7
    slack = 1e-6 * size
    assert marks[0] <= low + slack
    assert marks[-1] >= low + size - slack


@pytest.mark.parametrize("last", [1, 2, 3, 7, 12, 400])
def test_steps_are_marked_at_whole_numbers(last: int) -> None:
    assert all(mark == int(mark) for mark in ticks(0, last, whole=True))


def test_the_axis_runs_from_step_0_to_the_last_one() -> None:
    line = draw(chart((0, 1.0), (10, 2.0)), 10).lines[0]
    assert [x for x, _ in line.dots] == [LEFT, WIDTH - RIGHT]


def test_higher_values_are_higher_up() -> None:
    line = draw(chart((1, 1.0), (2, 2.0)), 10).lines[0]
    assert line.dots[0][1] > line.dots[1][1] >= 0


def test_a_missing_value_breaks_the_line() -> None:
    line = draw(chart((1, 1.0), (2, 2.0), (3, None), (4, 1.0), (5, 2.0)), 10).lines[0]
    assert len(line.paths) == 2


@pytest.mark.parametrize("value", [0.0, 0.5, -3.0, 1e9])
def test_a_value_that_never_changes_is_drawn_inside_the_box(value: float) -> None:
    line = draw(chart((1, value), (2, value)), 2).lines[0]
    assert all(0 < y < HEIGHT for _, y in line.dots)


def test_a_single_measurement_is_a_dot() -> None:
    line = draw(chart((1, 0.5)), 1).lines[0]
    assert (len(line.paths), len(line.dots)) == (0, 1)


def test_a_part_of_many_has_dots_only_where_no_line_reaches() -> None:
    part = Series("a judge", ((1, 0.5), (2, 0.6), (3, None), (4, 0.7)), part=True)
    line = draw(Chart("Reward", "0 to 1", (part,), number), 4).lines[0]
    assert (len(line.paths), len(line.dots)) == (1, 1)
    assert line.dots[0][0] == WIDTH - RIGHT


def test_marks_that_are_close_together_are_written_apart() -> None:
    labels = [label for _, label in draw(chart((1, 3.671), (2, 3.689)), 2).y_ticks]
    assert labels == ["3.6700", "3.6750", "3.6800", "3.6850", "3.6900"]


def test_a_long_run_is_thinned_to_means_that_keep_the_last_step() -> None:
    thinned = thin([(step, float(step % 2)) for step in range(1, 10_001)])
    assert len(thinned) <= MOST_POINTS
    assert thinned[-1] == (10_000, 0.5)


def test_every_step_can_be_hovered_for_its_numbers() -> None:
    texts = [text for *_, text in draw(chart((1, 0.25), (2, 0.5)), 2).hover]
    assert texts == ["step 1\nloss: 0.25", "step 2\nloss: 0.5"]


def test_the_chart_is_said_in_one_sentence() -> None:
    assert draw(chart((1, 0.25), (2, math.pi)), 2).summary == "Loss: loss from 0.25 at step 1 to 3.14 at step 2"
