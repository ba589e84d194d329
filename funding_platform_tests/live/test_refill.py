"""What of a snapshot by REST becomes updates."""

from datetime import UTC, datetime, timedelta

import polars as pl

from funding_platform.core.tables.collected import MARKET_SNAPSHOTS
from funding_platform.core.time_grid import to_ms
from funding_platform.live.refill import filling_updates
from funding_platform.venues.streams.updates import VALUES, MarketUpdate

OBSERVED = datetime(2026, 3, 1, 12, 0, 5, tzinfo=UTC)
ASKED_MS = to_ms(OBSERVED) - 1_500
DUE = datetime(2026, 3, 1, 16, tzinfo=UTC)


def snapshot(*rows: dict[str, object]) -> pl.DataFrame:
    usual = {
        "venue": "binance",
        "snapshot_hour": OBSERVED.replace(second=0),
        "observed_at": OBSERVED,
        "latency_ms": 1_500.0,
    }
    schema = {column.name: column.type.polars for column in MARKET_SNAPSHOTS.columns}
    return pl.DataFrame([{**dict.fromkeys(schema), **usual, **row} for row in rows], schema=schema)


FULL = {
    "venue_symbol": "BTCUSDT",
    "predicted_rate": 0.0001,
    "interval_hours": 8.0,
    "next_funding_time": DUE,
    "mark_price": 65_000.0,
    "index_price": 65_010.0,
    "open_interest_base": 10.0,
    "open_interest_usd": 650_000.0,
    "volume_24h_usd": 1e9,
    "best_bid": 64_999.0,
    "best_ask": 65_001.0,
}


def test_a_row_becomes_an_update_of_the_time_when_it_was_asked_for() -> None:
    (update,) = filling_updates(snapshot(FULL), {})
    assert update == MarketUpdate(
        venue_symbol="BTCUSDT",
        event_ms=ASKED_MS,
        predicted_rate=0.0001,
        interval_hours=8.0,
        next_funding_ms=to_ms(DUE),
        mark_price=65_000.0,
        index_price=65_010.0,
        open_interest_base=10.0,
        open_interest_usd=650_000.0,
        volume_24h_usd=1e9,
        best_bid=64_999.0,
        best_ask=65_001.0,
    )


def test_what_is_not_known_says_nothing() -> None:
    """A call of the snapshot may have failed, while a stream knows the value."""
    (update,) = filling_updates(snapshot({**FULL, "open_interest_base": None}), {})
    assert "open_interest_base" in VALUES
    assert update.open_interest_base not in (None, 0.0)
    assert type(update.open_interest_base).__name__ == "UnsetType"


def test_what_a_stream_carries_is_left_to_it() -> None:
    rows = snapshot(FULL, {**FULL, "venue_symbol": "ETHUSDT"})
    carried = {"BTCUSDT": {*VALUES} - {"open_interest_usd"}}
    bitcoin, ether = filling_updates(rows, carried)
    assert bitcoin == MarketUpdate(
        venue_symbol="BTCUSDT", event_ms=ASKED_MS, open_interest_usd=650_000.0
    )
    assert ether.predicted_rate == 0.0001


def test_nothing_is_left_where_streams_carry_all() -> None:
    assert filling_updates(snapshot(FULL), {"BTCUSDT": VALUES}) == []


def test_a_clock_of_ours_that_is_ahead_is_set_back_to_the_venues() -> None:
    (update,) = filling_updates(snapshot(FULL), {}, timedelta(seconds=2))
    assert update.event_ms == ASKED_MS - 2_000
