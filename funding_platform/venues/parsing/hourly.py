"""From records on the grid of hours to tables, and the hours that were due and are absent."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal, NamedTuple

import polars as pl

from funding_platform.core.completeness import BETWEEN
from funding_platform.core.completeness import SCHEMA as MISSING
from funding_platform.core.symbols import is_dollar
from funding_platform.core.tables.prices import OPEN_INTEREST
from funding_platform.core.tables.schema import Table, instant
from funding_platform.core.time_grid import HOUR, HOUR_MS, Window, floor_hour, from_ms, to_ms
from funding_platform.venues.errors import VenueError
from funding_platform.venues.paging.pager import Ended
from funding_platform.venues.parsing.candles import Candle, InterestPoint
from funding_platform.venues.parsing.frames import stamps, values_of, within_rules
from funding_platform.venues.parsing.history import Coverage, Reading
from funding_platform.venues.parsing.sound_hours import PRICES

EmptyBars = Literal["flat", "omitted", "null"]
"""What a venue publishes of an hour without a deal: a bar at the last price and without volume, no
row at all, or a row without prices."""


class Life(NamedTuple):
    """What is known of a market that decides which hours are due, and what its amounts are in.

    Parameters
    ----------
    quote
        In what its prices are; None where that is not known.
    listed_ms
        When it was listed; None where that is not known.
    trades
        Whether it trades now: of one that does not, nothing is due after its last row.
    base
        The asset, for tables that name it.
    """

    quote: str | None
    listed_ms: int | None
    trades: bool
    base: str | None = None


class Hours(NamedTuple):
    """One symbol's rows of a window: the frame without ``observed_at``, and what is absent."""

    frame: pl.DataFrame
    missing_ms: Sequence[int]
    coverage: Coverage
    left_out: Sequence[VenueError] = ()


@dataclass(frozen=True, slots=True)
class HourlyHistory:
    """Hourly rows of many symbols, and what became of each.

    Parameters
    ----------
    frame
        Rows of the table within the window.
    missing
        The hours that were due and are absent: rows of ``completeness.SCHEMA``.
    coverage
        How complete each symbol is that could be read.
    failures
        Why each of the others could not.
    left_out
        Which rows cannot be, of symbols that could be read.
    """

    frame: pl.DataFrame
    missing: pl.DataFrame
    coverage: Mapping[str, Coverage]
    failures: Mapping[str, VenueError]
    left_out: Sequence[VenueError] = ()


def due_window(window: Window, lasts: timedelta, now: datetime) -> Window | None:
    """Return the part of a window whose rows are complete by now; None where there is none."""
    end = min(window.end, floor_hour(now - lasts) + HOUR)
    return Window(window.start, end) if window.start < end else None


def candles_frame(
    table: Table, venue: str, candles: Sequence[Candle], life: Life, **stated: str
) -> pl.DataFrame:
    """Make rows of ``core.price_candles`` or ``core.spot_candles``, all but ``observed_at``."""
    fields = {**dict(zip(PRICES, PRICES, strict=True)), **_VOLUMES}
    return _frame(table, venue, candles, fields, life, HOUR, stated)


def points_frame(
    venue: str, points: Sequence[InterestPoint], life: Life, lasts: timedelta
) -> pl.DataFrame:
    """Make rows of ``core.open_interest``, all but ``observed_at``."""
    return _frame(OPEN_INTEREST, venue, points, _HELD, life, lasts, {})


_VOLUMES: Final = {"volume_base": "volume_base", "volume_usd": "volume_quote"}
_HELD: Final = {
    "open_interest_base": "open_interest_base",
    "open_interest_usd": "open_interest_quote",
}
"""Columns, and the fields that they are: dollars follow from amounts of a quote that is a dollar or
counts as one."""


