"""Whole backtests: three years of every venue from lake to stored result, and a sweep.

The peer of a whole run is plain DuckDB that only sums the same settlements up by instrument.
Each is measured in a process of its own that finds the machine code cached on disk, as every
process but the very first does. ``python -m funding_platform_tests.benchmarks.bench_backtest_runs``
prints the rows that ``run`` returns.
"""

import resource
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import numpy as np
import polars as pl

from funding_platform.backtest.config import BacktestConfig
from funding_platform.backtest.search.parameters import SweepPlan
from funding_platform.core.tables.collected import FUNDING_RATES, INSTRUMENTS
from funding_platform.core.tables.fees import FEE_SCHEDULES
from funding_platform.core.time_grid import HOUR
from funding_platform.flows.backtests.runs import run_and_store
from funding_platform.flows.backtests.sweeps import sweep_and_store
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings
from funding_platform_tests.benchmarks.measurement import Measurement, seconds
from funding_platform_tests.benchmarks.plain import bare_files, plain_duckdb

START = datetime(2022, 1, 1, tzinfo=UTC)
HOURS = 3 * 365 * 24
VENUES, BASES = 14, 300
INTERVALS = (8, 8, 8, 1, 4)
"""Hours between settlements, one venue after another."""

MEMORY_HOURS = 200
"""How long funding remembers: what makes it worth holding on."""

SWEEP_HOURS = 60 * 24
PLAN = SweepPlan(
    axes={
        "strategy.horizon_hours": tuple(24.0 * days for days in range(1, 11)),
        "strategy.entry_threshold": tuple(1e-4 * step for step in range(1, 11)),
    }
)
QUICK_PLAN = SweepPlan(axes=PLAN.axes, method="random", samples=8)


