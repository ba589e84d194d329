"""Charts as SVG inside a page: its fonts and colours are theirs, in the light and in the dark.

Colours are classes that the page's style sheet fills in; nothing is loaded, and nothing is run.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Final

import numpy as np
from markupsafe import Markup

from funding_platform.core.arrays import Floats, Ints
from funding_platform.core.plain_text import visible
from funding_platform.core.time_grid import from_us

WIDTH: Final = 760
_LEFT, _RIGHT, _TOP, _BOTTOM = 84, 14, 12, 28
_POINTS: Final = 600
_BAR: Final = 24
_NAMES: Final = 190

_STEPS: Final = tuple(
    timedelta(hours=hours)
    for hours in (1, 3, 6, 12, 24, 48, 120, 240, 24 * 30, 24 * 91, 24 * 182, 24 * 365, 24 * 730)
)

Label = Callable[[float], str]


@dataclass(frozen=True, slots=True)
class Series:
    """Values of one line, and what it is called; its place among others decides its colour."""

    name: str
    values: Floats


@dataclass(frozen=True, slots=True)
class _Scale:
    """From values to pixels."""

    low: float
    high: float
    begin: float
    end: float

    def __call__(self, value: float) -> float:
        return self.begin + (value - self.low) / (self.high - self.low) * (self.end - self.begin)


def time_chart(
    time_us: Ints,
    series: Sequence[Series],
    label: Label,
    *,
    height: int = 250,
    filled: bool = False,
) -> Markup:
    """Lines over time, or one area down from zero.

    Parameters
    ----------
    time_us
        Microseconds since the epoch, ascending, shape (n,).
    series
        Values at these times, each of shape (n,).
    label
        How a value on the axis is written.
    filled
        Fill between the lines and zero.
    """
    kept = _kept(len(time_us), [one.values for one in series])
    times = time_us[kept].astype(np.float64)
    low, high = _bounds([one.values for one in series])
    across = _Scale(times[0], max(times[-1], times[0] + 1.0), _LEFT, WIDTH - _RIGHT)
    down = _Scale(low, high, height - _BOTTOM, _TOP)
    parts = [*_rules(down, label), *_time_ticks(across, height)]
    for number, one in enumerate(series):
        points = [(across(x), down(y)) for x, y in zip(times, one.values[kept], strict=True)]
        if filled:
            foot = down(0.0)
            points = [(points[0][0], foot), *points, (points[-1][0], foot)]
            parts.append(f'<path class="a{number}" d="{_path(points)}Z"/>')
        else:
            parts.append(f'<path class="s{number}" d="{_path(points)}"/>')
    return _drawn(parts, height, ", ".join(one.name for one in series))


def log_chart(
    x: Floats, series: Sequence[Series], x_label: Label, label: Label, *, height: int = 230
) -> Markup:
    """Lines over a logarithmic axis, each point marked."""
    logs = np.log10(x)
    low, high = _bounds([one.values for one in series])
    across = _Scale(logs[0], max(logs[-1], logs[0] + 1e-9), _LEFT + 16, WIDTH - _RIGHT - 24)
    down = _Scale(low, high, height - _BOTTOM, _TOP)
    parts = _rules(down, label)
    for place, value in zip(logs, x, strict=True):
        parts.append(_text(across(place), height - 8, x_label(value), "middle"))
    for number, one in enumerate(series):
        points = [(across(place), down(y)) for place, y in zip(logs, one.values, strict=True)]
        parts.append(f'<path class="s{number}" d="{_path(points)}"/>')
        parts += [f'<circle class="d{number}" cx="{a:.1f}" cy="{b:.1f}" r="3"/>' for a, b in points]
    return _drawn(parts, height, ", ".join(one.name for one in series))


def bar_chart(names: Sequence[str], values: Sequence[float], label: Label) -> Markup:
    """One bar per name, to the right of zero or to its left, its value at its end."""
    low, high = min(0.0, *values), max(0.0, *values)
    if low == high:
        high = 1.0
    room = 96
    begin = _NAMES + (room if low < 0 else 8)
    across = _Scale(low, high, begin, WIDTH - (room if high > 0 else 8))
    parts, zero = [], across(0.0)
    for row, (name, value) in enumerate(zip(names, values, strict=True)):
        top, end = 4 + row * _BAR, across(value)
        kind = "gain" if value >= 0 else "loss"
        parts.append(_text(_NAMES - 10, top + 13, _cut(name), "end", "name"))
        parts.append(
            f'<rect class="{kind}" x="{min(zero, end):.1f}" y="{top}" '
            f'width="{max(abs(end - zero), 0.8):.1f}" height="{_BAR - 7}" rx="1.5"/>'
        )
        side = ("start", 6) if value >= 0 else ("end", -6)
        parts.append(_text(end + side[1], top + 13, label(value), side[0], "value"))
    height = 8 + _BAR * len(values)
    parts.append(f'<line class="zero" x1="{zero:.1f}" x2="{zero:.1f}" y1="0" y2="{height}"/>')
    return _drawn(parts, height, ", ".join(names))


def legend(names: Iterable[str]) -> Markup:
    """Names beside the colours of their lines."""
    keys = (f'<span class="k{n}">{escape(visible(name))}</span>' for n, name in enumerate(names))
    return Markup(f'<p class="legend">{"".join(keys)}</p>')  # noqa: S704


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Round values from ``low`` to ``high``, about ``count``: multiples of 1, 2, 2.5 or 5."""
    raw = (high - low) / max(count, 1)
    size = 10.0 ** math.floor(math.log10(raw))
    step = size * next(one for one in (1.0, 2.0, 2.5, 5.0, 10.0) if one * size >= raw * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [number * step for number in range(first, last + 1)]


def _bounds(values: Sequence[Floats]) -> tuple[float, float]:
    """From the least to the greatest value, zero among them, and a little beyond."""
    low = min(0.0, *(float(np.nanmin(one)) for one in values))
    high = max(0.0, *(float(np.nanmax(one)) for one in values))
    if low == high:
        return 0.0, 1.0
    margin = 0.04 * (high - low)
    return low - (margin if low < 0 else 0.0), high + (margin if high > 0 else 0.0)


def _kept(count: int, values: Sequence[Floats]) -> Ints:
    """So many rows as a chart can show, the extremes of every line among them."""
    if count <= _POINTS:
        return np.arange(count)
    even = np.linspace(0, count - 1, _POINTS).round().astype(np.int64)
    pieces = np.array_split(np.arange(count), _POINTS // 4)
    extremes = [
        piece[[values_of[piece].argmin(), values_of[piece].argmax()]]
        for values_of in values
        for piece in pieces
    ]
    return np.unique(np.concatenate([even, *extremes]))


def _rules(down: _Scale, label: Label) -> list[str]:
    """Horizontal rules with their values; that of zero is heavier."""
    parts = []
    for value in ticks(down.low, down.high):
        y = down(value)
        kind = "zero" if value == 0 else "rule"
        parts.append(
            f'<line class="{kind}" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        )
        parts.append(_text(_LEFT - 8, y + 4, label(value), "end"))
    return parts


def _time_ticks(across: _Scale, height: int) -> list[str]:
    """Write times below the chart, so many that they do not touch."""
    begin, end = from_us(int(across.low)), from_us(int(across.high))
    step = next((one for one in _STEPS if (end - begin) / one <= 6), _STEPS[-1])
    pattern = "%d %b %H:%M" if step < timedelta(days=1) else "%d %b" if step.days < 30 else "%b %Y"
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    first = epoch + -((epoch - begin) // step) * step
    found, at = [], first
    while at <= end:
        x = across((at - epoch) / timedelta(microseconds=1))
        if _LEFT + 20 <= x <= WIDTH - _RIGHT - 24:
            found.append(_text(x, height - 8, f"{at:{pattern}}", "middle"))
        at += step
    return found


def _path(points: Iterable[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def _text(x: float, y: float, text: str, anchor: str, kind: str = "tick") -> str:
    shown = escape(visible(text))
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{shown}</text>'


def _cut(name: str) -> str:
    return name if len(name) <= 27 else f"{name[:26]}…"


def _drawn(parts: Sequence[str], height: float, meaning: str) -> Markup:
    title = escape(visible(meaning))
    return Markup(  # noqa: S704
        f'<svg viewBox="0 0 {WIDTH} {height:g}" role="img" aria-label="{title}">'
        f"{''.join(parts)}</svg>"
    )
