"""A backfill within the venue's limits: how much longer than it must take, and what asking costs.

OKX, whose windows are the shortest: ten requests in two seconds, refused beyond. The floor is the
requests made over the rate allowed. Once one process backfills into the lake, once three share
the work; nobody may be refused. The peer of a budget is a bare upsert into SQLite, in as many
transactions, of a file set up as ours is.
"""

import asyncio
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path
from time import perf_counter, time
from typing import Any

from funding_platform.core.time_grid import Window
from funding_platform.flows.collection.history.months import collect_history
from funding_platform.lake import connect
from funding_platform.settings import Settings
from funding_platform.venues import open_venue
from funding_platform.venues.adapters.okx.rest import HISTORY
from funding_platform.venues.rest.limits import Budget, Limiter
from funding_platform.venues.rest.state.files import FileState
from funding_platform_tests.benchmarks.measurement import Measurement, seconds
from funding_platform_tests.benchmarks.sandbox_process import sandbox_process

VENUE = "okx"
SYMBOLS = 45
PROCESSES = 3
NOW = datetime(2026, 3, 1, 1, tzinfo=UTC)
WINDOW = Window(datetime(2025, 12, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC))

ASKED = 2_000
ENDLESS = Budget("endless", 1e9, 60)

SPAWN = get_context("spawn")


def run(quick: bool = False) -> list[Measurement]:
    """Time over the floor and refusals of both backfills, and what asking costs."""
    symbols = 3 if quick else SYMBOLS
    with tempfile.TemporaryDirectory() as folder:
        cost = asyncio.run(_spend_seconds(Path(folder) / "cost.sqlite")) / ASKED
        bare = _upsert_seconds(Path(folder) / "bare.sqlite") / ASKED
    return [
        *_against_the_floor("backfill into the lake", _alone, symbols),
        *_against_the_floor(f"history read by {PROCESSES} processes", _together, symbols),
        Measurement(
            "budget of a request, in the shared file (peer: bare SQLite)",
            1e3 * cost,
            "ms",
            1e3 * bare,
            least_ratio=0.016,
        ),
    ]


def _against_the_floor(
    name: str, backfill: Callable[[Settings], float], symbols: int
) -> list[Measurement]:
    with (
        sandbox_process(symbols, NOW, enforce_limits=True) as sandbox,
        tempfile.TemporaryDirectory() as folder,
    ):
        took = backfill(Settings(data_dir=Path(folder), venue_urls=sandbox.venue_urls))
        counted = sandbox.stats()[VENUE]
    budget = HISTORY.budget
    assert budget is not None
    requests = counted[HISTORY.path]["requests"]
    floor = requests / (budget.weight_per_window / budget.window_seconds)
    refused = sum(endpoint["refused"] for endpoint in counted.values())
    return [
        Measurement(
            f"{name}: {requests} requests, time over the floor", took / floor, "x", target=1.05
        ),
        Measurement(f"{name}: refused", refused, "requests", target=0),
    ]


def _alone(settings: Settings) -> float:
    """Seconds that a backfill takes, from opening the venue to the last commit."""
    connect(settings, read_only=False).close()  # a lake is created once
    return seconds(lambda: collect_history(VENUE, WINDOW, settings, "benchmark"))


def _together(settings: Settings) -> float:
    """Seconds from the first process's first request to the last one's last answer."""
    ready, spans = SPAWN.Barrier(PROCESSES), SPAWN.SimpleQueue()
    others = [
        SPAWN.Process(target=_read_share, args=(settings, share, ready, spans))
        for share in range(PROCESSES)
    ]
    for process in others:
        process.start()
    began, ended = zip(*(spans.get() for _ in others), strict=True)
    for process in others:
        process.join()
    return float(max(ended) - min(began))


def _read_share(settings: Settings, share: int, ready: Barrier, spans: Any) -> None:
    """Read every so manieth symbol; report when it began and ended."""

    async def read() -> tuple[float, float]:
        async with open_venue(VENUE, settings=settings, clock=lambda: NOW) as venue:
            listed = (await venue.instruments())["venue_symbol"].sort()
            await asyncio.to_thread(ready.wait)
            began = time()
            await venue.funding_history(listed[share::PROCESSES].to_list(), WINDOW)
            return began, time()

    spans.put(asyncio.run(read()))


async def _spend_seconds(file: Path) -> float:
    state = FileState(file)
    limiter = Limiter(state=state)
    begin = perf_counter()
    for _ in range(ASKED):
        async with limiter.spend(ENDLESS, 1):
            pass
    took = perf_counter() - begin
    state.close()
    return took


def _upsert_seconds(file: Path) -> float:
    """Seconds of two upserts for each request, before it and after, each a transaction."""
    with closing(sqlite3.connect(file, isolation_level=None)) as bare:
        bare.executescript(
            "PRAGMA synchronous = OFF; PRAGMA journal_mode = WAL; "
            "CREATE TABLE spent (slot INTEGER PRIMARY KEY, weight REAL NOT NULL);"
        )
        sql = "INSERT INTO spent VALUES (?, 1) ON CONFLICT DO UPDATE SET weight = spent.weight + 1"
        begin = perf_counter()
        for number in range(2 * ASKED):
            bare.execute(sql, [number % 60])
        return perf_counter() - begin


if __name__ == "__main__":
    for line in run():
        print(line)
