"""Hyperliquid: the document of ``spotMeta``."""

from collections.abc import Sequence
from typing import Any
from zlib import crc32

from funding_platform.sandbox.markets.market import SpotMarket
from funding_platform.sandbox.wire.decimals import decimals_of

_PAIRS = {"PURR": 0, "HYPE": 107, "BTC": 142, "ETH": 151, "SOL": 156}
"""Spot pairs by number; coins of other chains are there under another name."""

_WRAPPED = {"BTC": "UBTC", "ETH": "UETH", "SOL": "USOL"}
_NUMBERS = {"PURR": 1, "HYPE": 150, "BTC": 197, "ETH": 221, "SOL": 254}


def pair(base: str) -> str | None:
    """Spell a pair as requests name it: ``@107``; the first one is spelled out."""
    number = _PAIRS.get(base)
    return None if number is None else f"@{number}" if number else f"{base}/USDC"


def read_pair(symbol: str) -> tuple[str, str] | None:
    """Read the base and quote of a pair that requests name."""
    named = {pair(base): (base, "USDC") for base in _PAIRS}
    return named.get(symbol)


def spot_meta(markets: Sequence[SpotMarket]) -> dict[str, Any]:
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
            "index": _PAIRS[market.base],
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
