"""What may be a symbol; a listing or a market under another name is left out, and named legibly."""

from datetime import UTC, datetime
from typing import Any

import pytest

from funding_platform.core.plain_text import SYMBOL_LENGTH, is_symbol, legible
from funding_platform.settings import Settings
from funding_platform.venues.adapters.binance.rest import Binance
from funding_platform.venues.errors import ContractError
from funding_platform_tests.venues.asking import ask
from funding_platform_tests.venues.server import Answer

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)

GOOD = [
    "BTCUSDT", "BTC-USDT-SWAP", "BTC_USDC-PERPETUAL", "1000PEPEUSDT", "kPEPE", "xyz:TSLA",
    "Binance (Futures):BTCUSDT", "MU.US_USDC_PERP", "币安人生USDT", "A", "A" * SYMBOL_LENGTH,
    "[/b]", "O'Neill",
]  # fmt: skip
BAD = [
    "", " ", " BTC", "BTC ", "A" * (SYMBOL_LENGTH + 1), "A" * 100_000, "BTC\x00", "BTC\n",
    "\x1b[2JBTC", "BTC\u202eTSU", "BTC\u200b", "BTC\ud800", "BTC\u2066", "\ufeffBTC", "BTC\x7f",
    "BTC\u2028", "BTC\xa0USDT",
]  # fmt: skip


@pytest.mark.parametrize("text", GOOD)
def test_a_symbol_is_what_can_be_printed(text: str) -> None:
    assert is_symbol(text)
    assert legible(text) == text


@pytest.mark.parametrize("text", BAD)
def test_all_else_is_not(text: str) -> None:
    assert not is_symbol(text)
    assert legible(text).isprintable()


def routes(text: str, field: str) -> dict[str, Any]:
    symbols = [
        {"symbol": f"S{n}USDT", "status": "TRADING", "contractType": "PERPETUAL",
         "quoteAsset": "USDT", "baseAsset": f"S{n}", "marginAsset": "USDT"} for n in range(4)
    ]  # fmt: skip
    symbols[2][field] = text
    premium = [
        {"symbol": row["symbol"], "lastFundingRate": "0.0001", "markPrice": "1",
         "indexPrice": "1", "nextFundingTime": 1_772_380_800_000} for row in symbols
    ]  # fmt: skip
    return {
        "/fapi/v1/exchangeInfo": Answer({"symbols": symbols}),
        "/fapi/v1/fundingInfo": Answer([]),
        "/fapi/v1/premiumIndex": Answer(premium),
        "/fapi/v1/ticker/24hr": Answer([]),
        "/fapi/v1/ticker/bookTicker": Answer([]),
        "/fapi/v1/openInterest": Answer({}, 404),
    }


@pytest.mark.parametrize("field", ["symbol", "baseAsset", "quoteAsset", "marginAsset"])
@pytest.mark.parametrize("text", ["BTC\x00", "\x1b[2J", "A" * 100_000, "BTC\u202eTSU"])
def test_a_listing_under_another_name_is_left_out(
    settings: Settings, text: str, field: str
) -> None:
    found, warnings, _ = ask("binance", routes(text, field), settings, NOW, Binance.instruments)
    assert set(found["venue_symbol"]) == {"S0USDT", "S1USDT", "S3USDT"}
    (warning,) = [str(one) for one in warnings if "not a symbol" in str(one)]
    assert "\x1b" not in warning
    assert "\x00" not in warning
    assert len(warning) < 2_000


def test_a_market_under_another_name_is_left_out(settings: Settings) -> None:
    found, warnings, _ = ask(
        "binance", routes("X\x1b[31m", "symbol"), settings, NOW, Binance.market_snapshot
    )
    assert set(found["venue_symbol"]) == {"S0USDT", "S1USDT", "S3USDT"}
    assert any("X[31m" in str(one) for one in warnings)


def test_names_that_are_none_throughout_break_the_contract(settings: Settings) -> None:
    spoilt = routes("x", "symbol")
    for row in spoilt["/fapi/v1/exchangeInfo"].body["symbols"]:
        row["baseAsset"] = "\x00"
    with pytest.raises(ContractError, match="not a symbol"):
        ask("binance", spoilt, settings, NOW, Binance.instruments)
