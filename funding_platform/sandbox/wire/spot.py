"""How venues list their spot markets: on their own, or among the contracts."""

from collections.abc import Sequence
from typing import Any
from zlib import crc32

from funding_platform.sandbox.market import SpotMarket
from funding_platform.sandbox.wire.decimals import decimals_of, trimmed

_BINANCE = {
    "status": "TRADING", "baseAssetPrecision": 8, "quotePrecision": 8, "quoteAssetPrecision": 8,
    "baseCommissionPrecision": 8, "quoteCommissionPrecision": 8,
    "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET"], "icebergAllowed": True, "ocoAllowed": True,
    "otoAllowed": True, "quoteOrderQtyMarketAllowed": True, "allowTrailingStop": True,
    "cancelReplaceAllowed": True, "isSpotTradingAllowed": True, "isMarginTradingAllowed": True,
    "permissions": [], "permissionSets": [["SPOT", "MARGIN"]],
    "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
    "allowedSelfTradePreventionModes": ["EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH"],
}  # fmt: skip


def binance_rows(markets: Sequence[SpotMarket]) -> list[dict[str, Any]]:
    """Write rows of ``exchangeInfo`` on the spot host."""
    return [_binance_row(m, trimmed(m.tick_size), trimmed(m.size_step)) for m in markets]


def _binance_row(market: SpotMarket, tick: str, step: str) -> dict[str, Any]:
    return {
        **_BINANCE,
        "symbol": market.venue_symbol,
        "baseAsset": market.base,
        "quoteAsset": market.quote,
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "1000000.00000000",
             "tickSize": tick},
            {"filterType": "LOT_SIZE", "minQty": step, "maxQty": "9000.00000000",
             "stepSize": step},
        ],
    }  # fmt: skip


def bybit_rows(markets: Sequence[SpotMarket]) -> list[dict[str, Any]]:
    """Write rows of ``instruments-info`` in the spot category."""
    return [
        {
            "symbol": market.venue_symbol,
            "baseCoin": market.base,
            "quoteCoin": market.quote,
            "innovation": "0",
            "symbolType": "",
            "status": "Trading",
            "marginTrading": "utaOnly",
            "stTag": "0",
            "lotSizeFilter": {
                "basePrecision": trimmed(market.size_step), "quotePrecision": "0.0000001",
                "minOrderQty": trimmed(market.size_step), "maxOrderQty": "17000000",
                "minOrderAmt": "5", "maxOrderAmt": "8000000",
            },
            "priceFilter": {"tickSize": trimmed(market.tick_size)},
            "riskParameters": {"priceLimitRatioX": "0.01", "priceLimitRatioY": "0.01"},
        }
        for market in markets
    ]  # fmt: skip


def okx_columns(market: SpotMarket) -> dict[str, str]:
    """Write what a row of ``instruments`` says of a spot market, beside what all rows say."""
    step = trimmed(market.size_step)
    return {
        "baseCcy": market.base,
        "quoteCcy": market.quote,
        "ctMult": "", "ctType": "", "ctVal": "", "ctValCcy": "", "instFamily": "", "uly": "",
        "settleCcy": "", "contTdSwTime": "",
        "instId": market.venue_symbol,
        "instType": "SPOT",
        "listTime": str(market.listed_ms),
        "lotSz": step,
        "minSz": step,
        "tickSz": trimmed(market.tick_size),
    }  # fmt: skip


HYPERLIQUID_PAIRS = {"PURR": 0, "HYPE": 107, "BTC": 142, "ETH": 151, "SOL": 156}
"""Spot pairs by number; coins of other chains are there under another name."""

_WRAPPED = {"BTC": "UBTC", "ETH": "UETH", "SOL": "USOL"}
_NUMBERS = {"PURR": 1, "HYPE": 150, "BTC": 197, "ETH": 221, "SOL": 254}


def hyperliquid_pair(base: str) -> str | None:
    """Spell a pair as requests name it: ``@107``; the first one is spelled out."""
    number = HYPERLIQUID_PAIRS.get(base)
    return None if number is None else f"@{number}" if number else f"{base}/USDC"


def hyperliquid_read_pair(symbol: str) -> tuple[str, str] | None:
    """Read the base and quote of a pair that requests name."""
    named = {hyperliquid_pair(base): (base, "USDC") for base in HYPERLIQUID_PAIRS}
    return named.get(symbol)


def hyperliquid_meta(markets: Sequence[SpotMarket]) -> dict[str, Any]:
    """Write the document of ``spotMeta``: tokens, and pairs of their numbers."""
    usdc = _token("USDC", 0, 8, canonical=True)
    tokens = [
        _token(_WRAPPED.get(m.base, m.base), _NUMBERS[m.base], decimals_of(m.size_step),
               canonical=m.base == "PURR")
        for m in markets
    ]  # fmt: skip
    universe = [
        {
            "tokens": [_NUMBERS[market.base], 0],
            "name": market.venue_symbol,
            "index": HYPERLIQUID_PAIRS[market.base],
            "isCanonical": market.base == "PURR",
        }
        for market in markets
    ]
    return {"tokens": [usdc, *tokens], "universe": universe}


def _token(name: str, number: int, size_decimals: int, *, canonical: bool) -> dict[str, Any]:
    return {
        "name": name,
        "szDecimals": size_decimals,
        "weiDecimals": 8,
        "index": number,
        "tokenId": f"0x{crc32(name.encode()):032x}",
        "isCanonical": canonical,
        "evmContract": None,
        "fullName": None,
        "deployerTradingFeeShare": "0.0",
    }
