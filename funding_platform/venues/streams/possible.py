"""What one number of a market says beside another, judged number by number.

The rules are those of ``parsing.plausibility``, which judges frames by expressions: a stream speaks
of one perpetual at a time, some thousand times a second. What is unknown is NaN, and refutes
nothing.
"""

from typing import Final

from funding_platform.core.tables.columns import MAX_INTERVAL_HOURS
from funding_platform.core.time_grid import HOUR_MS, MILLISECOND, SKEW
from funding_platform.venues.parsing.plausibility import MAX_MARK_INDEX_RATIO

SKEW_MS: Final = SKEW // MILLISECOND


def divides_no_day(hours: float) -> bool:
    """Tell whether an interval is none that divides a day."""
    return hours > 0 and MAX_INTERVAL_HOURS % hours != 0


def is_too_far_ahead(due_ms: float, hours: float, now_ms: float) -> bool:
    """Tell whether a settlement is due in more than an interval; in the longest, if unknown."""
    longest = hours if hours == hours else MAX_INTERVAL_HOURS
    return due_ms - now_ms > longest * HOUR_MS + SKEW_MS


def are_apart(mark: float, index: float) -> bool:
    """Tell whether a mark is so far from its index that it is in another unit."""
    if not index > 0 or mark != mark:
        return False
    return not 1 / MAX_MARK_INDEX_RATIO <= mark / index <= MAX_MARK_INDEX_RATIO
