"""Aster's klines: Binance's, below ``/fapi/v3`` and, still, below ``/fapi/v1``."""

from typing import Final

from funding_platform.sandbox.wire.candles import binance
from funding_platform.sandbox.wire.contract import Handler, Route

_HANDLERS: Final[dict[str, Handler]] = {
    "klines": binance.klines,
    "markPriceKlines": binance.mark_klines,
    "indexPriceKlines": binance.index_klines,
}

ROUTES: Final = tuple(
    Route(f"/fapi/{version}/{name}", handler, cost=binance.weight)
    for version in ("v1", "v3")
    for name, handler in _HANDLERS.items()
)
