"""Hours that a venue lacks: asked for once more, kept where the lake has them, and named.

The same rule as for settlements (see ``gap_filling``): where several markets lack the same hours,
two witnesses are asked for them, and the others only where one of these has them now.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import polars as pl

from funding_platform.core.completeness import OUTAGE_SYMBOLS, SCHEMA, outage_hours
from funding_platform.core.errors import FundingError
from funding_platform.core.tables.schema import Table
from funding_platform.core.time_grid import Window
from funding_platform.flows.collection.history.gap_filling import (
    SPANS_IN_FLIGHT,
    WITNESSES,
    spans_of,
)
from funding_platform.lake.writer import Lake
from funding_platform.venues.parsing.hourly import HourlyHistory
from funding_platform.venues.rest.concurrency import for_each

Read = Callable[[Sequence[str], Window], Awaitable[HourlyHistory]]
"""Reads the hours of some symbols in a window."""


@dataclass(frozen=True, slots=True)
class CompletedHours:
    """Hours after their gaps were asked for again; fields as of ``gap_filling.Completed``."""

    history: HourlyHistory
    missing: pl.DataFrame
    outages: list[datetime]
    recovered: int
    trouble: tuple[FundingError, ...] = ()


async def completed_hours(
    read: Read, history: HourlyHistory, table: Table, window: Window
) -> CompletedHours:
    """Ask once more for the hours of the window that are due and missing.

    A second reading that fails costs nothing of the first: it is told in ``trouble``.
    """
    again: list[pl.DataFrame] = []
    trouble: list[FundingError] = []
    spans = spans_of(history.missing, window) if history.missing.height else []

    async def fill(span: tuple[Window, list[str]]) -> None:
        part, symbols = span
        of_all = len(symbols) >= OUTAGE_SYMBOLS
        for some in (symbols[:WITNESSES], symbols[WITNESSES:]) if of_all else (symbols,):
            found = await read(some, part)
            again.append(found.frame)
            trouble.extend(found.failures.values())
            if found.frame.is_empty():
                return

    try:
        await for_each(spans, fill, in_flight=SPANS_IN_FLIGHT)
    except FundingError as error:
        trouble.append(error)
    known = history.frame.height
    frame = pl.concat([history.frame, *again]).unique(table.key, keep="first", maintain_order=True)
    return _without_outages(replace(history, frame=frame), table, frame.height - known, trouble)


def _without_outages(
    history: HourlyHistory, table: Table, recovered: int, trouble: Sequence[FundingError]
) -> CompletedHours:
    """Part what stays missing from the hours that the whole venue lacks."""
    missing = absent(history.missing, history.frame, table)
    seen = history.frame.select(pl.col(table.key[-1]).alias("funding_time"))
    outages = outage_hours(missing, seen)
    outside = missing.filter(~pl.col("missing_time").is_in(outages))
    return CompletedHours(history, outside, outages, recovered, tuple(trouble))


def absent(missing: pl.DataFrame, rows: pl.DataFrame, table: Table) -> pl.DataFrame:
    """Keep the missing hours of which there is no row."""
    if missing.is_empty():
        return SCHEMA.to_frame()
    there = rows.select("venue_symbol", pl.col(table.key[-1]).alias("missing_time"))
    return missing.join(there, on=there.columns, how="anti", maintain_order="left")


def with_held(
    lake: Lake, table: Table, whole: CompletedHours, window: Window, **equal: str
) -> CompletedHours:
    """Add the hours that the lake holds and the venue did not give to those that it gave.

    An import has brought them, or the venue had them when it was asked before: replacing the
    window must not drop them.

    Parameters
    ----------
    equal
        What all rows have in common, such as the venue and the kind.
    """
    frame, time = whole.history.frame, table.key[-1]
    symbols = frame["venue_symbol"].unique().to_list()
    if not symbols:
        return whole
    conditions = " AND ".join(f"{name} = ?" for name in equal)
    held = lake.rows(
        table,
        f"{conditions} AND list_contains(?, venue_symbol) AND {time} >= ? AND {time} < ?",
        [*equal.values(), symbols, window.start, window.end],
    ).join(frame, on=table.key, how="anti")
    if held.is_empty():
        return whole
    history = replace(whole.history, frame=pl.concat([frame, held]))
    return replace(whole, history=history, missing=absent(whole.missing, history.frame, table))
