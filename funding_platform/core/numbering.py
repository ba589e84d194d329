"""Instruments by number: the row of each among the instruments sorted by ``INSTRUMENT_KEY``.

Rows of an instrument mostly stand together, so names are looked at once per run of equal ones, and
in pieces, which bounds the memory that comparing them takes.
"""

from collections.abc import Iterator
from typing import Final

import polars as pl

from funding_platform.core.tables.columns import INSTRUMENT_KEY

_ROWS_AT_ONCE: Final = 1 << 20


def distinct_instruments(*frames: pl.DataFrame) -> pl.DataFrame:
    """Return the keys that occur in some frames, each once, in their order."""
    none = frames[0].select(INSTRUMENT_KEY).clear()
    keys = pl.concat([none, *(key for frame in frames for key, _ in _runs(frame))])
    return keys.unique().sort(INSTRUMENT_KEY)


def instrument_numbers(rows: pl.DataFrame, instruments: pl.DataFrame) -> pl.Series:
    """Return the number of each row's instrument, null where it is none of the instruments."""
    numbered = instruments.select(INSTRUMENT_KEY).with_row_index("instrument")
    numbers = [
        key.cast(pl.String)
        .join(numbered, on=INSTRUMENT_KEY, how="left", maintain_order="left")["instrument"]
        .gather(run)
        for key, run in _runs(rows)
    ]
    return pl.concat(numbers, rechunk=True) if numbers else pl.Series(dtype=pl.UInt32)


def _runs(rows: pl.DataFrame) -> Iterator[tuple[pl.DataFrame, pl.Series]]:
    """Yield piece by piece the key of each run of one instrument, and the run of each row."""
    for names in rows.select(INSTRUMENT_KEY).iter_slices(_ROWS_AT_ONCE):
        venue, symbol = (pl.col(name).rle_id() for name in INSTRUMENT_KEY)
        run = names.select((venue + symbol).rle_id().alias("run"))["run"]
        yield names.filter(run != run.shift(fill_value=len(run))), run
