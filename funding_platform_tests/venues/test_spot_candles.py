"""Bars of spot markets, by their symbols or by the base, on short bodies."""

import pytest

from funding_platform.settings import Settings
from funding_platform.venues.errors import UnknownSymbolError
from funding_platform.venues.parsing.hourly import HourlyHistory
from funding_platform_tests.venues.klines import DAY, TEN_HOURS, kline, klines, read
from funding_platform_tests.venues.server import Answer, Route

SPOT = {
    "symbols": [
        {"symbol": symbol, "status": status, "baseAsset": base, "quoteAsset": quote}
        for symbol, status, base, quote in (
            ("BTCEUR", "TRADING", "BTC", "EUR"),
            ("BTCUSDC", "TRADING", "BTC", "USDC"),
            ("BTCUSDT", "TRADING", "BTC", "USDT"),
            ("ETHUSDT", "BREAK", "ETH", "USDT"),
            ("1000SATSUSDT", "TRADING", "1000SATS", "USDT"),
        )
    ]
}


def spot(markets: list[str], settings: Settings) -> HourlyHistory:
    routes: dict[str, Route] = {
        "/api/v3/exchangeInfo": Answer(SPOT),
        "/api/v3/klines": klines([kline(hour) for hour in TEN_HOURS]),
    }
    found: HourlyHistory = read(
        "binance", routes, settings, lambda v: v.spot_candle_history(markets, DAY)
    )
    return found


def test_a_base_is_its_market_against_the_dollar(settings: Settings) -> None:
    found = spot(["BTC", "BTCEUR"], settings)
    rows = found.frame.group_by("venue_symbol", maintain_order=True).first().to_dicts()
    assert [(row["venue_symbol"], row["base"], row["quote"]) for row in rows] == [
        ("BTCEUR", "BTC", "EUR"),
        ("BTCUSDT", "BTC", "USDT"),
    ]
    assert [row["volume_usd"] for row in rows] == [None, 10.0]


def test_a_thousand_of_a_coin_does_not_pass_for_one(settings: Settings) -> None:
    found = spot(["1000SATSUSDT"], settings)
    assert set(found.frame["base"]) == {"1000SATS"}


@pytest.mark.parametrize("name", ["ETH", "DOGE", "DOGEUSDT"])
def test_a_market_that_is_not_there_is_said_to_be_unknown(settings: Settings, name: str) -> None:
    found = spot([name, "BTC"], settings)
    assert type(found.failures[name]) is UnknownSymbolError
    assert list(found.coverage) == ["BTCUSDT"]
