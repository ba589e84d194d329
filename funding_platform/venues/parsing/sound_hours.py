"""Which rows by the hour can be.

A bar is left out and named where it does not begin at a full hour, lacks a price, has one that is
not above zero, or where ``low <= open, close <= high`` does not hold; and one that comes twice with
different values, for nobody can tell which is right. Where most are such, the venue has changed
what it publishes, and the symbol fails (see ``leniency``).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from funding_platform.core.time_grid import HOUR_MS, from_ms
from funding_platform.venues.parsing.candles import Candle, InterestPoint
from funding_platform.venues.parsing.leniency import leave_out

PRICES: Final = ("open", "high", "low", "close")
_CHANGED: Final = "the venue may have changed what it publishes, or its unit or clock"


def sound_candles(
    candles: Sequence[Candle], contradictions: Mapping[int, str], where: Mapping[str, Any]
) -> tuple[list[Candle], list[int]]:
    """Return the bars that can be, and the times of those without any price.

    Raises
    ------
    ContractError
        If most of the bars cannot be.
    """
    suspects = [row for row in candles if not _is_sound(row) or row.time_ms in contradictions]
    empty = {row.time_ms for row in suspects if row.values[:4] == (None,) * 4}
    told = {
        row.time_ms: _complaint(row) or contradictions.get(row.time_ms)
        for row in suspects
        if row.time_ms not in empty
    }
    _leave_out(told, len(candles) - len(empty), where)
    bad = {*empty, *(time_ms for time_ms, what in told.items() if what is not None)}
    return [row for row in candles if row.time_ms not in bad] if bad else [*candles], sorted(empty)


def sound_points(
    points: Sequence[InterestPoint], contradictions: Mapping[int, str], where: Mapping[str, Any]
) -> tuple[list[InterestPoint], list[int]]:
    """Return the points that can be; none of them tells of nothing.

    Raises
    ------
    ContractError
        If most of them cannot be.
    """
    told = {
        row.time_ms: _off_the_grid(row.time_ms)
        or ("holds no amount" if row.values == (None, None) else None)
        or contradictions.get(row.time_ms)
        for row in points
    }
    _leave_out(told, len(points), where)
    return [row for row in points if told[row.time_ms] is None], []


def _is_sound(row: Candle) -> bool:
    """Tell whether nothing at all is wrong with a bar, as with nearly all of them."""
    bar: Any = row
    try:
        within = bar.low <= bar.open <= bar.high and bar.low <= bar.close <= bar.high
        return bool(within and bar.low > 0 and bar.time_ms % HOUR_MS == 0)
    except TypeError:  # a price is absent
        return False


def _complaint(row: Candle) -> str | None:
    """Say what is wrong with a bar; None where nothing is."""
    if off := _off_the_grid(row.time_ms):
        return off
    first, high, low, last, *_ = row.values
    if first is None or high is None or low is None or last is None:
        return f"has no {PRICES[row.values.index(None)]}"
    if min(first, high, low, last) <= 0:
        return f"has a price of {min(first, high, low, last):g}"
    if high < low:
        return f"has a high of {high:g} below its low of {low:g}"
    outside = [price for price in (first, last) if not low <= price <= high]
    return f"has {outside[0]:g} outside of {low:g} to {high:g}" if outside else None


def _off_the_grid(time_ms: int) -> str | None:
    return f"lies {time_ms % HOUR_MS} ms after the full hour" if time_ms % HOUR_MS else None


def _leave_out(told: Mapping[int, str | None], rows: int, where: Mapping[str, Any]) -> None:
    complaints = [f"{from_ms(at):%Y-%m-%d %H:%M:%S} {what}" for at, what in told.items() if what]
    leave_out(complaints, rows, hint=_CHANGED, **where)
