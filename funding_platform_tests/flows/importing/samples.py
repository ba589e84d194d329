"""Files of samples, and what a lake makes of them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from funding_platform.core.tables.collected import INSTRUMENTS
from funding_platform.flows.importing.importer import import_files
from funding_platform.flows.importing.reports import ImportReport
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings
from funding_platform_tests.flows.importing.dumps import table

START = datetime(2025, 10, 5, tzinfo=UTC)
TOLD = {"time": "ts", "rate": "rate", "rate_unit": "fraction"}


def ramp(n: int) -> float:
    """A rate as it runs: another figure at every look."""
    return 1e-4 + n * 1e-7


def constant(_: int) -> float:
    return 1e-4


def file_of(
    folder: Path,
    step: timedelta,
    rows: int,
    rate: Callable[[int], float] = ramp,
    *,
    late: timedelta = timedelta(0),
    name: str = "rates.csv",
) -> Path:
    lines = [f"{(START + late + n * step).timestamp():.3f},{rate(n)!r}" for n in range(rows)]
    return table(folder, "\n".join(["ts,rate", *lines, ""]), name)


def imported(
    path: Path, settings: Settings, venue: str = "binance", symbol: str = "BTCUSDT", **told: Any
) -> ImportReport:
    told = {**TOLD, "venue": venue, "symbol": symbol, **told}
    return import_files([str(path)], settings, "run", told=told)


def listed(settings: Settings, *rows: tuple[str, str, str, str, str, float | None]) -> None:
    """Instruments in the lake: venue, symbol, base, quote, settle, interval."""
    frame = pl.DataFrame(
        [
            {
                "venue": venue,
                "venue_symbol": symbol,
                "base": base,
                "quote": quote,
                "settle": settle,
                "multiplier": 1.0,
                "contract_type": "inverse" if settle == base else "linear",
                "interval_hours": interval,
                "status": "trading",
                "first_seen_at": START,
                "last_seen_at": START,
            }
            for venue, symbol, base, quote, settle, interval in rows
        ],
        schema_overrides=dict(INSTRUMENTS.polars_schema),
    )
    with Lake(settings) as opened, opened.commit("listing", "instruments") as transaction:
        transaction.append(INSTRUMENTS, INSTRUMENTS.conform(frame))
