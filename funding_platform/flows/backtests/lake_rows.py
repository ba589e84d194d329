"""Rows of some instruments, read from the lake as they lie there and put in order in memory.

Who is told apart by names of tens of millions of rows is told apart by their hashes: the database
works those out once for each entry of a file's dictionary, where a join compares every row. How
many rows bear a name is counted by the names themselves, so that two names of one hash are noticed.
"""

from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import reduce
from typing import Final, NamedTuple

import duckdb
import numpy as np
import polars as pl

from funding_platform.backtest.data.placing import NOWHERE, PlacedRows
from funding_platform.core.arrays import Ints
from funding_platform.core.tables.columns import INSTRUMENT_KEY
from funding_platform.lake.catalog import literal

_ROWS_AT_ONCE: Final = 1 << 16
_READ_AHEAD: Final = "SET streaming_buffer_size = '16MB'"
"""Of the usual one megabyte, the threads that read fill but a part at a time, and then wait."""

_HASHED: Final = "hash({name}) >> {place}"
"""Shifted, or a venue and a symbol would have the hash of the symbol and the venue."""

_FEW: Final = 100
"""So many names are looked for in the files; of more, all rows are read and some left out."""


class Rows(NamedTuple):
    """Rows of the instruments wanted: of which table, by which time, with which columns.

    ``key`` is what rows go by: the instrument's, and whatever else is chosen by instrument.
    ``order`` is the column that the rows of an instrument follow; ``time`` where that is None.
    """

    table: str
    time: str
    columns: str
    more: str = "true"
    order: str | None = None
    key: tuple[str, ...] = INSTRUMENT_KEY


def rows_of_wanted(
    lake: duckdb.DuckDBPyConnection,
    rows: Rows,
    wanted: pl.DataFrame,
    window: Mapping[str, datetime],
    *more: pl.DataFrame,
    by: Collection[str] = (),
) -> pl.DataFrame:
    """Rows of the instruments wanted, by instrument and time; then ``more``.

    Parameters
    ----------
    wanted
        ``instrument``, ``venue``, ``venue_symbol`` and ``since``, before which nothing is read.
    window
        ``start`` and ``end``, both included.
    by
        The columns of the key by which some were chosen of all: names in them are looked for, if
        they are few. To look for all that there are takes a quarter of the time of reading.
    """
    counted = count_rows(lake, rows, wanted, window, by=by)
    return read_counted(lake, rows, counted, window, *more, by=by)


def count_rows(
    lake: duckdb.DuckDBPyConnection,
    rows: Rows,
    wanted: pl.DataFrame,
    window: Mapping[str, datetime],
    *,
    by: Collection[str] = (),
) -> pl.DataFrame:
    """Count the rows of what is wanted: ``wanted`` with ``key`` and ``rows``, where there is any.

    The parameters are those of ``rows_of_wanted``.
    """
    names = ", ".join(rows.key)
    source = _source(lake, rows, wanted, window, by)
    sql = f"SELECT {names}, count(*) AS rows {source} GROUP BY ALL"
    return wanted.join(lake.execute(sql, window).pl(), on=INSTRUMENT_KEY, maintain_order="left")


def read_counted(
    lake: duckdb.DuckDBPyConnection,
    rows: Rows,
    counted: pl.DataFrame,
    window: Mapping[str, datetime],
    *more: pl.DataFrame,
    by: Collection[str] = (),
) -> pl.DataFrame:
    """Read the rows that were counted, or some of them: rows of ``counted`` may be left out.

    Raises
    ------
    DataError
        If they are other rows by now.
    """
    hashes = (_HASHED.format(name=name, place=place) for place, name in enumerate(rows.key))
    key = reduce("xor({}, {})".format, hashes)
    source = _source(lake, rows, counted, window, by)
    lake.register("counted", counted)
    lake.execute(_READ_AHEAD)
    known = lake.execute(f"SELECT {key} AS key, instrument FROM counted ORDER BY key").fetchnumpy()
    found = lake.execute(f"SELECT {key} AS key, {rows.columns} {source}", window)
    reader = found.to_arrow_reader(_ROWS_AT_ONCE)
    schema = reader.schema.remove(reader.schema.get_field_index("key"))
    with ThreadPoolExecutor() as pool:
        placed = PlacedRows(schema, _counts(counted), pool)
        for batch in reader:
            begins, instruments = _runs(
                batch.column("key").to_numpy(), known["key"], known["instrument"]
            )
            placed.add(batch, begins, instruments)
        frame = placed.frame(rows.order or rows.time)
    if "index_price" in frame.columns and frame["index_price"].null_count() == frame.height:
        frame = frame.drop("index_price")  # mostly every row has its mark
    return pl.concat([frame, *more], how="diagonal", rechunk=True) if more else frame


def _source(
    lake: duckdb.DuckDBPyConnection,
    rows: Rows,
    wanted: pl.DataFrame,
    window: Mapping[str, datetime],
    by: Collection[str],
) -> str:
    """Write FROM and WHERE: of what is chosen, as far as it is few, in the window, since it began.

    No instrument is looked up where none began within the window.
    """
    conditions = [f"{rows.time} BETWEEN $start AND $end", rows.more]
    for name in by:
        if (names := wanted[name].unique()).len() <= _FEW:
            listed = ", ".join(map(literal, names.sort())) or "NULL"
            conditions.append(f"{name} IN ({listed})")
    begun = wanted.filter(pl.col("since") > window["start"])
    source = rows.table
    if begun.height:
        lake.register("begun", begun.select(*INSTRUMENT_KEY, "since").unique())
        source += " LEFT JOIN begun USING (venue, venue_symbol)"
        conditions.append(f"coalesce({rows.time} >= since, true)")
    return f"FROM {source} WHERE {' AND '.join(conditions)}"


def _counts(counted: pl.DataFrame) -> Ints:
    """Count the rows of each instrument, by its number."""
    owner = counted["instrument"].to_numpy()
    counts = np.zeros(int(owner.max()) + 1 if len(owner) else 0, dtype=np.int64)
    counts[owner] = counted["rows"].to_numpy()
    return counts


def _runs(keys: Ints, known: Ints, instruments: Ints) -> tuple[Ints, Ints]:
    """Find where runs of one key begin, with the end of the last; and the instrument of each."""
    begins = np.append(np.flatnonzero(np.diff(keys, prepend=~keys[:1])), len(keys))
    of_runs = keys[begins[:-1]]
    if not len(known):
        return begins, np.full(len(of_runs), NOWHERE)
    place = np.minimum(np.searchsorted(known, of_runs), len(known) - 1)
    return begins, np.where(known[place] == of_runs, instruments[place].astype(np.int64), NOWHERE)
