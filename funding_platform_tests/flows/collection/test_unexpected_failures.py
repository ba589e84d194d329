"""An adapter that falls over what its venue sent: that venue's failed attempt, nobody else's."""

import asyncio
import logging
import math
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import polars as pl
import pytest

from funding_platform.core.errors import FundingError
from funding_platform.flows.collection.history.months import collect_history
from funding_platform.flows.collection.snapshots import collect_instruments, collect_snapshots
from funding_platform.lake import connect
from funding_platform.lake.errors import InvalidFrameError
from funding_platform.settings import Settings
from funding_platform.venues.adapters.bybit.rest import Bybit
from funding_platform.venues.errors import UnexpectedError
from funding_platform_tests.flows.collection.history.test_months import LAST_MONTH

FAILURES: dict[str, Callable[[], BaseException]] = {
    "overflow": lambda: OverflowError("date value out of range"),
    "recursion": lambda: RecursionError("maximum recursion depth exceeded"),
    "memory": lambda: MemoryError(),
    "text": lambda: UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
    "several": lambda: ExceptionGroup("at once", [ValueError("one"), KeyError("two")]),
    "a time-out of something else": lambda: TimeoutError("a socket"),
    "escapes": lambda: ValueError("\x1b[31m\x00\ud800" + "x" * 100_000),
}


def fail_with(monkeypatch: pytest.MonkeyPatch, method: str, error: BaseException) -> None:
    async def fall_over(*_: Any) -> None:
        raise error

    monkeypatch.setattr(Bybit, method, fall_over)


def log_of(settings: Settings) -> dict[str, list[str]]:
    with connect(settings) as connection:
        rows = connection.execute(
            "SELECT venue, status, error_kind, error FROM core.collection_log"
        ).fetchall()
    return {venue: rest for venue, *rest in rows}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("case", FAILURES)
def test_any_exception_costs_one_venue(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, case: str
) -> None:
    fail_with(monkeypatch, "fetch_markets", FAILURES[case]())
    with caplog.at_level(logging.ERROR):
        collected = collect_snapshots(["bybit", "okx"], settings, "run")
    assert isinstance(collected["bybit"].attempt.error, UnexpectedError)
    assert collected["okx"].attempt.status == "success"
    log = log_of(settings)
    status, kind, text = log["bybit"]
    assert (status, kind) == ("failed", "UnexpectedError")
    assert text.startswith("bybit")
    assert len(text) < 3_000
    assert "\x1b" not in text
    assert log["okx"][0] == "success"
    assert "Traceback" in caplog.text


@pytest.mark.parametrize(
    "spoilt",
    [
        pl.col("mark_price") * math.inf,
        pl.col("mark_price").cast(pl.String),
        pl.col("observed_at") + timedelta(days=400),
        pl.lit(None, pl.String).alias("venue_symbol"),
        pl.lit("").alias("unheard_of"),
    ],
    ids=("infinite", "text", "future", "no symbol", "column"),
)
def test_rows_that_the_table_refuses_cost_one_venue(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, spoilt: pl.Expr
) -> None:
    """All are stored in one commit; an adapter from elsewhere may hand over anything."""
    whole = Bybit.market_snapshot

    async def spoil(self: Bybit) -> pl.DataFrame:
        return (await whole(self)).with_columns(spoilt)

    monkeypatch.setattr(Bybit, "market_snapshot", spoil)
    collected = collect_snapshots(["bybit", "okx"], settings, "run")
    assert isinstance(collected["bybit"].attempt.error, InvalidFrameError)
    log = log_of(settings)
    assert (log["bybit"][0], log["okx"][0]) == ("failed", "success")


def test_it_costs_one_venue_of_the_listings_too(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_with(monkeypatch, "fetch_listings", OverflowError("x"))
    collected = collect_instruments(["bybit", "okx"], settings, "run")
    assert collected["bybit"].attempt.status == "failed"
    assert collected["okx"].attempt.status == "success"


def test_of_a_history_it_costs_the_symbol(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Bybit.fetch_history

    async def fall_over_one(self: Bybit, symbol: str, ask: Any) -> Any:
        if symbol == "BTCUSDT":
            raise OverflowError("x")
        return await whole(self, symbol, ask)

    monkeypatch.setattr(Bybit, "fetch_history", fall_over_one)
    report = collect_history("bybit", LAST_MONTH, settings, "run")
    assert list(report.failures) == ["BTCUSDT"]
    assert report.rows > 0
    assert log_of(settings)["bybit"][0] == "partial"


def test_outside_of_the_symbols_it_fails_the_attempt_in_the_log(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_with(monkeypatch, "fetch_listings", RecursionError("x"))
    with pytest.raises(FundingError, match="the adapter failed"):
        collect_history("bybit", LAST_MONTH, settings, "run")
    assert log_of(settings)["bybit"][:2] == ["failed", "UnexpectedError"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, asyncio.CancelledError])
def test_who_stops_the_collection_stops_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    fail_with(monkeypatch, "fetch_markets", error())
    with pytest.raises(error):
        collect_snapshots(["bybit", "okx"], settings, "run")
