"""Filling the gaps of a history once, and naming what stays missing.

What is due and absent (see ``core.completeness``) is asked for a second time, only the spans and
symbols concerned: an answer may have been cut short, or come from a replica that lagged behind.
In an outage of the venue, two witnesses are asked instead of every symbol; only when one of them
now has a settlement are the others asked too.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import polars as pl

from funding_platform.core.completeness import (
    SCHEMA,
    SILENT,
    STOPPED,
    missing_settlements,
    outage_hours,
    trading_spans,
    with_known_beginnings,
)
from funding_platform.core.errors import FundingError
from funding_platform.core.market.listings import listing_starts
from funding_platform.core.market.pauses import without_pauses
from funding_platform.core.plain_text import first_few
from funding_platform.core.tables.collected import FUNDING_RATES
from funding_platform.core.tables.columns import INSTRUMENT_KEY
from funding_platform.core.tables.schema import instant
from funding_platform.core.time_grid import LATENESS, Window
from funding_platform.flows.collection.history.depths import kept_since
from funding_platform.flows.progress import begin
from funding_platform.lake.writer import Lake
from funding_platform.venues.contract import Venue
from funding_platform.venues.parsing.history import History, merged
from funding_platform.venues.rest.concurrency import for_each

WITNESSES = 2
"""Symbols that are asked again in an hour that the whole venue lacks."""

ONE_SPAN = timedelta(days=7)
"""Missing settlements of a symbol that lie closer are asked for together: a page holds more."""

SPANS_IN_FLIGHT = 8
"""Spans under way at a time; the venue's budget holds whatever their number."""

SHOWN_TIMES = 3

_HELD = """
venue = ? AND list_contains(?, venue_symbol)
AND funding_time >= ?::TIMESTAMPTZ - INTERVAL 1 MINUTE
AND funding_time <= ?::TIMESTAMPTZ + INTERVAL 1 MINUTE
"""

_UP_TO = "venue = ? AND list_contains(?, venue_symbol) AND funding_time < ?"

_REASONS = {STOPPED: " (stops while it trades)", SILENT: " (silent while it trades)"}

_KEY = [*INSTRUMENT_KEY, "missing_time"]


@dataclass(frozen=True, slots=True)
class Completed:
    """A history after its gaps were asked for again.

    Parameters
    ----------
    history
        What was read, both times.
    missing
        What stays missing, without the outages: frame of ``core.completeness.SCHEMA``.
    outages
        Full hours in which the venue settled nothing although settlements were due.
    recovered
        Settlements that only the second reading brought.
    trouble
        Why the second reading is not whole.
    """

    history: History
    missing: pl.DataFrame
    outages: list[datetime]
    recovered: int
    trouble: tuple[FundingError, ...] = ()


async def completed(
    venue: Venue, lake: Lake, history: History, instruments: pl.DataFrame, window: Window
) -> Completed:
    """Ask once more for everything of the window that is due and missing.

    A second reading that fails costs nothing of the first: it is told in ``trouble``. What the
    venue lacks and the lake holds, from an import or from when the venue still had it, is taken
    from the lake.

    Parameters
    ----------
    venue
        Where the history comes from.
    lake
        Where it is going.
    history
        What it gave for ``window``.
    instruments
        Rows of ``core.instruments`` of that venue.
    """
    life = _expected_spans(venue, instruments, history, window)
    stamps = instruments.select(*INSTRUMENT_KEY, "listed_at", pl.lit(value=False).alias("relisted"))

    def absent(read: pl.DataFrame) -> pl.DataFrame:
        lacking = missing_settlements(read, life, window, listing_starts(read, stamps))
        return without_pauses(lacking, read, instruments)

    before, asked = history.frame.height, pl.DataFrame(schema=SCHEMA)
    trouble: list[FundingError] = []
    for _ in range(2):  # the second time for those whose outage a witness has refuted
        missing = absent(history.read)
        wanted = _worth_asking(missing, history.read).join(asked, on=_KEY, how="anti")
        if wanted.is_empty() or history.frame.is_empty() or trouble:
            break
        asked = pl.concat([asked, wanted])
        again = await _read_again(venue, spans_of(wanted, window), trouble)
        history = merged(history, window, again)
    recovered = history.frame.height - before
    held = _held(lake, absent(history.read))
    earlier = _of_earlier_listings(lake, history, stamps, window)
    history = replace(history, frame=pl.concat([history.frame, held, earlier]))
    missing = absent(history.read)
    outages = outage_hours(missing, history.read)
    outside = missing.filter(~pl.col("missing_time").dt.round("1h").is_in(outages))
    return Completed(history, outside, outages, recovered, tuple(trouble))


