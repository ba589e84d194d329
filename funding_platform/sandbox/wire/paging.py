"""Which rows of a history a page holds. Times are sorted ascending; bounds are in milliseconds."""

import numpy as np

from funding_platform.sandbox.markets.series import Times


def within(times: Times, start_ms: int | None, end_ms: int | None) -> tuple[int, int]:
    """Find first row and end of rows with ``start <= time <= end``; a missing bound is open."""
    first = 0 if start_ms is None else int(np.searchsorted(times, start_ms, side="left"))
    end = len(times) if end_ms is None else int(np.searchsorted(times, end_ms, side="right"))
    return first, max(first, end)


def oldest(times: Times, start_ms: int | None, end_ms: int | None, limit: int) -> slice:
    """Select the first ``limit`` rows of the window."""
    first, end = within(times, start_ms, end_ms)
    return slice(first, min(end, first + limit))


def newest(times: Times, start_ms: int | None, end_ms: int | None, limit: int) -> slice:
    """Select the last ``limit`` rows of the window."""
    first, end = within(times, start_ms, end_ms)
    return slice(max(first, end - limit), end)
