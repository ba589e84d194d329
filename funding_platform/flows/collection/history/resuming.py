"""What of a backfill is proven already, and so need not be asked for again."""

from collections.abc import Collection, Iterator
from itertools import pairwise
from typing import Final

from funding_platform.core.tables.schema import Table
from funding_platform.core.time_grid import Window
from funding_platform.flows.errors import UnfinishedError
from funding_platform.lake.writer import Lake

_PROVEN: Final = """
SELECT window_start, least(window_end, started_at)
FROM core.collection_log
WHERE venue = ? AND dataset = ? AND (status = 'success' OR error_kind = ?)
    AND requests IS NOT NULL AND window_start < least(window_end, started_at)
ORDER BY window_start
"""


def proven_windows(lake: Lake, venue: str, table: Table) -> list[Window]:
    """Return the windows that the log says were read whole: of runs that ended, and so far.

    What had not passed when it was asked for is not proven. An import proves nothing.
    """
    rows = lake.read(_PROVEN, [venue, table.full_name, UnfinishedError.__name__])
    return [Window(start, end) for start, end in rows.iter_rows()]


def remaining(window: Window, proven: Collection[Window]) -> Iterator[Window]:
    """Yield what is left to ask for: the months of the window that none of the proven has whole.

    Months in a row are one window.
    """
    months = [
        month
        for month in window.months()
        if not any(one.start <= month.start and month.end <= one.end for one in proven)
    ]
    if not months:
        return
    start = months[0].start
    for one, following in pairwise(months):
        if one.end != following.start:
            yield Window(start, one.end)
            start = following.start
    yield Window(start, months[-1].end)
