"""The routes of prices through time, by venue."""

from typing import Final

from funding_platform.sandbox.wire.candles import aster, binance, bybit, deribit, hyperliquid, okx
from funding_platform.sandbox.wire.contract import Route

ROUTES: Final[dict[str, tuple[Route, ...]]] = {
    "aster": aster.ROUTES,
    "binance": binance.ROUTES,
    "bybit": bybit.ROUTES,
    "deribit": deribit.ROUTES,
    "hyperliquid": hyperliquid.ROUTES,
    "okx": okx.ROUTES,
}
