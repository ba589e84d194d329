"""The hourly measuring of order books: of which instruments, how stored, and what goes wrong."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from funding_platform.core.tables.books.depth import ORDER_BOOK_DEPTH
from funding_platform.core.tables.books.levels import ORDER_BOOK
from funding_platform.core.tables.marts.opportunities import OPPORTUNITIES
from funding_platform.core.time_grid import floor_hour
from funding_platform.flows.checks.books import (
    costs_grow,
    depth_asked_lately,
    mids_near_marks,
)
from funding_platform.flows.collection.depth import best_legs, collect_depth, depth_frame
from funding_platform.flows.collection.snapshots import collect_instruments, collect_snapshots
from funding_platform.lake import connect
from funding_platform.sandbox.faults import parse_faults
from funding_platform.sandbox.server import RunningSandbox
from funding_platform.settings import Settings
from funding_platform.venues.books.venue import OrderBooks

VENUES = ["binance", "okx", "hyperliquid", "coingecko"]
NOW = datetime(2026, 9, 1, 10, 30, tzinfo=UTC)


def pair(long: str, short: str, funding_7d: float | None, **more: Any) -> dict[str, Any]:
    long_venue, long_symbol = long.split(":")
    short_venue, short_symbol = short.split(":")
    return {
        "base": "BTC", "asset": "BTC crypto",
        "long_venue": long_venue, "long_symbol": long_symbol, "long_quote": "USDT",
        "short_venue": short_venue, "short_symbol": short_symbol, "short_quote": "USDT",
        "funding_7d": funding_7d, "taker_fees_bps": 20.0, "spread_cost_bps": 2.0,
        "long_observed_at": NOW, "short_observed_at": NOW, "observed_at": NOW,
        "tier": "watch", "reasons": [], **more,
    }  # fmt: skip


def with_pairs(settings: Settings, *pairs: dict[str, Any]) -> None:
    with connect(settings, read_only=False) as lake:
        lake.execute(OPPORTUNITIES.ddl())
        frame = OPPORTUNITIES.conform(
            pl.DataFrame(
                pairs,
                {name: OPPORTUNITIES.polars_schema[name] for name in pairs[0]},
            )
        )
        lake.register("pairs", frame.to_arrow())
        lake.execute(f"INSERT INTO {OPPORTUNITIES.full_name} FROM pairs")


BEST = pair("binance:BTCUSDT", "okx:BTC-USDT-SWAP", 0.03)
SECOND = pair("binance:ETHUSDT", "hyperliquid:ETH", 0.02)
THIRD = pair("okx:SOL-USDT-SWAP", "hyperliquid:SOL", 0.01)
UNPAID = pair("okx:XRP-USDT-SWAP", "hyperliquid:XRP", 0.5, taker_fees_bps=None)


def rows(settings: Settings, sql: str) -> list[tuple[Any, ...]]:
    with connect(settings) as connection:
        return connection.execute(sql).fetchall()


def test_the_legs_of_the_best_pairs_are_those_before_impact(settings: Settings) -> None:
    dear = pair("binance:DOGEUSDT", "okx:DOGE-USDT-SWAP", 0.031, spread_cost_bps=150.0)
    with_pairs(settings, THIRD, BEST, UNPAID, SECOND, dear)
    two = settings.model_copy(update={"depth_pairs": 2})
    assert best_legs(two) == {
        "binance": ["BTCUSDT", "ETHUSDT"],
        "hyperliquid": ["ETH"],
        "okx": ["BTC-USDT-SWAP"],
    }
    assert best_legs(settings.model_copy(update={"depth_pairs": 0})) == {}


def test_without_pairs_nobody_is_asked(settings: Settings) -> None:
    assert collect_depth(VENUES, settings, "no lake") == {}
    collect_instruments(["okx"], settings, "no marts")
    assert collect_depth(VENUES, settings, "no marts") == {}


def test_books_are_measured_and_stored_under_their_hour(settings: Settings) -> None:
    before = floor_hour(datetime.now(UTC))
    collect_instruments(VENUES, settings, "run")
    collect_snapshots(VENUES, settings, "run")
    with_pairs(settings, BEST, SECOND)
    for _ in range(2):  # the last look of an hour wins
        collected = collect_depth([*VENUES, "bybit"], settings, "run")
    assert {venue: (one.attempt.status, one.attempt.rows) for venue, one in collected.items()} == {
        "binance": ("success", 2),
        "okx": ("success", 1),
        "hyperliquid": ("success", 1),
        "bybit": ("success", 0),
    }
    with connect(settings) as lake:
        found = lake.execute(f"FROM {ORDER_BOOK_DEPTH.full_name}").pl()
        now = datetime.now(UTC)
        for venue in ("binance", "okx", "hyperliquid", "bybit"):
            for answer in (
                costs_grow(lake, venue, now),
                mids_near_marks(lake, venue, now),
                depth_asked_lately(lake, venue, now),
            ):
                assert answer.passed, (venue, answer)
        assert not depth_asked_lately(lake, "okx", now + timedelta(hours=3)).passed
    stored = ORDER_BOOK_DEPTH.typed(found).sort(ORDER_BOOK_DEPTH.key)
    assert stored.height in (4, 8)  # of two hours, should one have ended meanwhile
    assert stored["snapshot_hour"].min() >= before  # type: ignore[operator]
    assert stored["buy_10k_bps"].null_count() == 0
    assert (stored["mid"] > 0).all()
    [limits] = stored.filter(venue="hyperliquid")["ask_levels"].unique()
    assert limits == 20


def test_a_book_that_fails_costs_only_itself(settings: Settings, sandbox: RunningSandbox) -> None:
    with_pairs(settings, BEST, SECOND, pair("binance:NOSUCH", "okx:BTC-USDT-SWAP", 0.02))
    collected = collect_depth(["binance"], settings, "partial")
    attempt = collected["binance"].attempt
    assert (attempt.status, attempt.rows) == ("partial", 2)
    assert "NOSUCH" in str(attempt.warnings[0])
    fault = {"venue": "okx", "kind": "status", "status": 503}
    sandbox.inject(*parse_faults(json.dumps([fault])))
    collected = collect_depth(["binance", "okx"], settings, "stormy")
    assert collected["okx"].attempt.error is not None
    assert collected["binance"].attempt.error is None
    stored = rows(settings, f"SELECT DISTINCT venue FROM {ORDER_BOOK_DEPTH.full_name}")
    assert stored == [("binance",)]


def levels(symbol: str, quote: str, *sides: tuple[str, float, float]) -> pl.DataFrame:
    made = [
        {"venue": "v", "venue_symbol": symbol, "base": "A", "quote": quote, "side": side,
         "level": 0, "price": price, "size": size, "book_time": None, "observed_at": NOW}
        for side, price, size in sides
    ]  # fmt: skip
    return pl.DataFrame(made, ORDER_BOOK.polars_schema)


def test_empty_one_sided_and_foreign_books() -> None:
    frame = pl.concat(
        [
            levels("whole", "USDC", ("bid", 99.9, 100.0), ("ask", 100.1, 100.0)),
            levels("one side", "USD", ("bid", 99.0, 10.0)),
            levels("euro", "EUR", ("bid", 99.0, 10.0), ("ask", 101.0, 10.0)),
        ]
    )
    seen = dict.fromkeys(("whole", "one side", "euro", "empty"), NOW)
    found = depth_frame("v", OrderBooks(frame, seen, {}))
    assert found.schema == ORDER_BOOK_DEPTH.polars_schema
    by_symbol = {row["venue_symbol"]: row for row in found.to_dicts()}
    assert set(by_symbol) == {"whole", "one side", "empty"}
    assert by_symbol["whole"]["buy_1k_bps"] == pytest.approx(10.0)
    assert by_symbol["whole"]["buy_100k_bps"] is None
    assert by_symbol["whole"]["ask_within_10bps_usd"] == pytest.approx(10_010.0)
    assert by_symbol["whole"]["ask_within_5bps_usd"] == 0.0
    assert by_symbol["one side"]["bid"] == 99.0
    assert by_symbol["one side"]["mid"] is by_symbol["one side"]["sell_1k_bps"] is None
    assert (by_symbol["empty"]["bid"], by_symbol["empty"]["bid_levels"]) == (None, 0)
    assert by_symbol["whole"]["snapshot_hour"] == floor_hour(NOW)
