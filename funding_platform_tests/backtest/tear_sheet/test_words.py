"""Figures as people read them, and charts that hold what they are given."""

import math
import re

import numpy as np
import pytest

from funding_platform.backtest.tear_sheet import words
from funding_platform.backtest.tear_sheet.svg import Series, bar_chart, ticks, time_chart
from funding_platform.core.time_grid import HOUR_US


@pytest.mark.parametrize(
    ("written", "value", "text"),
    [
        (words.usd, 1234567.891, "1,234,568"),
        (words.usd, -9.0756, "-9.08"),
        (words.usd, -0.0, "0.00"),
        (words.usd, -0.001, "0.00"),
        (words.usd, None, "-"),
        (words.percent, -1.8964, "-190 %"),
        (words.percent, 0.0123456, "1.23 %"),
        (words.percent, math.nan, "-"),
        (words.ratio, 1.2345, "1.23"),
        (words.ratio, -1234.5, "-1,234"),
        (words.span, 30.0, "30.0 h"),
        (words.span, 72.0, "3.0 days"),
        (words.count, 1234, "1,234"),
    ],
)
def test_a_figure_is_rounded_to_what_matters(written: object, value: float, text: str) -> None:
    assert callable(written)
    assert written(value) == text


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]), (-30, 70, [-20, 0, 20, 40, 60]), (0, 4e6, None)],
)
def test_ticks_are_round(low: float, high: float, expected: list[float] | None) -> None:
    found = ticks(low, high)
    assert 3 <= len(found) <= 8
    assert low <= found[0] <= found[-1] <= high
    if expected is not None:
        assert found == pytest.approx(expected)


@pytest.mark.parametrize("count", [1, 2, 10_000])
def test_a_line_keeps_its_extremes_and_stays_in_the_frame(count: int) -> None:
    values = np.zeros(count)
    values[count // 2] = -5.0
    drawn = str(time_chart(np.arange(count) * HOUR_US, [Series("x", values)], words.short_usd))
    path = re.findall(r'class="s0" d="M([^"]+)"', drawn)[0]
    heights = [float(point.split()[1]) for point in path.split("L")]
    assert len(heights) <= 1_300
    assert max(heights) <= 250
    if count > 1:
        assert max(heights) - min(heights) > 150


def test_bars_of_nothing_are_drawn() -> None:
    assert "rect" in bar_chart(["a", "b"], [0.0, 0.0], words.usd)
