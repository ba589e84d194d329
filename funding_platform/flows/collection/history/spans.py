"""What a backfill asks for: which part of its window, in which stretches, of which instruments."""

from collections.abc import Iterator
from datetime import datetime

import polars as pl

from funding_platform.core.parts import in_parts
from funding_platform.core.tables.collected import INSTRUMENTS
from funding_platform.core.tables.schema import Table
from funding_platform.core.time_grid import Window
from funding_platform.flows.errors import BeforeHistoryError, FutureWindowError
from funding_platform.lake.writer import Lake
from funding_platform.venues.contract import Venue
from funding_platform.venues.specification import VenueSpec

MONTHS_AT_ONCE = 6
"""Months held in memory and committed together: a year of 300 hourly symbols takes 1.7 GiB."""


def known_instruments(lake: Lake, venue: Venue, before: datetime | None = None) -> pl.DataFrame:
    """Read the instruments of a venue that were seen at all, or before a moment."""
    return lake.rows(
        INSTRUMENTS,
        "venue = ? AND first_seen_at < coalesce(?, 'infinity'::TIMESTAMPTZ)",
        [venue.spec.name, before],
    )


async def all_instruments(venue: Venue, known: pl.DataFrame) -> pl.DataFrame:
    """List every instrument known of the venue: listed now, or seen before and delisted."""
    listed = await venue.instruments()
    return pl.concat([listed, known.join(listed, on="venue_symbol", how="anti")])


def listed_in(instruments: pl.DataFrame, window: Window) -> list[str]:
    """List the symbols that may have traded in the window: listed before its end or undated."""
    listed = pl.col("listed_at").is_null() | (pl.col("listed_at") < window.end)
    return instruments.filter(listed)["venue_symbol"].sort().to_list()


def possible_part(window: Window, spec: VenueSpec, table: Table, now: datetime) -> Window:
    """Return the part of the window in which rows of a table can exist.

    Raises
    ------
    FutureWindowError, BeforeHistoryError
        If there is none.
    NotOfferedError
        If the venue has no rows for the table.
    """
    if window.start >= now:
        raise FutureWindowError(
            f"{spec.name}: {window} has not begun", hint="ask for a month up to the running one"
        )
    if table not in spec.offers:
        raise spec.not_offered(table)
    if spec.history_start is None:
        return Window(window.start, min(window.end, now))
    if window.end <= spec.history_start:
        raise BeforeHistoryError(
            f"{spec.name}: {window} ends before its history starts ({spec.history_start:%Y-%m-%d})",
            hint="ask for a later month",
        )
    return Window(max(window.start, spec.history_start), min(window.end, now))


def stretches(window: Window) -> Iterator[Window]:
    """Cut the window at month starts into parts of at most ``MONTHS_AT_ONCE`` months."""
    for part in in_parts([*window.months()], MONTHS_AT_ONCE):
        yield Window(max(part[0].start, window.start), min(part[-1].end, window.end))
