"""The rows of some instruments, compared with each other and with what the lake holds of them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import polars as pl

from funding_platform.core.intervals import CONTEXT, infer_intervals
from funding_platform.core.tables.collected import FUNDING_RATES
from funding_platform.core.tables.columns import INSTRUMENT_KEY
from funding_platform.core.tables.schema import UTC_TIME
from funding_platform.flows.errors import DumpError
from funding_platform.flows.importing.fields.folds import with_folds_resolved
from funding_platform.flows.importing.settlements import Known, require_settlements
from funding_platform.flows.importing.slots import SAME_SETTLEMENT, begins_slot, with_slots
from funding_platform.lake.writer import Lake

SAME_RATE: Final = 1.01e-8
"""Venues' exports print eight decimals, their APIs more; the hundredth is for the float."""

DIFFERS: Final = (pl.col("funding_rate") - pl.col("stored_rate")).abs() > SAME_RATE
"""Whether a row contradicts what is known of its settlement."""

_STORED = """
SELECT venue, venue_symbol, funding_time, funding_rate, interval_hours, interval_inferred
FROM core.funding_rates
WHERE venue IN (SELECT unnest(?)) AND venue_symbol IN (SELECT unnest(?))
  AND funding_time >= ? AND funding_time <= ?
ORDER BY funding_time
"""

_FINEST = """
SELECT venue, venue_symbol, min(interval_hours) AS finest_hours
FROM (
    SELECT venue, venue_symbol, interval_hours FROM core.instruments
    UNION ALL
    SELECT venue, venue_symbol, interval_hours FROM core.funding_rates WHERE NOT interval_inferred
)
WHERE venue IN (SELECT unnest(?)) AND venue_symbol IN (SELECT unnest(?))
  AND interval_hours IS NOT NULL
GROUP BY venue, venue_symbol
"""


def known_of(lake: Lake, incoming: pl.DataFrame) -> Known:
    """Read what the lake holds of the same instruments, neighbours included."""
    names: list[object] = [incoming[name].unique().to_list() for name in INSTRUMENT_KEY]
    first, last = incoming["venue_time"].min(), incoming["venue_time"].max()
    assert isinstance(first, datetime)
    assert isinstance(last, datetime)
    stored = lake.read(_STORED, [*names, first - CONTEXT, last + CONTEXT])
    finest = lake.read(_FINEST, names)
    return Known(
        finest.cast({"venue": pl.String, "venue_symbol": pl.String, "finest_hours": pl.Float64}),
        stored.cast({"funding_time": UTC_TIME}),
    )


def settled(group: pl.DataFrame, files: Sequence[str], known: Known) -> pl.DataFrame:
    """Return rows of a few instruments, sorted, each with the settlement that it is of.

    Parameters
    ----------
    files
        Names by the number in ``file``.

    Raises
    ------
    DumpError
        If a local time may be two, and nothing tells which.
    SamplesError
        If they are samples.
    """
    rows, undecided = with_folds_resolved(group)
    if undecided.len():
        row = rows.row(int(undecided[0]), named=True)
        raise DumpError(
            files[row["file"]],
            f"{row['venue']} {row['venue_symbol']}: the local time comes twice, as the clocks "
            "were put back, and the rows around it do not tell which one it is",
            line=row["line"],
            hint="say which: --map fold=first or --map fold=second",
        )
    slotted = with_slots(rows)
    require_settlements(slotted, files, known)
    to_second = pl.col("venue_time").dt.round("1s").cast(UTC_TIME).alias("funding_time")
    return slotted.with_columns(to_second)


def each_once(incoming: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Keep each settlement once, though told several times; return also rows that disagree.

    Parameters
    ----------
    incoming
        What ``settled`` gives.
    """
    begins = incoming.select(begins_slot()).to_series()
    first = {"stored_rate": "funding_rate", "other_file": "file", "other_line": "line"}
    told_first = [
        pl.when(begins).then(pl.col(name)).forward_fill().alias(as_name)
        for as_name, name in first.items()
    ]
    return incoming.filter(begins), incoming.with_columns(told_first).filter(~begins, DIFFERS)


def repeated(incoming: pl.DataFrame) -> pl.DataFrame:
    """Find rows that repeat a settlement of their own file: ``file``, ``rows``, ``line``."""
    begins = incoming.select(begins_slot()).to_series()
    several = incoming.filter(~begins | ~begins.shift(-1, fill_value=True))
    again = several.filter(pl.int_range(pl.len()).over(*INSTRUMENT_KEY, "slot", "file") > 0)
    return again.group_by("file").agg(pl.len().alias("rows"), pl.col("line").first())


def beside(distinct: pl.DataFrame, stored: pl.DataFrame) -> pl.DataFrame:
    """Put settlements beside what the lake holds of them: ``stored_rate``, null if nothing."""
    key = [*INSTRUMENT_KEY, "funding_time"]
    return distinct.sort("funding_time").join_asof(
        stored.select(
            *key,
            pl.col("funding_rate").alias("stored_rate"),
            pl.lit("the lake").alias("other"),
        ),
        on="funding_time",
        by=INSTRUMENT_KEY,
        strategy="nearest",
        tolerance=SAME_SETTLEMENT,
        check_sortedness=False,  # both sides are sorted above
    )


def as_declared(new: pl.DataFrame, stored: pl.DataFrame, now: datetime) -> pl.DataFrame:
    """Make rows of ``core.funding_rates``; infer blank intervals with the stored neighbours."""
    marked = [
        new.with_columns(pl.lit(value=True).alias("new")),
        stored.drop("interval_inferred").with_columns(pl.lit(value=False).alias("new")),
    ]
    inferred = infer_intervals(pl.concat(marked, how="diagonal")).filter("new")
    observed = pl.lit(now, dtype=UTC_TIME).alias("observed_at")
    return FUNDING_RATES.conform(inferred.with_columns(observed))
