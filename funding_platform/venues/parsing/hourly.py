"""From records on the grid of hours to tables, without the rows that cannot be.

A bar is left out and named where it does not begin at a full hour, lacks a price, has one that is
not above zero, or where ``low <= open, close <= high`` does not hold; and one that comes twice with
different values, for nobody can tell which is right. Where most are such, the venue has changed
what it publishes, and the symbol fails (see ``leniency``).
"""

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
from funding_platform.venues.parsing.leniency import leave_out

EmptyBars = Literal["flat", "omitted", "null"]
"""What a venue publishes of an hour without a deal: a bar at the last price and without volume, no
row at all, or a row without prices."""

PRICES: Final = ("open", "high", "low", "close")
_CHANGED: Final = "the venue may have changed what it publishes, or its unit or clock"


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
    """The part of a window whose rows are complete by now; None where there is none."""
    end = min(window.end, floor_hour(now - lasts) + HOUR)
    return Window(window.start, end) if window.start < end else None


def sound_candles(
    candles: Sequence[Candle], contradictions: Mapping[int, str], where: Mapping[str, str]
) -> tuple[list[Candle], list[int]]:
    """The bars that can be, and the times of those that tell of an hour without a price.

    Raises
    ------
    ContractError
        If most of the bars cannot be.
    """
    empty = {row.time_ms for row in candles if row.values[:4] == (None,) * 4}
    priced = [row for row in candles if row.time_ms not in empty]
    told = {row.time_ms: _complaint(row) or contradictions.get(row.time_ms) for row in priced}
    _leave_out(told, len(priced), where)
    return [row for row in priced if told[row.time_ms] is None], sorted(empty)


def sound_points(
    points: Sequence[InterestPoint], contradictions: Mapping[int, str], where: Mapping[str, str]
) -> tuple[list[InterestPoint], list[int]]:
    """The points that can be; there are none that tell of nothing.

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


def _complaint(row: Candle) -> str | None:
    """What is wrong with a bar; None where nothing is."""
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


def _leave_out(told: Mapping[int, str | None], rows: int, where: Mapping[str, str]) -> None:
    complaints = [f"{from_ms(at):%Y-%m-%d %H:%M:%S} {what}" for at, what in told.items() if what]
    leave_out(complaints, rows, hint=_CHANGED, **where)


def candles_frame(
    table: Table, venue: str, candles: Sequence[Candle], life: Life, **stated: str
) -> pl.DataFrame:
    """Rows of ``core.price_candles`` or ``core.spot_candles``, all but ``observed_at``.

    Dollars follow from amounts of a quote that is a dollar or counts as one.
    """
    opened = stamps("open_time", [row.time_ms for row in candles])
    columns = {"volume_base": "volume_base", "volume_usd": "volume_quote"}
    frame = pl.DataFrame(
        [
            pl.Series("venue_symbol", [row.venue_symbol for row in candles], pl.String),
            opened,
            *(_reals(name, candles, name) for name in PRICES),
            *(_reals(ours, candles, theirs) for ours, theirs in columns.items()),
        ]
    )
    known = {**stated, "base": life.base, "quote": life.quote}
    frame = frame.with_columns(
        *(pl.lit(value, pl.String).alias(name) for name, value in known.items()),
        _in_dollars("volume_usd", life),
        (pl.col("open_time") + HOUR).alias("available_at"),
    )
    return _within(table, venue, frame)


def points_frame(
    venue: str, points: Sequence[InterestPoint], life: Life, lasts: timedelta
) -> pl.DataFrame:
    """Rows of ``core.open_interest``, all but ``observed_at``."""
    frame = pl.DataFrame(
        [
            pl.Series("venue_symbol", [row.venue_symbol for row in points], pl.String),
            stamps("time", [row.time_ms for row in points]),
            _reals("open_interest_base", points, "open_interest_base"),
            _reals("open_interest_usd", points, "open_interest_quote"),
        ]
    )
    frame = frame.with_columns(
        _in_dollars("open_interest_usd", life), (pl.col("time") + lasts).alias("available_at")
    )
    return _within(OPEN_INTEREST, venue, frame)


def _reals(name: str, rows: Sequence[Candle | InterestPoint], field: str) -> pl.Series:
    return pl.Series(name, values_of(rows, field), pl.Float64)


def _in_dollars(column: str, life: Life) -> pl.Expr:
    return pl.when(pl.lit(is_dollar(life.quote))).then(column).alias(column)


def _within(table: Table, venue: str, frame: pl.DataFrame) -> pl.DataFrame:
    """The table's columns but ``observed_at``, in order, without values that break a rule."""
    frame = frame.with_columns(pl.lit(venue).alias("venue"))
    names = [name for name in table.column_names if name != "observed_at"]
    return within_rules(frame.select(names), table, venue)


def covered(
    window: Window,
    life: Life,
    *,
    rows_ms: Sequence[int],
    empty_ms: Sequence[int],
    omits: bool,
    reading: Reading[Any],
) -> tuple[Coverage, list[int]]:
    """How complete one symbol is, and the hours that were due and are absent.

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
    edges = (from_ms(inside[0]), from_ms(inside[-1])) if inside else (None, None)
    coverage = Coverage(len(inside), len(missing), *edges, reading.requests, reading.ended)
    return coverage, missing


def _ends(window: Window, seen: Collection[int], life: Life, ended: Ended) -> tuple[int, int]:
    """From which hour on, and up to which, rows were due."""
    start, end = _full_hour(to_ms(window.start)), to_ms(window.end)
    first = None if life.listed_ms is None else max(start, _full_hour(life.listed_ms))
    if first is None or ended is Ended.NOT_KEPT:
        first = max(first or start, min(seen, default=end))
    return first, end if life.trades else max(seen, default=start - HOUR_MS) + HOUR_MS


def _full_hour(time_ms: int) -> int:
    """The full hour at or after a moment."""
    return -(-time_ms // HOUR_MS) * HOUR_MS


def build_hourly(
    table: Table,
    venue: str,
    hours: Mapping[str, Hours],
    failures: Mapping[str, VenueError],
    observed_at: datetime,
) -> HourlyHistory:
    """The rows of all symbols as one, seen at ``observed_at``."""
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
