"""What a trader sees of a lake, and what the live board lays over it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from funding_platform.core.tables.marts.latest import LATEST_FUNDING_RATES
from funding_platform.core.tables.marts.opportunities import OPPORTUNITIES
from funding_platform.execution.config import TradingConfig
from funding_platform.execution.cycle.market import MARKET, LatestMarket, market_frame
from funding_platform.execution.pair.pairs import InstrumentRef
from funding_platform.flows.errors import NotBuiltError
from funding_platform.flows.execution.market import LakeMarket, with_board
from funding_platform.lake.connection import connect
from funding_platform.lake.errors import LakeMissingError
from funding_platform.settings import Settings
from funding_platform_tests.arbitrage.market import build_lake, facts, insert_rows

NOW = datetime.now(UTC).replace(microsecond=0)
HELD = InstrumentRef("okx", "GONE-USDT-SWAP")


def rate(venue: str, symbol: str, **more: Any) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(LATEST_FUNDING_RATES.column_names)
    known = {
        "venue": venue,
        "venue_symbol": symbol,
        "base": "BTC",
        "quote": "USDT",
        "contract_type": "linear",
        "multiplier": 1.0,
        "status": "trading",
        "settled_time": NOW - timedelta(hours=3),
        "settled_rate": 0.0002,
        "settled_interval_hours": 8.0,
        "predicted_rate": 0.0003,
        "predicted_interval_hours": 8.0,
        "mark_price": 60_000.0,
        "spread_bps": 2.0,
        "observed_at": NOW - timedelta(minutes=5),
    }
    return row | known | more


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = Settings(data_dir=tmp_path)
    pair = facts("BTC", "binance", "bybit", market_reasons=())
    build_lake(made, (OPPORTUNITIES, [pair]))
    legs = [(pair["long_venue"], pair["long_symbol"]), (pair["short_venue"], pair["short_symbol"])]
    with connect(made, read_only=False) as lake:
        lake.execute(LATEST_FUNDING_RATES.ddl())
        rows = [rate(*legs[0]), rate(*legs[1], spread_bps=None), rate("okx", "BTC-USDT-SWAP")]
        insert_rows(lake, LATEST_FUNDING_RATES, rows)
    return made


def seen(settings: Settings, **fields: Any) -> Any:
    config = TradingConfig.model_validate({"opportunities": {"filter": {"limit": 100}}, **fields})
    return LakeMarket(settings, config).look([HELD])


def test_it_sees_the_legs_of_opportunities_with_fees_and_spreads(settings: Settings) -> None:
    sight = seen(settings)
    rows = {row["venue"]: row for row in sight.instruments.iter_rows(named=True)}
    assert set(rows) == {"binance", "bybit"}  # okx has a rate, but is in no opportunity
    assert (rows["binance"]["rate"], rows["binance"]["predicted_rate"]) == (0.0002, 0.0003)
    assert (rows["binance"]["fee_bps"], rows["binance"]["half_spread_bps"]) == (5.0, 1.0)
    assert rows["bybit"]["half_spread_bps"] == 5.0  # half of the spread that is assumed
    assert rows["binance"]["asset"] == "BTC crypto"
    assert rows["binance"]["seen_at"] == NOW - timedelta(minutes=5)
    assert sight.opportunities.height == 1
    assert sight.opportunities_at is not None


def test_what_is_held_and_not_listed_is_there_by_name_only(settings: Settings) -> None:
    market = LatestMarket(market_frame(seen(settings).instruments, [HELD]), NOW)
    lost = market.row[HELD]
    assert not market.tradable[lost]
    assert market.instruments["rate"][lost] is None
    assert market.base[lost] not in [market.base[row] for row in range(3) if row != lost]


def named(settings: Settings, kind: str) -> tuple[str, Any]:
    """Let bybit's leg be of a kind; its symbol, and what is seen then."""
    (leg,) = [x for x in seen(settings).instruments.iter_rows(named=True) if x["venue"] == "bybit"]
    with connect(settings, read_only=False) as lake:
        lake.execute(
            f"UPDATE {LATEST_FUNDING_RATES.full_name} SET contract_type = ? WHERE venue = 'bybit'",
            [kind],
        )
    return leg["venue_symbol"], seen(settings)


def test_a_leg_that_pays_in_another_coin_is_named_and_not_shown_to_a_strategy(
    settings: Settings,
) -> None:
    symbol, sight = named(settings, "quanto")
    assert sight.instruments["venue"].to_list() == ["binance"]
    assert sight.untraded == {InstrumentRef("bybit", symbol): "quanto"}


def test_a_leg_that_is_margined_in_its_own_coin_is_shown(settings: Settings) -> None:
    symbol, sight = named(settings, "inverse")
    rows = {row["venue_symbol"]: row for row in sight.instruments.iter_rows(named=True)}
    assert rows[symbol]["contract_type"] == "inverse"
    assert sight.untraded == {}


def test_venues_and_bases_of_the_configuration_narrow_it(settings: Settings) -> None:
    assert seen(settings, bases=["BTC"]).opportunities.height == 1
    assert seen(settings, venues=["binance", "bybit"]).opportunities.height == 1


def test_without_a_lake_or_marts_it_says_so(tmp_path: Path) -> None:
    empty = Settings(data_dir=tmp_path / "none")
    with pytest.raises(LakeMissingError):
        seen(empty)
    connect(empty, read_only=False).close()
    with pytest.raises(NotBuiltError):
        seen(empty)


def test_the_board_replaces_only_what_it_has_seen_later() -> None:
    market = pl.DataFrame(
        [
            {
                "venue": "a",
                "venue_symbol": "X",
                "price": 1.0,
                "predicted_rate": 0.1,
                "seen_at": NOW,
            },
            {
                "venue": "b",
                "venue_symbol": "X",
                "price": 2.0,
                "predicted_rate": 0.2,
                "seen_at": NOW,
            },
        ]
    )
    board = pl.DataFrame(
        {
            "venue": ["a", "b"],
            "venue_symbol": ["X", "X"],
            "mark_price": [1_500.0, 9.0],
            "multiplier": [1_000.0, 1.0],
            "predicted_rate": [None, 0.9],
            "interval_hours": [8.0, 8.0],
            "next_funding_time": [NOW, NOW],
            "observed_at": [NOW + timedelta(seconds=5), NOW - timedelta(seconds=5)],
        }
    )
    rows = with_board(market_frame(market), board).rows(named=True)
    assert [(row["price"], row["predicted_rate"]) for row in rows] == [(1.5, 0.1), (2.0, 0.2)]
    assert rows[0]["seen_at"] == NOW + timedelta(seconds=5)
    assert list(rows[0]) == MARKET.names()
