"""The cases of ``fixtures/INDEX-candles.json``: recorded bars and what they stand for."""

import json
from pathlib import Path
from typing import Any

from funding_platform_tests.venues.adapters.recorded_cases import FIXTURES

Case = dict[str, Any]
Row = dict[str, Any]

NOT_BARS = {
    "hyperliquid/candles-hip3-fundingHistory-xyz_SKHY.json",  # settlements
    "okx/docs-candles-oi-rubik-volume.json",  # of a coin over all contracts: not an instrument's
    "lighter/ws-candles-trade-0-1m.json",  # of the stream: one bar of the same fields
    "edgex/ws-candles-row-v2-30000001-1m.json",
}
"""Files of the index that answer no call of ours."""

SYMBOLS = {
    "aster": "BTCUSDT",
    "backpack": "BTC_USDC_PERP",
    "binance": "BTCUSDT",
    "bybit": "BTCUSDT",
    "deribit": "BTC-PERPETUAL",
    "drift": "BTC-PERP",
    "edgex": "BTCUSD",
    "extended": "BTC-USD",
    "grvt": "BTC_USDT_Perp",
    "hyperliquid": "BTC",
    "lighter": "BTC",
    "okx": "BTC-USDT-SWAP",
    "paradex": "BTC-USD-PERP",
}
"""What each venue's recorded bars are asked by where the index does not say."""


def candle_cases() -> list[Case]:
    """The recorded answers to calls that the adapters make; none without the recordings."""
    if not FIXTURES.is_dir():
        return []
    cases = json.loads((FIXTURES / "INDEX-candles.json").read_text())["cases"]
    return [case for case in cases if case["file"] not in NOT_BARS]


def body(case: Case) -> bytes:
    """The recorded answer."""
    recorded: Path = FIXTURES / case["file"]
    return recorded.read_bytes()
