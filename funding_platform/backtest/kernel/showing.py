"""What a market shows at an instant, by instrument: the newest that was known of each."""

import numpy as np

from funding_platform.backtest.data.panel import Prices, Settlements
from funding_platform.core.arrays import Flags, Floats, Ints
from funding_platform.core.system.compiled import compiled, compiled_into_callers
from funding_platform.core.units import rate_8h

_NEVER = 1 << 62
_rate_8h = compiled(rate_8h)


@compiled
def newest(first: Ints, known_us: Ints, values: Floats, time_us: int, stale_us: int) -> Floats:
    """Find the last value known at a time for each instrument; NaN where too old or none."""
    found = np.full(len(first) - 1, np.nan)
    for number in range(len(found)):
        begin, end = first[number], first[number + 1]
        row = begin + np.searchsorted(known_us[begin:end], time_us, side="right") - 1
        if row >= begin and time_us - known_us[row] <= stale_us:
            found[number] = values[row]
    return found


@compiled_into_callers
def _move_on(known_us: Ints, row: int, end: int, time_us: int) -> tuple[int, int]:
    """Return the first row that is not known yet, and when it will be."""
    while row < end and known_us[row] <= time_us:
        row += 1
    return row, known_us[row] if row < end else _NEVER


@compiled
def refresh_rates(
    settlements: Settlements,
    time_us: int,
    stale_us: int,
    rows: Ints,
    shown: tuple[Floats, Floats, Floats],
    seen_us: Ints,
    wake_us: Ints,
) -> None:
    """Move the cursors, and show the last rate, of every instrument that has news of its rates.

    ``wake_us`` is when it has: its next row, or the moment at which what is shown gets too old.
    """
    rate, interval, scaled = shown
    for number in range(len(rows)):
        if wake_us[number] > time_us:
            continue
        end = settlements.first[number + 1]
        row, wake = _move_on(settlements.known_us, rows[number], end, time_us)
        rows[number] = row
        rate[number] = interval[number] = scaled[number] = np.nan
        if row > settlements.first[number]:
            settled = settlements.time_us[row - 1]
            seen_us[number] = max(seen_us[number], settled)
            if time_us - settled <= stale_us:
                rate[number] = settlements.rate[row - 1]
                interval[number] = settlements.interval_hours[row - 1]
                scaled[number] = _rate_8h(rate[number], interval[number])
                wake = min(wake, settled + stale_us + 1)
        wake_us[number] = wake


@compiled
def refresh_prices(
    prices: Prices,
    time_us: int,
    stale_us: int,
    which: Flags,
    points: Ints,
    price: Floats,
    seen_us: Ints,
    wake_us: Ints,
) -> None:
    """Do the same with the last price of some: most have one every hour, and few a rate."""
    for number in range(len(points)):
        if not which[number] or wake_us[number] > time_us:
            continue
        end = prices.first[number + 1]
        point, wake = _move_on(prices.time_us, points[number], end, time_us)
        points[number] = point
        price[number] = np.nan
        if point > prices.first[number]:
            stamped = prices.time_us[point - 1]
            seen_us[number] = max(seen_us[number], stamped)
            if time_us - stamped <= stale_us:
                price[number] = prices.price[point - 1]
                wake = min(wake, stamped + stale_us + 1)
        wake_us[number] = wake
