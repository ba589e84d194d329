"""Five million settlements to strips and factors, against a deque fed print by print.

``python -m funding_platform_tests.benchmarks.bench_curves`` prints the rows that ``run`` returns.
The work is done in a fresh process, so that the peak of memory is its own; every figure is the
best of three. The hourly update has no peer: no plain version makes all features.
"""

import resource
import sys
from collections import deque
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np
import polars as pl
from polars.testing import assert_frame_equal

from funding_platform.core.tables.collected import FUNDING_RATES, INSTRUMENTS, MARKET_SNAPSHOTS
from funding_platform.core.tables.features.curves import BUCKETS, CURVE_SNAPSHOTS
from funding_platform.core.tables.schema import UTC_TIME
from funding_platform.core.time_grid import EPOCH, HOUR, Window, floor_hour
from funding_platform.curves import build_curves, curve_factors
from funding_platform.flows.features.tables import COMPUTED
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings
from funding_platform_tests.benchmarks.measurement import Measurement, seconds

N_SETTLEMENTS = 5_000_000
N_INSTRUMENTS = 500
PEER_INSTRUMENTS = 20
"""The deque is timed on these and scaled up; it would take minutes on all."""

START = datetime(2020, 1, 1, tzinfo=UTC)
ALWAYS = Window(EPOCH, START + 24 * 365 * 50 * HOUR)
REPEATS = 3

HOURLY_VENUES = 14
HOURLY_SYMBOLS = 300


@dataclass(frozen=True)
class Mix:
    """The intervals between settlements of a market, one instrument after another."""

    name: str
    intervals: tuple[int, ...]
    least_ratio: float
    """How many times faster than the deque strips must be; half as many with their factors."""


MIXES = (Mix("1, 2, 4 and 8 h", (1, 2, 4, 8), 9.5), Mix("all 8 h", (8,), 16.6))


def market(intervals: tuple[int, ...], n_instruments: int) -> pl.DataFrame:
    """Settlements without gaps, equally many per instrument, in the order of the table."""
    each = N_SETTLEMENTS // N_INSTRUMENTS
    random = np.random.default_rng(8)
    first = (START - EPOCH) // HOUR
    frames = []
    for number in range(n_instruments):
        interval = intervals[number % len(intervals)]
        hours = first + interval * np.arange(1, each + 1)
        frames.append(
            pl.DataFrame(
                {
                    "funding_time": pl.Series(hours * 3_600_000_000).cast(UTC_TIME),
                    "funding_rate": random.normal(1e-4, 1e-4, each) * interval / 8,
                }
            ).select(
                pl.lit(f"venue{number // 50}").alias("venue"),
                pl.lit(f"S{number:03}USDT").alias("venue_symbol"),
                "funding_time",
                "funding_rate",
                pl.lit(float(interval)).alias("interval_hours"),
            )
        )
    return pl.concat(frames, rechunk=True)


def deque_curves(settlements: pl.DataFrame) -> pl.DataFrame:
    """Whole strips on the common grid, print by print, the way a trading loop keeps them.

    It knows neither phases nor gaps nor late settlements, so it does less than what it is
    compared with; the table that comes out is the same.
    """
    rows = []
    owner = None
    window: deque[float] = deque(maxlen=len(BUCKETS))
    total = covered = 0.0
    columns = ("venue", "venue_symbol", "funding_time", "funding_rate", "interval_hours")
    for venue, symbol, time, rate, interval in settlements.select(columns).iter_rows():
        if (venue, symbol) != owner:
            owner = (venue, symbol)
            window.clear()
            total = covered = 0.0
        total += rate
        covered += interval
        if time.hour % 8 == 0:
            if covered >= 4:
                window.appendleft((1 + total * 8 / covered) ** 1095 - 1)
            total = covered = 0.0
            if len(window) == window.maxlen:
                rows.append((venue, symbol, time, "settled", *window, 0, True, time))
    return pl.DataFrame(rows, schema=CURVE_SNAPSHOTS.polars_schema, orient="row")


def measure(intervals: tuple[int, ...], n_instruments: int) -> dict[str, float]:
    """Best seconds for strips, and for strips with factors, and the peak memory in GiB.

    One base has an instrument on each of ten venues. The peak is that of the first pass: later ones
    also hold what the allocators have kept of it.
    """
    settlements = market(intervals, n_instruments)
    instruments = settlements.select("venue", "venue_symbol").unique(maintain_order=True)
    instruments = instruments.with_columns(base=(pl.int_range(pl.len()) % 50).cast(pl.String))
    strips, both, peaks = [], [], []
    for _ in range(REPEATS):
        begin = perf_counter()
        curves = build_curves(settlements, ALWAYS)
        strips.append(perf_counter() - begin)
        factors = curve_factors(curves, instruments=instruments)
        both.append(perf_counter() - begin)
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
        del curves, factors
    unit = 1 if sys.platform == "darwin" else 1024
    return {"strips": min(strips), "both": min(both), "peak": peaks[0] * unit / 2**30}


