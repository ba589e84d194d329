"""The rule of ``core.listings``, one settlement at a time: slow, and written on its own."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

WEEK = timedelta(days=7)
MONTH = timedelta(days=30)
QUARTER = timedelta(days=90)


def beginning(
    series: Sequence[tuple[datetime, float]], listed_at: datetime, *, relisted: bool = False
) -> datetime | None:
    """Since when the series is that of the listing; None if all of it is."""
    earlier = sorted((time, rate) for time, rate in series if time < listed_at)
    found = listed_at if relisted else None
    moments = [*(time for time, _ in earlier), listed_at]
    for number, moment in enumerate(moments):
        past = earlier[:number]
        if not past or moment <= listed_at - MONTH:
            continue
        last_sign = past[-1][0]
        run = last_sign
        for time, rate in reversed(past):
            if rate != past[-1][1]:
                break
            run = time
        if moment - run > QUARTER:
            last_sign = run
        if moment - last_sign > WEEK:
            found = moment
    return found


def lacking(times: Sequence[datetime], hours: float, border: datetime | None) -> list[datetime]:
    """What a series with one interval lacks between its settlements, but not across the border."""
    step = timedelta(hours=hours)
    missing = []
    for before, after in pairwise(times):
        if border is not None and before < border <= after:
            continue
        gap = round((after - before) / step)
        missing += [after - step * k for k in range(gap - 1, 0, -1)]
    return missing
