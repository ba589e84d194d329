"""Three months of settled rates from the wire to the committed lake, against a short script.

Collector and sandbox are a process each, and both count. The script asks Binance for one page
after another, reads it with json and writes a Parquet file: no proof, no checks, no intervals.
"""

import json
import resource
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from time import perf_counter

import httpx
import polars as pl

from funding_platform.core.tables.collected import FUNDING_RATES
from funding_platform.core.time_grid import Window, from_ms, to_ms
from funding_platform.flows.collection.history.months import collect_history
from funding_platform.lake import connect
from funding_platform.settings import Settings
from funding_platform.venues.registry import offering, venue_names
from funding_platform_tests.benchmarks.measurement import Measurement
from funding_platform_tests.benchmarks.sandbox_process import sandbox_process, settings_for

WINDOW = Window(datetime(2025, 12, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC))
NOW = datetime(2026, 3, 1, 1, tzinfo=UTC)
FIRST_FOUR = ("binance", "bybit", "okx", "hyperliquid")
SYMBOLS = 300
SYMBOLS_OF_ALL = 40
"""Paradex pays continuously and is asked once per period and symbol: 300 would take minutes."""

PASSES = 3
"""The first finds an empty lake and a market not yet made up; the others replace what is there."""

PAGE_ROWS = 1_000


def run(quick: bool = False) -> list[Measurement]:
    symbols = 20 if quick else SYMBOLS
    with sandbox_process(symbols, NOW) as sandbox, tempfile.TemporaryDirectory() as folder:
        settings = settings_for(sandbox, Path(folder))
        passes = [_collect(settings, FIRST_FOUR) for _ in range(1 if quick else PASSES)]
        peak = _peak_mib()
        file = Path(folder) / "script.parquet"
        script_rate = median(_script_rate(sandbox.url_of("binance"), file) for _ in passes)
    everything = [
        sum(rows for rows, _ in one.values()) / sum(took for _, took in one.values())
        for one in passes
    ]
    what = f"3 months x {len(FIRST_FOUR)} venues x {symbols} symbols"
    return [
        _against_the_script(what, median(everything), script_rate),
        *(
            Measurement(
                f"of which {venue}" + (" (peer: the script)" if venue == "binance" else ""),
                median(one[venue][0] / one[venue][1] for one in passes),
                "settlements/s",
                peer=script_rate if venue == "binance" else None,
            )
            for venue in FIRST_FOUR
        ),
        Measurement(f"{what}: peak memory of the collector", peak, "MiB"),
        _of_all_venues(8 if quick else SYMBOLS_OF_ALL, script_rate),
    ]


def _of_all_venues(symbols: int, script_rate: float) -> Measurement:
    """The same window of every venue that offers history."""
    venues = offering(FUNDING_RATES, venue_names())
    with sandbox_process(symbols, NOW) as sandbox, tempfile.TemporaryDirectory() as folder:
        found = _collect(settings_for(sandbox, Path(folder)), venues)
    rate = sum(rows for rows, _ in found.values()) / sum(took for _, took in found.values())
    what = f"3 months x {len(venues)} venues x {symbols} symbols"
    return _against_the_script(what, rate, script_rate)


def _against_the_script(what: str, rate: float, script_rate: float) -> Measurement:
    return Measurement(
        f"{what} (peer: the script)", rate, "settlements/s", script_rate, least_ratio=0.17
    )


def _collect(settings: Settings, venues: Sequence[str]) -> dict[str, tuple[int, float]]:
    """Rows and seconds per venue, after it has been seen that all of them are in the lake."""
    found = {}
    for venue in venues:
        begin = perf_counter()
        report = collect_history(venue, WINDOW, settings, "benchmark")
        found[venue] = (report.rows, perf_counter() - begin)
        assert not report.failures
    with connect(settings) as lake:
        stored = lake.execute("SELECT count(*) FROM core.funding_rates").fetchone()
    assert stored == (sum(rows for rows, _ in found.values()),)
    return found


def _script_rate(base_url: str, file: Path) -> float:
    """Settlements per second of what one writes in an afternoon."""
    begin = perf_counter()
    rows = []
    with httpx.Client(base_url=base_url, timeout=30) as client:
        for listed in json.loads(client.get("/fapi/v1/exchangeInfo").content)["symbols"]:
            start = to_ms(WINDOW.start)
            while start < to_ms(WINDOW.end):
                query = {
                    "symbol": listed["symbol"],
                    "startTime": start,
                    "endTime": to_ms(WINDOW.end) - 1,
                    "limit": PAGE_ROWS,
                }
                page = json.loads(client.get("/fapi/v1/fundingRate", params=query).content)
                rows += [
                    {
                        "venue_symbol": row["symbol"],
                        "funding_time": from_ms(row["fundingTime"]),
                        "funding_rate": float(row["fundingRate"]),
                        "mark_price": float(row["markPrice"]) if row["markPrice"] else None,
                    }
                    for row in page
                ]
                if len(page) < PAGE_ROWS:
                    break
                start = page[-1]["fundingTime"] + 1
    pl.DataFrame(rows).write_parquet(file)
    return len(rows) / (perf_counter() - begin)


def _peak_mib() -> float:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20
