"""The hourly look at all venues at once, over slow lines, and with three of them hanging.

No plain version asks so many venues: the targets are scaled, but for what passes in waiting.
"""

import tempfile
from pathlib import Path
from time import perf_counter

from funding_platform.core.tables.collected import MARKET_SNAPSHOTS
from funding_platform.flows.collection.snapshots import collect_snapshots
from funding_platform.sandbox.faults import Connection, Latency
from funding_platform.settings import Settings
from funding_platform.venues.registry import offering, venue_names
from funding_platform_tests.benchmarks.measurement import Measurement
from funding_platform_tests.benchmarks.sandbox_process import sandbox_process, settings_for

SYMBOLS = 300
SLOW_LINE = Latency(seconds=0.2, up_to_seconds=0.4)
HANGING = ("bybit", "lighter", "deribit")

LINE_SECONDS = 1.3
"""What waits longest for its line: Drift, for a listing and 215 markets, 64 at a time."""


def run(quick: bool = False) -> list[Measurement]:
    """Seconds from the first request to the commit, and venues that made it."""
    symbols = 20 if quick else SYMBOLS
    venues = offering(MARKET_SNAPSHOTS, venue_names())
    with sandbox_process(symbols) as sandbox, tempfile.TemporaryDirectory() as folder:
        settings = settings_for(sandbox, Path(folder))
        collect_snapshots(venues, settings, "warm up")  # the market is made up when first asked
        sandbox.inject(SLOW_LINE)
        every, arrived = _look(venues, settings)
        sandbox.inject(*(Connection(venue=venue, action="hang") for venue in HANGING))
        others, left = _look(venues, settings)
    what = f"{len(venues)} venues x {symbols} symbols, 200 to 400 ms a request"
    return [
        Measurement(what, every, "s", target=5, waiting=LINE_SECONDS),
        Measurement("venues that made it", arrived, ""),
        Measurement(
            f"the same, {len(HANGING)} of them hanging",
            others,
            "s",
            target=10,
            waiting=settings.snapshot_deadline_seconds,
        ),
        Measurement("venues that made it, of those not hanging", left, ""),
    ]


def _look(venues: list[str], settings: Settings) -> tuple[float, int]:
    begin = perf_counter()
    collected = collect_snapshots(venues, settings, "look")
    took = perf_counter() - begin
    return took, sum(one.attempt.error is None for one in collected.values())
