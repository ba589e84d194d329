"""Hourly candles: imported from files, and read by a whole backtest.

The peer of the import is plain DuckDB that reads the same Parquet, puts it in the lake's order and
writes it as Parquet by venue; that of the backtest, plain DuckDB that sums the same columns of the
same rows up by instrument. ``python -m funding_platform_tests.benchmarks.bench_candles`` prints the
rows that ``run`` returns; ``--whole`` takes three years of bars in place of one.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl

from funding_platform.core.tables.collected import FUNDING_RATES
from funding_platform.core.tables.prices import PRICE_CANDLES
from funding_platform.core.time_grid import HOUR
from funding_platform.flows.importing.importer import import_files
from funding_platform.settings import Settings
from funding_platform_tests.benchmarks.bench_backtest_runs import (
    BASES,
    HOURS,
    START,
    VENUES,
    alone,
    fill_lake,
    whole_run,
)
from funding_platform_tests.benchmarks.measurement import Measurement, seconds
from funding_platform_tests.benchmarks.plain import bare_files, plain_duckdb

YEAR = 365 * 24
TOLD = {
    "table": PRICE_CANDLES.name,
    "time": "time",
    "venue_column": "venue",
    "symbol_column": "symbol",
    "kind_column": "kind",
}

_IN_ORDER = """
COPY (
    SELECT venue, symbol, kind, time, open, high, low, close
    FROM read_parquet('{files}/*.parquet') ORDER BY venue, symbol, time
) TO '{folder}' (FORMAT parquet, PARTITION_BY (venue))
"""
_SETTLED = (
    "SELECT venue, venue_symbol, sum(funding_rate), avg(interval_hours), max(funding_time) "
    "FROM {files} GROUP BY ALL"
)
_PRICED = (
    "SELECT venue, venue_symbol, kind, avg(close), min(low), max(high), max(open_time) "
    "FROM {files} GROUP BY ALL"
)


def run(quick: bool = False) -> list[Measurement]:
    """An import of a year's marks of every contract, then a run that is priced by them."""
    return run_over(HOURS // 50 if quick else YEAR)


def run_over(hours: int) -> list[Measurement]:
    """The same of so many hours."""
    with TemporaryDirectory() as folder:
        settled = alone(fill_lake, folder, hours, False)
        bars = alone(write_files, f"{folder}/files", hours)
        imported = alone(import_seconds, folder)
        copied = alone(copy_seconds, folder)
        alone(whole_run, folder, 10 * 24)  # compiles
        took, peak = alone(whole_run, folder, hours)
        scanned = alone(scan_seconds, folder)
    name = f"{bars / 1e6:.3g} M bars"
    run_name = f"run over {settled / 1e6:.3g} M settlements priced by {name}"
    return [
        Measurement(
            f"import of {name} from Parquet (peer: plain DuckDB sorts and writes them)",
            bars / imported,
            "candles/s",
            bars / copied,
            least_ratio=0.2,
        ),
        Measurement(f"{run_name}: lake to stored result", took, "s", scanned, least_ratio=1 / 8),
        Measurement(f"{run_name}: peak memory", peak, "GiB", target=4),
    ]


def write_files(folder: str, hours: int) -> int:
    """Write a Parquet file of marks for each venue, as people have them; how many bars."""
    Path(folder).mkdir()
    random = np.random.default_rng(1)
    walks = 100 * np.exp(np.cumsum(random.normal(0, 0.005, (BASES, hours)), axis=1))
    times = pl.datetime_range(START - HOUR, START + (hours - 2) * HOUR, HOUR, eager=True)
    symbols = pl.DataFrame({"symbol": [f"B{base:03}USDT" for base in range(BASES)]})
    for number in range(VENUES):
        close = (walks * (1 + random.normal(0, 1e-4, walks.shape))).ravel()
        open_ = np.roll(close, 1)
        width = 1 + np.abs(random.normal(0, 1e-3, close.size))
        symbols.join(times.alias("time").to_frame(), how="cross").with_columns(
            pl.lit(f"venue{number:02}").alias("venue"),
            pl.lit("mark").alias("kind"),
            pl.Series("open", open_),
            pl.Series("high", np.maximum(open_, close) * width),
            pl.Series("low", np.minimum(open_, close) / width),
            pl.Series("close", close),
        ).write_parquet(f"{folder}/venue{number:02}.parquet")
    return VENUES * BASES * hours


def import_seconds(folder: str) -> float:
    """Seconds from the files to the committed lake."""
    settings = Settings(data_dir=Path(folder))
    return seconds(lambda: import_files([f"{folder}/files"], settings, "benchmark", told=TOLD))


def copy_seconds(folder: str) -> float:
    """Seconds of plain DuckDB to sort the same rows and write them as Parquet by venue."""
    sql = _IN_ORDER.format(files=f"{folder}/files", folder=f"{folder}/copy")
    with plain_duckdb(Settings(data_dir=Path(folder))) as plain:
        return seconds(lambda: plain.execute(sql))


def scan_seconds(folder: str) -> float:
    """Seconds of plain DuckDB to sum what the run reads up by instrument; the best of three."""
    settings = Settings(data_dir=Path(folder))
    queries = [
        sql.format(files=bare_files(settings, table))
        for sql, table in ((_SETTLED, FUNDING_RATES), (_PRICED, PRICE_CANDLES))
    ]
    with plain_duckdb(settings) as plain:
        return min(seconds(lambda: [plain.execute(sql).pl() for sql in queries]) for _ in range(3))


if __name__ == "__main__":
    for line in run_over(HOURS) if "--whole" in sys.argv else run("--quick" in sys.argv):
        print(line, line.ratio)
