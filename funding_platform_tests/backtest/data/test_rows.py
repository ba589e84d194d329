"""Rows in the order of instrument and time, however they come."""

from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest

from funding_platform.backtest.data.rows import order_of, ordered, repeats
from funding_platform.core.tables.schema import UTC_TIME

SOME_TIME = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp() * 1e6)


def drawn(seed: int, runs: int) -> pl.DataFrame:
    """Rows in runs that are in order, of few instruments at few times: many are equal."""
    random = np.random.default_rng(seed)
    parts = []
    for _ in range(runs):
        times = random.integers(0, 12, random.integers(1, 9))
        owner = np.full(len(times), random.integers(0, 5))
        parts.append(np.stack([owner, np.sort(times) if random.random() < 0.7 else times]))
    owner, times = np.concatenate(parts, axis=1)
    return pl.DataFrame(
        {"instrument": owner.astype(np.uint32), "time": SOME_TIME + times}
    ).with_columns(pl.col("time").cast(UTC_TIME), row=pl.int_range(pl.len()))


@pytest.mark.parametrize("seed", range(30))
def test_runs_are_laid_end_to_end_as_a_stable_sort_would(seed: int) -> None:
    frame = drawn(seed, runs=1 + seed)
    by_sort = frame.sort("instrument", "time", maintain_order=True)
    assert ordered(frame, "time").equals(by_sort)
    assert order_of(by_sort["instrument"], by_sort["time"]) is None
    again = by_sort.select(
        (pl.struct("instrument", "time") == pl.struct("instrument", "time").shift(1)).fill_null(
            value=False
        )
    )
    assert repeats(by_sort, "time").to_list() == again.to_series().to_list()


def test_no_rows_are_in_order() -> None:
    none = drawn(0, runs=1).clear()
    assert order_of(none["instrument"], none["time"]) is None
    assert ordered(none, "time").is_empty()
    assert repeats(none, "time").is_empty()
