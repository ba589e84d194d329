"""Rows that come in pieces are where a stable sort of all of them would put them."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from funding_platform.backtest.data.placing import NOWHERE, PlacedRows
from funding_platform.backtest.errors import DataError
from funding_platform.core.arrays import Ints
from funding_platform.core.tables.schema import UTC_TIME

SOME_TIME = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp() * 1e6)
INSTRUMENTS = 5
LEFT_OUT = INSTRUMENTS


def drawn(seed: int) -> pl.DataFrame:
    """Rows of few instruments at few times, of one of which nothing is wanted; some values null."""
    random = np.random.default_rng(seed)
    count = int(random.integers(1, 200))
    owner = np.sort(random.integers(0, INSTRUMENTS + 1, count))
    if seed % 2:
        random.shuffle(owner)
    frame = pl.DataFrame(
        {
            "instrument": owner,
            "time": SOME_TIME + np.sort(random.integers(0, 12, count)),
            "row": np.arange(count),
            "value": random.normal(0, 1, count),
            "small": random.integers(0, 100, count).astype(np.int8),
            "none": pl.Series([None] * count, dtype=pl.Float64),
        }
    ).with_columns(pl.col("time").cast(UTC_TIME))
    there = pl.Series(random.random(count) < 0.8)
    return frame.with_columns(pl.when(there).then("value").alias("value"))


def placed(frame: pl.DataFrame, counts: Ints, at_once: int) -> pl.DataFrame:
    """The same rows, handed over in pieces of so many."""
    columns = frame.drop("instrument").to_arrow()
    with ThreadPoolExecutor(2) as pool:
        rows = PlacedRows(columns.schema, counts, pool)
        for begin in range(0, frame.height, at_once):
            owner = frame["instrument"][begin : begin + at_once].to_numpy()
            begins = np.append(np.flatnonzero(np.diff(owner, prepend=-1)), len(owner))
            of_runs = owner[begins[:-1]]
            batch = columns.slice(begin, at_once).combine_chunks().to_batches()[0]
            rows.add(batch, begins, np.where(of_runs == LEFT_OUT, NOWHERE, of_runs))
        return rows.frame("time")


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("at_once", [1, 7, 1_000])
def test_rows_in_pieces_are_placed_as_a_stable_sort_would(seed: int, at_once: int) -> None:
    frame = drawn(seed)
    wanted = frame.filter(pl.col("instrument") != LEFT_OUT)
    counts = np.bincount(wanted["instrument"], minlength=INSTRUMENTS)
    by_sort = wanted.sort("instrument", "time", maintain_order=True).cast({"instrument": pl.UInt32})
    assert placed(frame, counts, at_once).equals(by_sort)


@pytest.mark.parametrize("off_by", [-1, 1])
def test_other_rows_than_were_counted_are_refused(off_by: int) -> None:
    frame = drawn(0).filter(pl.col("instrument") != LEFT_OUT)
    counts = np.bincount(frame["instrument"], minlength=INSTRUMENTS)
    counts[-1] += off_by
    with pytest.raises(DataError, match="not those that had been counted"):
        placed(frame, counts, at_once=50)


def test_nothing_is_placed_of_nothing() -> None:
    schema = pa.schema([("time", pa.timestamp("us", "UTC")), ("value", pa.float64())])
    with ThreadPoolExecutor(2) as pool:
        none = PlacedRows(schema, np.zeros(0, dtype=np.int64), pool).frame("time")
    assert none.is_empty()
    assert none.schema == {"instrument": pl.UInt32, "time": UTC_TIME, "value": pl.Float64}