def run(quick: bool = False) -> list[Measurement]:
    """A run over everything, then a hundred configurations on one process and on two."""
    hours, plan = (HOURS // 50, QUICK_PLAN) if quick else (HOURS, PLAN)
    with TemporaryDirectory() as folder:
        rows = alone(fill_lake, folder, hours)
        alone(whole_run, folder, 10 * 24)  # compiles
        took, peak = alone(whole_run, folder, hours)
        scanned = alone(scan_seconds, folder)
        window = min(hours, SWEEP_HOURS)
        one, two = (alone(sweep_seconds, folder, window, plan, workers) for workers in (1, 2))
    name = f"{VENUES} venues x {BASES} symbols, {hours / 8760:.2g} years ({rows / 1e6:.3g} M rows)"
    return [
        Measurement(f"{name}: lake to stored result", took, "s", scanned, least_ratio=0.027),
        Measurement(f"{name}: peak memory", peak, "GiB", target=4),
        Measurement(
            f"{len(plan.points())} configurations on two processes (peer: on one)",
            two,
            "s",
            one,
            least_ratio=1.6,
        ),
    ]


def fill_lake(folder: str, hours: int, marked: bool = True) -> int:
    """A lake with the history of all venues; how many settlements it has.

    Unless they are ``marked`` it has no price of theirs.
    """
    random = np.random.default_rng(0)
    walks = 100 * np.exp(np.cumsum(random.normal(0, 0.005, (BASES, hours)), axis=1))
    rows = 0
    with Lake(Settings(data_dir=Path(folder))) as lake:
        lake.connection.execute(FEE_SCHEDULES.ddl())  # dbt's seed makes it otherwise
        for number in range(VENUES):
            with lake.commit("benchmark", f"venue {number}") as transaction:
                history = venue_history(number, walks, random)
                if not marked:
                    history = history.with_columns(mark_price=pl.lit(None, dtype=pl.Float64))
                rows += transaction.append(FUNDING_RATES, history)
                for table, frame in facts_of(history).items():
                    transaction.append(table, frame)
    return rows


def venue_history(
    number: int, walks: np.ndarray[Any, np.dtype[np.float64]], random: np.random.Generator
) -> pl.DataFrame:
    """A venue's rows of ``core.funding_rates``: persistent funding around one basis point."""
    interval = INTERVALS[number % len(INTERVALS)]
    marks = walks[:, ::interval]
    count: int = marks.shape[1]
    weights = np.exp(-np.arange(0, 2 * MEMORY_HOURS, interval) / MEMORY_HOURS)
    weights /= np.sqrt((weights**2).sum())
    times = pl.datetime_range(
        START, START + (count - 1) * interval * HOUR, timedelta(hours=interval), eager=True
    )
    parts = [
        pl.DataFrame(
            {
                "venue_symbol": pl.repeat(f"B{base:03}USDT", count, eager=True),
                "funding_time": times,
                "funding_rate": 1e-4 * interval / 8
                * (1 + np.convolve(random.normal(0, 1, count), weights, mode="same")),
                "mark_price": mark * (1 + random.normal(0, 1e-4, count)),
            }
        )
        for base, mark in enumerate(marks)
    ]  # fmt: skip
    return FUNDING_RATES.conform(
        pl.concat(parts).with_columns(
            venue=pl.lit(f"venue{number:02}"),
            interval_hours=pl.lit(float(interval)),
            interval_inferred=pl.lit(False),
            venue_time="funding_time",
            observed_at="funding_time",
        )
    )


def facts_of(history: pl.DataFrame) -> dict[Any, pl.DataFrame]:
    """Rows of ``core.instruments`` and ``core.fee_schedules`` for a venue's history."""
    keys = history.select("venue", "venue_symbol").unique(maintain_order=True)
    instruments = keys.with_columns(
        base=pl.col("venue_symbol").str.head(4),
        quote=pl.lit("USDT"),
        multiplier=1.0,
        contract_type=pl.lit("linear"),
        status=pl.lit("trading"),
        min_size=1e-3,
        first_seen_at=pl.lit(START),
        last_seen_at=pl.lit(START),
    )
    fees = keys.select("venue").unique().with_columns(
        tier=pl.lit("base"),
        effective_from=pl.lit(START) - HOUR,
        maker_bps=2.0,
        taker_bps=5.0,
        source=pl.lit("benchmark"),
    )  # fmt: skip
    return {
        table: table.conform(frame).cast(table.polars_schema)
        for table, frame in ((INSTRUMENTS, instruments), (FEE_SCHEDULES, fees))
    }


def configuration(hours: int) -> BacktestConfig:
    """Two hundred positions at once, decided on every hour."""
    return BacktestConfig(start=START, end=START + hours * HOUR, capital_usd=1e7, max_positions=200)


def whole_run(folder: str, hours: int) -> tuple[float, float]:
    """Seconds from the lake to the stored result, and the peak of the process's memory in GiB."""
    begin = perf_counter()
    stored = run_and_store(Settings(data_dir=Path(folder)), configuration(hours))
    took = perf_counter() - begin
    assert stored.result is not None
    assert stored.result.ledger.height > hours
    unit = 1 if sys.platform == "darwin" else 1024
    return took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30


def scan_seconds(folder: str) -> float:
    """Seconds of plain DuckDB to sum all settlements up by instrument; the best of three."""
    settings = Settings(data_dir=Path(folder))
    sql = (
        "SELECT venue, venue_symbol, sum(funding_rate), avg(interval_hours), avg(mark_price), "
        f"max(funding_time) FROM {bare_files(settings, FUNDING_RATES)} GROUP BY ALL"
    )
    with plain_duckdb(settings) as plain:
        return min(seconds(lambda: plain.execute(sql).pl()) for _ in range(3))


def sweep_seconds(folder: str, hours: int, plan: SweepPlan, workers: int) -> float:
    """Seconds from the lake to the stored trials, starting processes included."""
    begin = perf_counter()
    swept = sweep_and_store(
        Settings(data_dir=Path(folder)), configuration(hours), plan, workers=workers
    )
    took = perf_counter() - begin
    assert [one.error for one in swept.trials] == [None] * len(plan.points())
    return took


def alone(work: Callable[..., Any], *given: object) -> Any:
    """Work that is done in a process of its own: the peak of memory is a mark that never falls."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work, *given).result()


if __name__ == "__main__":
    for line in run("--quick" in sys.argv):
        print(line, line.ratio)
