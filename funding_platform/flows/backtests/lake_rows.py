"""Rows of some instruments, read from the lake a venue at a time."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import duckdb
import polars as pl


class Rows(NamedTuple):
    """Rows of the instruments wanted: of which table, by which time, with which columns.

    ``wanted`` is a name that the connection knows: ``instrument``, ``venue``, ``venue_symbol``,
    ``since``, and whatever else ``more`` speaks of.
    """

    table: str
    time: str
    columns: str
    more: str = "true"
    order: str = ""
    wanted: str = "wanted"


def rows_by_venue(
    lake: duckdb.DuckDBPyConnection,
    rows: Rows,
    window: Mapping[str, datetime],
    *more: pl.DataFrame,
) -> pl.DataFrame:
    """Rows of the instruments wanted, read and put in order one venue at a time; then ``more``.

    What the order costs in memory is then a venue's, the largest of which comes while there is
    most room, and the venues' parts go column by column as the whole is made of them: there is
    never a second copy of tens of millions of rows.
    """
    wanted = (
        f"FROM {rows.table} JOIN {rows.wanted} USING (venue, venue_symbol) "
        f"WHERE {rows.time} BETWEEN $start AND $end AND {rows.more} "
        f"AND coalesce({rows.time} >= since, true)"
    )
    ordered = (
        f"SELECT instrument, {rows.columns} {wanted} AND venue = $venue "
        f"ORDER BY instrument, {rows.time}{rows.order}"
    )
    sizes = f"SELECT venue {wanted} GROUP BY venue ORDER BY count(*) DESC, venue"
    venues = [venue for (venue,) in lake.execute(sizes, window).fetchall()]
    parts = {}
    for venue in venues or [""]:  # no venue's rows still tell the columns
        part = lake.execute(ordered, {**window, "venue": venue}).pl()
        if "index_price" in part.columns and part["index_price"].null_count() == part.height:
            part = part.drop("index_price")
        parts[venue] = part
    return _stacked([*(parts[venue] for venue in sorted(parts)), *more])


def _stacked(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Stack the parts, emptied on the way; null where a part lacks a column."""
    heights = [part.height for part in parts]
    names = dict.fromkeys(name for part in parts for name in part.columns)
    columns = []
    for name in names:
        pieces = [
            part.drop_in_place(name)
            if name in part.columns
            else pl.repeat(None, height, dtype=pl.Float64, eager=True).alias(name)
            for part, height in zip(parts, heights, strict=True)
        ]
        columns.append(pl.concat(pieces, rechunk=True))
    return pl.DataFrame(columns)
