"""Five million settlements to strips and factors, against a deque fed print by print.

``python -m funding_platform_tests.benchmarks.bench_curves`` prints the rows that ``run`` returns.
The work is done in a fresh process, so that the peak of memory is its own; every figure is the
best of three.
"""

import resource
import sys
from collections import deque
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from multiprocessing import get_context
from time import perf_counter

import numpy as np
import polars as pl
from polars.testing import assert_frame_equal

from funding_platform.core.feature_tables import BUCKETS, CURVE_SNAPSHOTS
from funding_platform.core.schema import UTC_TIME
from funding_platform.core.time_grid import EPOCH, HOUR, Window
from funding_platform.curves import build_curves, curve_factors

N_SETTLEMENTS = 5_000_000
N_INSTRUMENTS = 500
PEER_INSTRUMENTS = 20
"""The deque is timed on these and scaled up; it would take minutes on all."""

START = datetime(2020, 1, 1, tzinfo=UTC)
ALWAYS = Window(EPOCH, START + 24 * 365 * 50 * HOUR)
REPEATS = 3

MIXES = {"1, 2, 4 and 8 h": (1, 2, 4, 8), "all 8 h": (8,)}


def market(intervals: tuple[int, ...], n_instruments: int = N_INSTRUMENTS) -> pl.DataFrame:
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


def measure(intervals: tuple[int, ...]) -> dict[str, float]:
    """Best seconds for strips, and for strips with factors, and the peak memory in GiB."""
    settlements = market(intervals)
    strips, both = [], []
    for _ in range(REPEATS):
        begin = perf_counter()
        curves = build_curves(settlements, ALWAYS)
        strips.append(perf_counter() - begin)
        factors = curve_factors(curves)
        both.append(perf_counter() - begin)
        del curves, factors
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30
    return {"strips": min(strips), "both": min(both), "peak": peak}


def measure_peer(intervals: tuple[int, ...]) -> float:
    """Best seconds of the deque, scaled up to all settlements, after it has been seen to agree."""
    settlements = market(intervals, PEER_INSTRUMENTS)
    ours = build_curves(settlements, ALWAYS).filter("usable")
    seconds = []
    for _ in range(REPEATS):
        begin = perf_counter()
        theirs = deque_curves(settlements)
        seconds.append(perf_counter() - begin)
    assert_frame_equal(ours, theirs, rel_tol=1e-12, abs_tol=1e-12)
    return min(seconds) * N_INSTRUMENTS / PEER_INSTRUMENTS


def run() -> list[dict[str, object]]:
    """Rows of name, value, unit, the deque's value, and how many times ours that is."""
    rows: list[dict[str, object]] = []
    for mix, intervals in MIXES.items():
        # A fresh process for each: the peak of memory is a mark that never falls.
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            found = pool.submit(measure, intervals).result()
        peer = measure_peer(intervals)
        name = f"5 M settlements, {mix}"
        rows += [
            _row(f"{name}: strips", found["strips"], "s", peer),
            _row(f"{name}: strips and factors", found["both"], "s", None),
            _row(f"{name}: peak memory", found["peak"], "GiB", None),
        ]
    return rows


def _row(name: str, value: float, unit: str, peer: float | None) -> dict[str, object]:
    ratio = None if peer is None else peer / value
    return {"name": name, "value": value, "unit": unit, "peer": peer, "ratio": ratio}


if __name__ == "__main__":
    for line in run():
        print(line)
