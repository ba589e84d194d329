"""What a row of each large table takes on the disk, once maintenance has merged its files.

Deployment and scale are reckoned with these figures. The rows are made up, and as hard to press as
real ones: prices and rates walk and have six digits, as venues send them; what is computed has all
the digits of a double; nothing that may be absent is.
"""

import tempfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import duckdb
import numpy as np
import polars as pl

from funding_platform.core.tables.books.depth import ORDER_BOOK_DEPTH
from funding_platform.core.tables.collected import FUNDING_RATES, MARKET_SNAPSHOTS
from funding_platform.core.tables.features.curves import CURVE_FACTORS, CURVE_SNAPSHOTS
from funding_platform.core.tables.features.pca import PCA_SCORES
from funding_platform.core.tables.features.store import FEATURE_STORE
from funding_platform.core.tables.live import LIVE_RATES
from funding_platform.core.tables.marts.opportunity_history import OPPORTUNITY_HISTORY
from funding_platform.core.tables.prices import OPEN_INTEREST, PRICE_CANDLES
from funding_platform.core.tables.schema import Column, Table, Type
from funding_platform.core.time_grid import HOUR
from funding_platform.lake.connection import ROW_GROUP_ROWS
from funding_platform_tests.benchmarks.measurement import Measurement

BEGIN: Final = datetime(2026, 3, 1, tzinfo=UTC)
DIGITS: Final = 6

STEPS: Final[Mapping[Table, timedelta]] = {
    FUNDING_RATES: 4 * HOUR,
    MARKET_SNAPSHOTS: HOUR,
    LIVE_RATES: timedelta(minutes=1),
    PRICE_CANDLES: HOUR,
    OPEN_INTEREST: HOUR,
    ORDER_BOOK_DEPTH: HOUR,
    CURVE_SNAPSHOTS: 8 * HOUR,
    CURVE_FACTORS: 8 * HOUR,
    PCA_SCORES: 8 * HOUR,
    FEATURE_STORE: 8 * HOUR,
    OPPORTUNITY_HISTORY: HOUR,
}
"""Tables by the time between two rows of one instrument."""

_AS_THE_LAKE: Final = f"(FORMAT parquet, ROW_GROUP_SIZE {ROW_GROUP_ROWS})"
"""DuckLake leaves the rest as DuckDB has it."""

INSTRUMENTS: Final = 300


def run(quick: bool = False) -> list[Measurement]:
    """Measure a month's file of 300 instruments, or of what fills 200,000 rows."""
    rows = 10_000 if quick else 200_000
    return [
        Measurement(f"{table.full_name}: a row", _bytes_a_row(table, step, rows), "bytes")
        for table, step in STEPS.items()
    ]


def _bytes_a_row(table: Table, step: timedelta, rows: int) -> float:
    """Write a table's rows as the lake's files are, and look at the file."""
    frame = _frame(table, step, rows)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.parquet"
        with duckdb.connect() as connection:
            connection.execute("SET enable_progress_bar = false")
            connection.register("rows", frame)
            order = ", ".join(table.sort_by or table.key)
            connection.execute(f"COPY (FROM rows ORDER BY {order}) TO '{file}' {_AS_THE_LAKE}")
        return file.stat().st_size / frame.height


def _frame(table: Table, step: timedelta, rows: int) -> pl.DataFrame:
    """Lay out instruments of one venue, each at as many times, and fill in every column."""
    grid = _Grid(INSTRUMENTS, max(1, rows // INSTRUMENTS), step, np.random.default_rng(11))
    made = {
        column.name: grid.values(column, measured=table.schema == "core")
        for column in table.columns
    }
    return pl.DataFrame(made, schema=table.polars_schema)


class _Grid:
    """Values for all instruments at all times, one instrument after another."""

    def __init__(
        self, instruments: int, times: int, step: timedelta, random: np.random.Generator
    ) -> None:
        self.shape = (instruments, times)
        self.step, self.random = step, random

    def values(self, column: Column, *, measured: bool) -> pl.Series:
        """Make up a column; what venues measured has few digits."""
        by_type: Mapping[Type, Callable[[], Any]] = {
            Type.TEXT: lambda: self._texts(column),
            Type.TIME: lambda: self._times(column),
            Type.REAL: lambda: self._walk(measured),
            Type.INTEGER: lambda: self.random.integers(0, 8, self.shape),
            Type.FLAG: lambda: self.random.random(self.shape) < 0.01,
            Type.TEXTS: lambda: [["thin book"] if n % 3 else [] for n in range(self._size)],
        }
        made = by_type[column.type]()
        flat = made.ravel() if isinstance(made, np.ndarray) else made
        return pl.Series(column.name, flat).cast(column.type.polars)

    @property
    def _size(self) -> int:
        return self.shape[0] * self.shape[1]

    def _texts(self, column: Column) -> list[str]:
        """Symbols by instrument, models by instrument and day, else one of the few values."""
        instruments, times = self.shape
        if "symbol" in column.name or column.name == "base":
            return [f"COIN{n}-USDT-SWAP" for n in range(instruments) for _ in range(times)]
        if column.name.endswith("model_id"):
            return [f"{n:08x}{t // 3:08x}" for n in range(instruments) for t in range(times)]
        few = column.values or ("binance",)
        return [few[n % len(few)] for n in range(self._size)]

    def _times(self, column: Column) -> np.ndarray[Any, Any]:
        """Instants of the grid; of looks at the market, some seconds after them, alike for all."""
        instruments, times = self.shape
        microseconds = np.arange(times, dtype=np.int64) * (self.step // timedelta(microseconds=1))
        if column.name not in ("funding_time", "as_of", "hour", "minute_time", "open_time", "time"):
            microseconds = microseconds + self.random.integers(1, 9_000_000, times)
        begin = int(BEGIN.timestamp() * 1e6)
        return np.tile(microseconds + begin, (instruments, 1))

    def _walk(self, measured: bool) -> np.ndarray[Any, Any]:
        """A walk of each instrument around a size of its own."""
        sizes = 10.0 ** self.random.uniform(-4, 4, (self.shape[0], 1))
        walked = sizes * np.exp(np.cumsum(self.random.normal(0, 0.003, self.shape), axis=1))
        if not measured:
            return walked
        units = 10.0 ** (np.floor(np.log10(walked)) - DIGITS + 1)
        return np.round(walked / units) * units
