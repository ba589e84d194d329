"""Many processes on one lake: what each of them does until time is up, and what it finds wrong.

Each writer has a venue of its own. One commit of it replaces two months and adds a row to the log,
all three with the commit's number in them, so that a reader can tell parts of two commits apart.
"""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from typing import Any, NamedTuple

import duckdb
import polars as pl

from funding_platform.core.tables.collected import COLLECTION_LOG, FUNDING_RATES
from funding_platform.core.time_grid import Window, next_month
from funding_platform.lake import connect
from funding_platform.lake.publish import publish
from funding_platform.lake.upkeep.maintenance import maintain
from funding_platform.lake.writer import Lake, Scope, Transaction
from funding_platform.settings import Settings

SPAWN = get_context("spawn")

VENUES = ("binance", "bybit", "okx", "hyperliquid")
COMMITS_A_RUN = 10
"""So many, and the lake is closed and opened again, as from one run to the next."""

SYMBOLS, HOURS = 10, 24
ROWS = SYMBOLS * HOURS
STEP = 1e-7
"""The rate of a commit is its number times this."""

_FIRST = datetime(2025, 1, 1, tzinfo=UTC)
MONTHS = (Window.of_month(_FIRST), Window.of_month(next_month(_FIRST)))

_RATES = (
    "SELECT venue, count(*), count(DISTINCT hash(venue_symbol, funding_time)), "
    f"round(min(funding_rate) / {STEP}), round(max(funding_rate) / {STEP}), "
    "count(DISTINCT date_trunc('month', funding_time)) FROM core.funding_rates GROUP BY venue"
)
_LOG = "SELECT venue, max(rows_written), count(*) FROM core.collection_log GROUP BY venue"
_BOTH = (
    f"SELECT r.*, l.* EXCLUDE (venue) FROM ({_RATES}) AS r FULL JOIN ({_LOG}) AS l USING (venue)"
)


class Told(NamedTuple):
    """What one process has to say in the end."""

    who: str
    turns: int
    faults: list[str]
    seconds: list[float]
    """How long each commit took, the wait for the others' included."""


class Crowd:
    """Processes that begin together and go on until time is up."""

    def __init__(
        self, settings: Settings, seconds: float, works: Mapping[str, Callable[..., Told]]
    ) -> None:
        self._told: Any = SPAWN.Queue()
        self._begin = SPAWN.Barrier(len(works))
        self._processes = [
            SPAWN.Process(
                target=_take_part, args=(who, work, settings, seconds, self._begin, self._told)
            )
            for who, work in works.items()
        ]

    def run(self) -> dict[str, Told]:
        """Let them work; returns what each says, of one that crashed that it did."""
        for process in self._processes:
            process.start()
        said = [self._told.get() for _ in self._processes]
        for process in self._processes:
            process.join()
        return {one.who: one for one in said}


def _take_part(
    who: str, work: Callable[..., Told], settings: Settings, seconds: float, begin: Any, told: Any
) -> None:
    begin.wait()
    until = time.monotonic() + seconds
    try:
        told.put(work(who, settings, until))
    except BaseException as error:
        told.put(Told(who, 0, [f"{who} failed: {error!r}"], []))
        raise


def write(who: str, settings: Settings, until: float) -> Told:
    """Commit again and again to the venue that bears the process's name."""
    seconds = list[float]()
    while time.monotonic() < until:
        with Lake(settings) as lake:
            for _ in range(COMMITS_A_RUN):
                number = len(seconds) + 1
                frames = [_rates(who, month, number) for month in MONTHS]
                began = time.monotonic()
                with lake.commit(f"{who}-{number}", "one of a crowd") as transaction:
                    _store(transaction, who, number, frames)
                seconds.append(time.monotonic() - began)
                if time.monotonic() >= until:
                    break
    return Told(who, len(seconds), [], seconds)


def read(who: str, settings: Settings, until: float) -> Told:
    """Read both tables in one transaction and in one statement, over and over."""
    turns, newest, faults = 0, dict.fromkeys(VENUES, 0), list[str]()
    while time.monotonic() < until:
        turns += 1
        with connect(settings) as connection:
            connection.execute("BEGIN")
            rates = {row[0]: row[1:] for row in connection.sql(_RATES).fetchall()}
            logged = {row[0]: row[1:] for row in connection.sql(_LOG).fetchall()}
            connection.execute("COMMIT")
            pairs = [(venue, *rates.get(venue, ()), *logged.get(venue, ())) for venue in logged]
            for rows in (pairs, connection.sql(_BOTH).fetchall()):
                faults += [f"{who} read {fault}" for fault in torn(rows)]
                for venue, *_, last in rows:
                    if last < newest[venue]:
                        faults.append(f"{who} read {venue} {last} after {newest[venue]}")
                    newest[venue] = last
    return Told(who, turns, faults, [])


def keep_small(who: str, settings: Settings, until: float) -> Told:
    """Maintain."""
    turns = 0
    while time.monotonic() < until:
        turns += 1
        maintain(settings, keep_days=0)
    return Told(who, turns, [], [])


def keep_published(who: str, settings: Settings, until: float) -> Told:
    """Publish, and read what was published."""
    turns, faults = 0, list[str]()
    while time.monotonic() < until:
        turns += 1
        publish(settings)
        with duckdb.connect(str(settings.published_file), read_only=True) as published:
            faults += [f"published: {fault}" for fault in torn(published.sql(_BOTH).fetchall())]
    return Told(who, turns, faults, [])


def torn(rows: list[tuple[Any, ...]]) -> list[str]:
    """Venues of which a reader sees other than one whole commit."""
    return [
        f"of {venue} {facts}, which is no one commit"
        for venue, *facts in rows
        if facts
        != [len(MONTHS) * ROWS, len(MONTHS) * ROWS, facts[-1], facts[-1], len(MONTHS)]
        + [facts[-1]] * 2
    ]


def last_commits(settings: Settings) -> dict[str, int]:
    """The number of each venue's newest commit."""
    with connect(settings) as lake:
        rows = lake.sql(_BOTH).fetchall()
    assert torn(rows) == []
    return {venue: last for venue, *_, last in rows}


def _rates(venue: str, month: Window, number: int) -> pl.DataFrame:
    hours = [month.start + timedelta(hours=hour) for hour in range(HOURS)]
    frame = pl.DataFrame({"funding_time": hours}).join(
        pl.DataFrame({"venue_symbol": [f"S{symbol}USDT" for symbol in range(SYMBOLS)]}), how="cross"
    )
    return FUNDING_RATES.conform(
        frame.with_columns(
            venue=pl.lit(venue),
            funding_rate=pl.lit(number * STEP),
            interval_hours=pl.lit(1.0),
            interval_inferred=pl.lit(False),
            venue_time=pl.col("funding_time"),
            observed_at=pl.lit(month.end),
        )
    )


def _store(transaction: Transaction, venue: str, number: int, frames: list[pl.DataFrame]) -> None:
    for month, frame in zip(MONTHS, frames, strict=True):
        transaction.replace(FUNDING_RATES, frame, Scope({"venue": venue}, "funding_time", month))
    now = datetime.now(UTC)
    entry = {
        "run_id": f"{venue}-{number}",
        "venue": venue,
        "dataset": FUNDING_RATES.full_name,
        "started_at": now,
        "finished_at": now,
        "status": "success",
        "rows_written": number,
        "symbols_failed": [],
    }
    transaction.append(COLLECTION_LOG, pl.DataFrame([entry], schema=COLLECTION_LOG.polars_schema))
