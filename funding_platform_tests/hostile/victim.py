"""A collection in a process of its own, which tells at its end what became of it.

``python -m funding_platform_tests.hostile.victim '{"kinds": ["snapshots"]...'`` prints one line of
JSON: status and error of each venue's attempt, the seconds, and the peak of the memory.
"""

import json
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from funding_platform.core.errors import FundingError
from funding_platform.core.tables.collected import FUNDING_RATES, INSTRUMENTS, MARKET_SNAPSHOTS
from funding_platform.core.tables.prices import OPEN_INTEREST, PRICE_CANDLES
from funding_platform.core.time_grid import Window, from_ms
from funding_platform.flows.collection.history.months import collect_history
from funding_platform.flows.collection.snapshots import collect_instruments, collect_snapshots
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings
from funding_platform.venues.registry import breaker_record, offering, venue_names

HISTORIES = {
    "history": FUNDING_RATES,
    "candles": PRICE_CANDLES,
    "open interest": OPEN_INTEREST,
}


def peak_mib() -> float:
    """The most memory that this process has had; ``getrusage`` counts what its parent had, too."""
    status = Path("/proc/self/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


def run(order: dict[str, Any]) -> dict[str, Any]:
    """Collect as ordered."""
    settings = Settings(**order["settings"])
    venues = venue_names()
    with Lake(settings):
        pass  # made, so that what it takes is not counted
    before, started = peak_mib(), time.monotonic()
    for kind in order["kinds"]:
        _collect(kind, venues, settings, order)
    seconds = time.monotonic() - started
    with Lake(settings) as lake:
        log = lake.read(
            "SELECT dataset, venue, status, error, rows_written FROM core.collection_log"
        )
    breakers = {venue: str(breaker_record(venue, settings)) for venue in venues}
    return {
        "attempts": log.rows(),
        "seconds": seconds,
        "before": before,
        "peak": peak_mib(),
        "breakers": breakers,
    }


def _collect(kind: str, venues: Sequence[str], settings: Settings, order: dict[str, Any]) -> None:
    if kind == "snapshots":
        collect_snapshots(offering(MARKET_SNAPSHOTS, venues), settings, "hostile")
    elif kind == "instruments":
        collect_instruments(offering(INSTRUMENTS, venues), settings, "hostile")
    else:
        window, table = Window(*map(from_ms, order["window"])), HISTORIES[kind]
        for venue in offering(table, venues):
            with suppress(FundingError):  # the log has it
                collect_history(venue, window, settings, "hostile", table)


if __name__ == "__main__":
    print(json.dumps(run(json.loads(sys.argv[1]))))
