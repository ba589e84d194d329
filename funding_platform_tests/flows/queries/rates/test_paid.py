"""What a long has paid: of each instrument by itself, over all that is stored of it."""

from datetime import UTC, datetime, timedelta

import duckdb
import polars as pl
import pytest

from funding_platform.core.tables.collected import INSTRUMENTS
from funding_platform.flows.errors import FlowError, NotBuiltError
from funding_platform.flows.queries import funding_paid

DAY = datetime(2025, 3, 1, tzinfo=UTC)


@pytest.fixture
def lake() -> duckdb.DuckDBPyConnection:
    """Two contracts of BTC at one venue, and one of ETH, over three days."""
    daily = {"BTCUSD": 0.02, "BTCUSDT": 0.01, "ETHUSDT": 0.5}
    rates = pl.DataFrame(
        {
            "venue": "bybit",
            "venue_symbol": symbol,
            "resolution_hours": 24,
            "bucket_end": DAY + timedelta(days=day),
            "funding_rate": rate,
        }
        for symbol, rate in daily.items()
        for day in range(3)
    )
    listed = pl.DataFrame(
        [
            {"venue": "bybit", "venue_symbol": symbol, "base": symbol[:3], "status": status}
            for symbol, status in zip(daily, ("delisted", "trading", "trading"), strict=True)
        ],
        schema=INSTRUMENTS.polars_schema,
    )
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("CREATE SCHEMA marts; CREATE SCHEMA core")
    for name, frame in (("marts.funding_rates_resampled", rates), ("core.instruments", listed)):
        connection.register("given", frame)
        connection.execute(f"CREATE TABLE {name} AS FROM given")
    return connection


def test_contracts_of_one_venue_are_added_up_apart(lake: duckdb.DuckDBPyConnection) -> None:
    paid = funding_paid(lake, "BTC")
    assert {
        symbol: rows["paid"].round(9).to_list()
        for (symbol,), rows in paid.group_by("venue_symbol", maintain_order=True)
    } == {"BTCUSD": [0.02, 0.04, 0.06], "BTCUSDT": [0.01, 0.02, 0.03]}
    assert paid["day_end"].to_list() == 2 * [DAY + timedelta(days=day) for day in range(3)]
    assert funding_paid(lake, "DOGE").is_empty()


def test_nothing_was_built_is_no_empty_answer() -> None:
    with duckdb.connect() as connection, pytest.raises(NotBuiltError, match="funding_rates_resam"):
        funding_paid(connection, "BTC")


def test_a_share_and_a_coin_of_one_ticker_are_not_added_up_together(
    lake: duckdb.DuckDBPyConnection,
) -> None:
    lake.execute("UPDATE core.instruments SET asset_class = 'equity' WHERE status = 'delisted'")
    with pytest.raises(FlowError, match="BTC stands for 2 assets: crypto, equity"):
        funding_paid(lake, "BTC")
    share = funding_paid(lake, "BTC", asset_class="equity")
    assert share["venue_symbol"].unique().to_list() == ["BTCUSD"]
    coin = funding_paid(lake, "BTC", asset_class="crypto")
    assert coin["venue_symbol"].unique().to_list() == ["BTCUSDT"]
    with pytest.raises(FlowError, match="no asset class 'share'"):
        funding_paid(lake, "BTC", asset_class="share")
