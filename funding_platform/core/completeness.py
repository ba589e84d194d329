"""Which settlements should exist and do not, derived from the life of each instrument.

A settlement at t with interval h pays for the time since t - h, so one was due at t - h, unless
the instrument was listed later; and after the last one, another is due every h for as long as the
instrument trades. From this follow four kinds of absence:

========== =====================================================================
between    a gap of g before a settlement with interval h lacks round(g / h) - 1
opening    between listing (or the window's start) and the first settlement
stopped    after the last settlement, while the instrument is still seen trading
silent     not one settlement while it traded; only where its interval is stated
========== =====================================================================

Where an interval is unknown nothing is expected: what cannot be known is not guessed. Between two
listings of one ticker nothing was due (see ``core.listings``): a gap does not reach across, and the
ends are those of the newest listing. What lies in a pause of its venue was not due either: see
``core.market.pauses``.
"""

from datetime import datetime
from typing import Final

import polars as pl

from funding_platform.core.intervals import CONTEXT, gap_before
from funding_platform.core.market.listings import STARTS, of_current_listing, with_since
from funding_platform.core.tables.columns import INSTRUMENT_KEY
from funding_platform.core.tables.schema import UTC_TIME, instant
from funding_platform.core.time_grid import HOUR, HOUR_MS, LATENESS, Window

OUTAGE_SYMBOLS: Final = 3
"""Hours that so many instruments lack, and none has, are an outage of the venue."""

BETWEEN: Final = "between"
OPENING: Final = "opening"
STOPPED: Final = "stopped"
SILENT: Final = "silent"

SCHEMA: Final = pl.Schema(
    {
        "venue": pl.String(),
        "venue_symbol": pl.String(),
        "missing_time": UTC_TIME,
        "kind": pl.String(),
    }
)
"""Columns of every frame of missing settlements."""

_NONE_REUSED: Final = STARTS.to_frame()


def trading_spans(instruments: pl.DataFrame) -> pl.DataFrame:
    """Say from when until when each instrument is known to have traded.

    Parameters
    ----------
    instruments
        Rows of ``core.instruments``.

    Returns
    -------
    polars.DataFrame
        ``venue``, ``venue_symbol``, ``trades_from`` (its listing), ``trades_until`` (when it was
        last seen trading; null for one that is halted, delisted or in an unknown state, of which
        nothing is expected after its last settlement) and ``stated_hours``.
    """
    trading = pl.col("status") == "trading"
    return instruments.select(
        *INSTRUMENT_KEY,
        pl.col("listed_at").alias("trades_from"),
        pl.when(trading).then("last_seen_at").alias("trades_until"),
        pl.col("interval_hours").alias("stated_hours"),
    )


def with_known_beginnings(
    life: pl.DataFrame, window: Window, kept_since: datetime | None
) -> pl.DataFrame:
    """Forget listings that say nothing of what is due: the venue may have dropped that.

    Parameters
    ----------
    life
        What ``trading_spans`` gives.
    window
        The span in question.
    kept_since
        Since when the venue still had everything that it settled; None if it keeps all.
    """
    if kept_since is None or kept_since <= window.start:
        return life
    listed = pl.col("trades_from")
    return life.with_columns(
        pl.when(listed >= instant(kept_since)).then(listed).alias("trades_from")
    )


def missing_settlements(
    settlements: pl.DataFrame,
    life: pl.DataFrame,
    window: Window,
    starts: pl.DataFrame = _NONE_REUSED,
) -> pl.DataFrame:
    """List every settlement that was due in the window and is absent, by name.

    Parameters
    ----------
    settlements
        ``venue``, ``venue_symbol``, ``funding_time`` and ``interval_hours``: those of the window
        and, where there are any, their neighbours on either side of it.
    life
        What ``trading_spans`` gives; an instrument that is not in it is only searched for gaps.
    window
        The span in question; its end lies in the past.
    starts
        Where listings begin that have an earlier one before them: what ``listing_starts`` gives.

    Returns
    -------
    polars.DataFrame
        ``venue``, ``venue_symbol``, ``missing_time`` (to the minute) and ``kind``, sorted.
    """
    current = of_current_listing(settlements, starts, "funding_time")
    absent = pl.concat(
        [
            missing_between(settlements, starts),
            *_at_the_ends(current, life, window),
            _silent(current, life, window),
        ]
    )
    time = pl.col("missing_time")
    inside = absent.filter(time >= window.start, time < window.end)
    return inside.sort(*INSTRUMENT_KEY, "missing_time")