def _frame(
    table: Table,
    venue: str,
    rows: Sequence[Candle | InterestPoint],
    fields: Mapping[str, str],
    life: Life,
    lasts: timedelta,
    stated: Mapping[str, str],
) -> pl.DataFrame:
    """Make the table's columns but ``observed_at``, in order, without values that break a rule."""
    time, unknown = table.key[-1], [None] * len(rows)
    dollars = is_dollar(life.quote)
    values = {
        name: values_of(rows, field) if dollars or not name.endswith("_usd") else unknown
        for name, field in fields.items()
    }
    frame = pl.DataFrame(
        [
            pl.Series("venue_symbol", [row.venue_symbol for row in rows], pl.String),
            stamps(time, [row.time_ms for row in rows]),
            *(pl.Series(name, column, pl.Float64) for name, column in values.items()),
        ]
    )
    told = {"venue": venue, "base": life.base, "quote": life.quote, **stated}
    columns = {name: pl.lit(text, pl.String) for name, text in told.items()}
    columns["available_at"] = pl.col(time) + lasts
    names = [name for name in table.column_names if name != "observed_at"]
    whole = frame.select(columns.get(name, pl.col(name)).alias(name) for name in names)
    # Prices were looked at, and what is decoded is finite: a rule can only be broken from below.
    below = any((frame[name] < 0).any() for name in fields)
    return within_rules(whole, table, venue) if below else whole


def covered(
    window: Window,
    life: Life,
    *,
    rows_ms: Sequence[int],
    empty_ms: Sequence[int],
    omits: bool,
    reading: Reading[Any],
) -> tuple[Coverage, list[int]]:
    """Count how complete one symbol is, and name the hours that were due and are absent.

    Parameters
    ----------
    window
        Of which hours.
    life
        When it was listed, and whether it trades.
    rows_ms, empty_ms
        Hours that became rows, and hours that the venue says nothing happened in.
    omits
        Whether the venue leaves out hours without a deal: then none of them is a gap.
    reading
        How the reading came to its end.
    """
    inside = sorted(at for at in rows_ms if from_ms(at) in window)
    told = {*inside, *(at for at in empty_ms if from_ms(at) in window)}
    first, last = _ends(window, told, life, reading.ended)
    missing = [] if omits else [at for at in range(first, last, HOUR_MS) if at not in told]
    coverage = Coverage(
        rows=len(inside),
        missing=len(missing),
        first=from_ms(inside[0]) if inside else None,
        last=from_ms(inside[-1]) if inside else None,
        requests=reading.requests,
        ended=reading.ended,
    )
    return coverage, missing


def _ends(window: Window, seen: Collection[int], life: Life, ended: Ended) -> tuple[int, int]:
    """Return from which hour on, and up to which, rows were due."""
    start, end = _full_hour(to_ms(window.start)), to_ms(window.end)
    first = None if life.listed_ms is None else max(start, _full_hour(life.listed_ms))
    if first is None or ended is Ended.NOT_KEPT:
        first = max(first or start, min(seen, default=end))
    return first, end if life.trades else max(seen, default=start - HOUR_MS) + HOUR_MS


def _full_hour(time_ms: int) -> int:
    """Return the full hour at or after a moment."""
    return -(-time_ms // HOUR_MS) * HOUR_MS


def build_hourly(
    table: Table,
    venue: str,
    hours: Mapping[str, Hours],
    failures: Mapping[str, VenueError],
    observed_at: datetime,
) -> HourlyHistory:
    """Join the rows of all symbols, seen at ``observed_at``."""
    frames = [one.frame for one in hours.values() if not one.frame.is_empty()]
    everything = pl.concat(frames) if frames else table.empty().drop("observed_at")
    everything = everything.with_columns(instant(observed_at).alias("observed_at"))
    absent = [(symbol, at) for symbol, one in hours.items() for at in one.missing_ms]
    missing = pl.DataFrame(
        [
            pl.Series("venue_symbol", [symbol for symbol, _ in absent], pl.String),
            stamps("missing_time", [at for _, at in absent]),
        ]
    ).with_columns(pl.lit(venue).alias("venue"), pl.lit(BETWEEN).alias("kind"))
    return HourlyHistory(
        table.conform(everything).sort(table.key),
        missing.select(MISSING.names()),
        {symbol: one.coverage for symbol, one in hours.items()},
        dict(failures),
        [error for one in hours.values() for error in one.left_out],
    )