def named(missing: pl.DataFrame, limit: int) -> dict[str, str]:
    """Say in words what symbols lack, those that lack most first."""
    worst = (
        missing.sort("missing_time")
        .group_by("venue_symbol")
        .agg(pl.len().alias("count"), pl.col("missing_time"), pl.col("kind").last())
        .sort("count", "venue_symbol", descending=[True, False])
        .head(limit)
    )
    return {
        symbol: in_words(times) + _REASONS.get(kind, "")
        for symbol, _, times, kind in worst.iter_rows()
    }


def in_words(times: Sequence[datetime]) -> str:
    """List the first few times in words, and how many more there are."""
    return first_few([f"{time:%Y-%m-%d %H:%M}" for time in times], SHOWN_TIMES)


async def _read_again(
    venue: Venue, spans: list[tuple[Window, list[str]]], trouble: list[FundingError]
) -> list[History]:
    """Read the spans once more; add what fails to ``trouble``."""
    again: list[History] = []
    advance = begin(f"{venue.spec.name} gaps", len(spans))

    async def read(part: tuple[Window, list[str]]) -> None:
        span, symbols = part
        again.append(await venue.funding_history(symbols, span))
        advance()

    try:
        await for_each(spans, read, in_flight=SPANS_IN_FLIGHT)
    except FundingError as error:
        trouble.append(error)
    trouble.extend(error for part in again for error in part.failures.values())
    return again


def _expected_spans(
    venue: Venue, instruments: pl.DataFrame, history: History, window: Window
) -> pl.DataFrame:
    """Return the lives of the symbols that were read, as far back as the venue keeps all."""
    read = trading_spans(instruments.filter(pl.col("venue_symbol").is_in(list(history.coverage))))
    return with_known_beginnings(read, window, kept_since(venue.spec.name, venue.now()))


def _worth_asking(missing: pl.DataFrame, settlements: pl.DataFrame) -> pl.DataFrame:
    """Keep all that is missing, but of an outage only what the witnesses lack."""
    hour = pl.col("missing_time").dt.round("1h")
    inside = missing.filter(hour.is_in(outage_hours(missing, settlements)))
    witnesses = inside.filter(pl.col("venue_symbol").rank("dense").over(hour) <= WITNESSES)
    return pl.concat([missing.join(inside, on=_KEY, how="anti"), witnesses])


def _held(lake: Lake, missing: pl.DataFrame) -> pl.DataFrame:
    """Read the lake's rows at the missing times, but for symbols that are wholly silent."""
    lost = missing.filter(pl.col("kind") != SILENT)
    if lost.is_empty():
        return FUNDING_RATES.empty()
    time, symbols = lost["missing_time"], lost["venue_symbol"].unique().to_list()
    where = [lost["venue"][0], symbols, time.min(), time.max()]
    minute = pl.col("funding_time").dt.round("1m").alias("missing_time")
    held = lake.rows(FUNDING_RATES, _HELD, where).with_columns(minute)
    return FUNDING_RATES.conform(held.join(lost, on=_KEY, how="semi"))


def _of_earlier_listings(
    lake: Lake, history: History, stamps: pl.DataFrame, window: Window
) -> pl.DataFrame:
    """Read the lake's rows that the venue no longer has, its ticker being another's now.

    An archive had them; replacing the window must not drop them.
    """
    late = stamps.filter(pl.col("listed_at") > instant(window.start))
    symbols = late["venue_symbol"].to_list()
    if not symbols:
        return FUNDING_RATES.empty()
    latest = late["listed_at"].max()
    stored = lake.rows(FUNDING_RATES, _UP_TO, [late["venue"][0], symbols, latest])
    fresh = stored.join(history.frame, on=FUNDING_RATES.key, how="anti")
    starts = listing_starts(pl.concat([fresh, history.read]), late)
    inside = fresh.filter(pl.col("funding_time") >= instant(window.start))
    before = inside.join(starts, on=INSTRUMENT_KEY).filter(pl.col("funding_time") < pl.col("since"))
    return FUNDING_RATES.conform(before.filter(pl.col("funding_time") < instant(window.end)))


def spans_of(missing: pl.DataFrame, window: Window) -> list[tuple[Window, list[str]]]:
    """List the spans to ask for again, each with the symbols that lack something in it."""
    time = pl.col("missing_time")
    apart = (time.diff() > ONE_SPAN).fill_null(False).cum_sum().over("venue_symbol")
    runs = (
        missing.sort("venue_symbol", "missing_time")
        .with_columns(apart.alias("run"))
        .group_by("venue_symbol", "run")
        .agg((time.min() - LATENESS).alias("start"), (time.max() + LATENESS).alias("end"))
    )
    together = runs.group_by("start", "end").agg(pl.col("venue_symbol").sort()).sort("start", "end")
    return [
        (Window(max(start, window.start), min(end, window.end)), symbols)
        for start, end, symbols in together.iter_rows()
    ]
