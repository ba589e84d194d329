"""What an instrument has settled, a page of it: as it settled, or on a common clock."""

from datetime import datetime
from typing import Any, Final

from funding_platform.flows.queries import (
    rate_summary,
    require_instrument,
    resampled_rates,
    settled_rates,
)
from funding_platform.flows.queries.rates.forecasts import FORECAST
from funding_platform.flows.queries.rates.history import RESAMPLED, SETTLED, SUMMARY
from funding_platform.service.formats import Answer, row_schema
from funding_platform.service.market import newest
from funding_platform.service.parameters import RatesPast, cursor_of
from funding_platform.service.reader import Sources

_SETTLED_NAMES: Final = {column.name for column in SETTLED}
_RESAMPLED_NAMES: Final = {column.name for column in RESAMPLED}

PAST_RATES: Final = (
    *SETTLED,
    *(column for column in RESAMPLED if column.name not in _SETTLED_NAMES),
)
"""Columns of either form."""

OF_ONE_FORM: Final = tuple(
    column for column in PAST_RATES if column.name not in _SETTLED_NAMES & _RESAMPLED_NAMES
)
"""Those that only one of the two has."""

STATISTICS: Final[dict[str, Any]] = {
    "statistics": {
        **row_schema(SUMMARY),
        "type": ["object", "null"],
        "description": "Of the whole window; null unless asked for.",
    }
}
"""What JSON has beside the rows."""

FORECASTS: Final[dict[str, Any]] = {
    "forecast": {
        **row_schema(FORECAST),
        "type": ["object", "null"],
        "description": "A plain model's, made of the settlements that are stored; null where there "
        "are too few.",
    }
}
"""What JSON has beside a venue's own prediction."""


def settled_page(sources: Sources, venue: str, symbol: str, asked: RatesPast, rows: int) -> Answer:
    """Read a page of what an instrument has settled, the oldest first.

    Parameters
    ----------
    rows
        Of the page at most.

    Raises
    ------
    ProblemError
        If the window or the cursor cannot be meant.
    NothingStoredError
        If there is no such instrument.
    """
    window, after = asked.window(sources.now), asked.after(datetime)
    lake, last = sources.lake, after[0] if after else None
    require_instrument(lake, venue, symbol)
    span = (venue, symbol, window.start, window.end)
    if asked.interval is None:
        time = "funding_time"
        found = settled_rates(lake, *span, after=last, limit=rows)
    else:
        time = "bucket_end"
        found = resampled_rates(
            lake, venue, symbol, asked.interval, *span[2:], after=last, limit=rows
        )
    told = rate_summary(lake, *span).row(0, named=True) if asked.statistics else None
    return Answer(
        found,
        newest(found, time),
        next_cursor=cursor_of([found[time][-1]]) if found.height == rows else None,
        more={"statistics": told},
    )
