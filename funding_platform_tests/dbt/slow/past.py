"""What a pair has paid, and how fast its divergence closes."""

import math
from datetime import datetime
from statistics import linear_regression

from funding_platform.core.time_grid import HOUR
from funding_platform_tests.dbt.slow.arithmetic import less, times
from funding_platform_tests.dbt.slow.legs import Row


def past(long: Row, short: Row) -> Row:
    """Work out what the pair has paid over a week and a month, and how steady its divergence is."""
    week, month = (less(short["settled"][d], long["settled"][d]) for d in (7, 30))
    both = sorted(long["hours"].keys() & short["hours"].keys())
    divergences = {hour: short["hours"][hour] - long["hours"][hour] for hour in both}
    return {
        "settled_7d": week,
        "settled_30d": month,
        "settled_7d_apr": times(week, 365 / 7),
        "settled_30d_apr": times(month, 365 / 30),
        "same_sign_share": sum(d > 0 for d in divergences.values()) / len(both) if both else None,
        "half_life_hours": _half_life(divergences, max(long["paid_hours"], short["paid_hours"])),
    }


def _half_life(divergences: dict[datetime, int], paid_hours: int) -> float | None:
    """An AR(1) over as many hours as the slower leg settles in, unless it may be white noise."""
    lag = next((lag for lag in (1, 2, 4, 8, 24) if lag >= paid_hours), None)
    if lag is None:
        return None
    pairs = [
        (divergences[hour - lag * HOUR], later)
        for hour, later in divergences.items()
        if hour - lag * HOUR in divergences
    ]
    count = len(pairs) / lag
    if len(pairs) < 24 or len({earlier for earlier, _ in pairs}) == 1:
        return None
    slope = linear_regression(*zip(*pairs, strict=True)).slope
    if (slope + 1 / count) * math.sqrt(count) <= 2.326:
        return None
    debiased = (count * slope + 1) / (count - 3)
    return lag * math.log(0.5) / math.log(debiased) if debiased < 1 else None