def missing_between(settlements: pl.DataFrame, starts: pl.DataFrame = _NONE_REUSED) -> pl.DataFrame:
    """List the settlements that the gaps lack: t - k h for k = 1 .. round(g / h) - 1.

    Parameters
    ----------
    settlements, starts
        As for ``missing_settlements``.
    """
    ordered = settlements.sort(*INSTRUMENT_KEY, "funding_time")
    if not starts.is_empty():
        ordered = with_since(ordered, starts, "funding_time")
    one_listing = (
        [pl.col("since").eq_missing(pl.col("since").shift())] if "since" in ordered else []
    )
    gaps = ordered.with_columns(
        pl.when(*one_listing, True).then(gap_before()).alias("gap"),
        _milliseconds("interval_hours").alias("step"),
    )
    # Whole milliseconds: a quotient of floats falls short of the integer it should be.
    count = (pl.col("gap").dt.total_milliseconds() + pl.col("step") // 2) // pl.col("step") - 1
    return _expand_times(gaps, "funding_time", -pl.col("step"), count, BETWEEN)


def outage_hours(missing: pl.DataFrame, settlements: pl.DataFrame) -> list[datetime]:
    """Find the full hours in which settlements were due and the venue made none.

    Hours that follow each other are one outage, so that an hourly instrument need not stand for
    all those that settle less often.

    Parameters
    ----------
    missing
        Missing settlements of one venue; only those between others can be an outage.
    settlements
        All settlements of that venue around them.
    """
    settled = settlements.select(pl.col("funding_time").dt.round("1h").alias("hour")).unique()
    lacking = (
        missing.filter(kind=BETWEEN)
        .select("venue_symbol", pl.col("missing_time").dt.round("1h").alias("hour"))
        .join(settled, on="hour", how="anti")
        .sort("hour")
        .with_columns((pl.col("hour").diff() > HOUR).fill_null(value=False).cum_sum().alias("run"))
    )
    symbols = pl.col("venue_symbol").n_unique().over("run")
    return lacking.filter(symbols >= OUTAGE_SYMBOLS)["hour"].unique().sort().to_list()


def _at_the_ends(
    settlements: pl.DataFrame, life: pl.DataFrame, window: Window
) -> list[pl.DataFrame]:
    """List what was due after listing before the first settlement, and after the last one."""
    time, interval = pl.col("funding_time"), pl.col("interval_hours")
    ends = (
        settlements.sort("funding_time")
        .group_by(INSTRUMENT_KEY)
        .agg(
            time.first().alias("first"),
            interval.first().alias("first_hours"),
            time.last().alias("last"),
            interval.last().alias("last_hours"),
        )
        .join(life, on=INSTRUMENT_KEY)
    )
    # The first one is due when a whole interval has passed since listing.
    opening = _milliseconds("first_hours")
    begin = pl.max_horizontal(pl.col("trades_from"), instant(window.start) - _length(opening))
    before = (pl.col("first") - begin).dt.total_milliseconds() // opening - 1
    # A venue that states a longer interval now has changed it since the last settlement.
    recent = pl.col("trades_until") - CONTEXT < window.end
    changed = pl.when(recent).then(pl.col("stated_hours"))
    ends = ends.with_columns(pl.max_horizontal("last_hours", changed).alias("next_hours"))
    closing = _milliseconds("next_hours")
    end = pl.min_horizontal(pl.col("trades_until") - LATENESS, instant(window.end))
    # A null bound does not take part in min_horizontal, and must not turn into the other one.
    known = pl.col("trades_until").is_not_null()
    after = pl.when(known).then((end - pl.col("last")).dt.total_milliseconds() // closing)
    listed = pl.col("trades_from").is_not_null()
    return [
        _expand_times(ends, "first", -opening, pl.when(listed).then(before), OPENING),
        _expand_times(ends, "last", closing, after, STOPPED),
    ]


def _silent(settlements: pl.DataFrame, life: pl.DataFrame, window: Window) -> pl.DataFrame:
    """List what was due of instruments without any settlement, on multiples of their interval."""
    step = _milliseconds("stated_hours")
    never_settled = life.filter(
        pl.col("trades_from").is_not_null(), pl.col("trades_until").is_not_null()
    )
    never_settled = never_settled.join(settlements, on=INSTRUMENT_KEY, how="anti").with_columns(
        pl.max_horizontal(
            (pl.col("trades_from").dt.epoch("ms") + step - 1) // step,
            (instant(window.start).dt.epoch("ms") - 1) // step,
        ).alias("before"),
        (
            pl.min_horizontal(pl.col("trades_until") - LATENESS, instant(window.end)).dt.epoch("ms")
            // step
        ).alias("upto"),
    )
    start = pl.from_epoch(pl.col("before") * step, time_unit="ms").dt.replace_time_zone("UTC")
    never_settled = never_settled.with_columns(start.cast(UTC_TIME).alias("start"))
    return _expand_times(never_settled, "start", step, pl.col("upto") - pl.col("before"), SILENT)


def _expand_times(
    frame: pl.DataFrame, origin: str, step: pl.Expr, count: pl.Expr, kind: str
) -> pl.DataFrame:
    """Lay out the times ``origin + k step`` for k = 1 .. count, to the minute."""
    rows = frame.select(*INSTRUMENT_KEY, origin, step.alias("stride"), count.alias("count"))
    lacking = rows.filter(pl.col("count") > 0)
    if lacking.is_empty():
        return SCHEMA.to_frame()
    every = pl.int_ranges(1, pl.col("count") + 1).alias("k")
    long = lacking.with_columns(every).explode("k")
    moment = pl.col(origin) + _length(pl.col("k") * pl.col("stride"))
    return long.select(
        *INSTRUMENT_KEY,
        moment.dt.round("1m").cast(UTC_TIME).alias("missing_time"),
        pl.lit(kind).alias("kind"),
    )


def _milliseconds(hours: str) -> pl.Expr:
    return (pl.col(hours) * HOUR_MS).round().cast(pl.Int64)


def _length(milliseconds: pl.Expr) -> pl.Expr:
    return pl.duration(milliseconds=milliseconds)