def measure_peer(intervals: tuple[int, ...], n_instruments: int) -> float:
    """Best seconds of the deque, scaled up to all settlements, after it has been seen to agree."""
    timed = min(PEER_INSTRUMENTS, n_instruments)
    settlements = market(intervals, timed)
    ours = build_curves(settlements, ALWAYS).filter("usable")
    seconds = []
    for _ in range(REPEATS):
        begin = perf_counter()
        theirs = deque_curves(settlements)
        seconds.append(perf_counter() - begin)
    assert_frame_equal(ours, theirs, rel_tol=1e-12, abs_tol=1e-12)
    return min(seconds) * n_instruments / timed


def hourly_update(n_symbols: int) -> float:
    """Median seconds from a new hour of snapshots to all features, committed."""
    now, n_instruments = floor_hour(datetime.now(UTC)), HOURLY_VENUES * n_symbols
    names = pl.DataFrame(
        {
            "venue": [f"venue{n % HOURLY_VENUES:02}" for n in range(n_instruments)],
            "venue_symbol": [f"S{n // HOURLY_VENUES:03}" for n in range(n_instruments)],
        }
    )
    times = pl.DataFrame({"funding_time": [now - 8 * n * HOUR for n in range(96)]})
    drawn = np.random.default_rng(8).normal(1e-4, 1e-4, (96 + 13) * n_instruments)
    settled = names.join(times, how="cross").with_columns(
        pl.col("funding_time").cast(UTC_TIME).dt.truncate("8h"),
        funding_rate=pl.Series(drawn[: 96 * n_instruments]),
        interval_hours=8.0,
        interval_inferred=False,
        venue_time=pl.col("funding_time").cast(UTC_TIME),
        observed_at=pl.col("funding_time").cast(UTC_TIME),
    )
    window = Window(now - timedelta(days=28), now + HOUR)
    with TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder))
        with Lake(settings) as lake, lake.commit("bench", "history") as transaction:
            transaction.append(INSTRUMENTS, INSTRUMENTS.conform(_listed(names, now)))
            transaction.append(FUNDING_RATES, FUNDING_RATES.conform(settled))
        for computed in COMPUTED:
            computed.rebuild(window, settings, "bench")
        took = []
        for back in range(REPEATS + 9, -1, -1):
            with Lake(settings) as lake, lake.commit("bench", "hour") as transaction:
                seen = _observed(names, now - back * HOUR, drawn[-n_instruments:])
                transaction.append(MARKET_SNAPSHOTS, MARKET_SNAPSHOTS.conform(seen))
            if back < REPEATS:
                took.append(seconds(lambda: _refresh(window, settings)))
        return median(took)


def _refresh(window: Window, settings: Settings) -> None:
    for computed in COMPUTED:
        computed.refresh(window, settings, "bench")


def _listed(names: pl.DataFrame, now: datetime) -> pl.DataFrame:
    return names.with_columns(
        base=pl.col("venue_symbol"),
        quote=pl.lit("USDT"),
        multiplier=1.0,
        contract_type=pl.lit("linear"),
        status=pl.lit("trading"),
        first_seen_at=pl.lit(now).cast(UTC_TIME),
        last_seen_at=pl.lit(now).cast(UTC_TIME),
    )


def _observed(names: pl.DataFrame, hour: datetime, rates: np.ndarray) -> pl.DataFrame:
    return names.with_columns(
        snapshot_hour=pl.lit(hour).cast(UTC_TIME),
        observed_at=pl.lit(hour).cast(UTC_TIME),
        predicted_rate=pl.Series(rates),
        interval_hours=8.0,
        mark_price=101.0,
        index_price=100.0,
        open_interest_base=1000.0,
    )


def run(quick: bool = False) -> list[Measurement]:
    """Strips and factors of each mix, and the update of an hour."""
    n_instruments, n_symbols = (10, 10) if quick else (N_INSTRUMENTS, HOURLY_SYMBOLS)
    return [
        *(row for mix in MIXES for row in _of_mix(mix, n_instruments)),
        Measurement(
            f"hourly update, {HOURLY_VENUES} venues x {n_symbols}: all features in the lake",
            hourly_update(n_symbols),
            "s",
            target=2,
        ),
    ]


def _of_mix(mix: Mix, n_instruments: int) -> list[Measurement]:
    # A fresh process for each: the peak of memory is a mark that never falls.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        found = pool.submit(measure, mix.intervals, n_instruments).result()
    peer = measure_peer(mix.intervals, n_instruments)
    name = f"{n_instruments / 100:g} M settlements, {mix.name}"
    return [
        Measurement(f"{name}: strips", found["strips"], "s", peer, mix.least_ratio),
        Measurement(
            f"{name}: strips and factors (peer: its strips)",
            found["both"],
            "s",
            peer,
            mix.least_ratio / 2,
        ),
        Measurement(f"{name}: peak memory", found["peak"], "GiB", target=2),
    ]


if __name__ == "__main__":
    for line in run():
        print(line)
