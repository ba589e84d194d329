"""The routes of order books, by venue."""

from typing import Final

from funding_platform.sandbox.wire.books import (
    aster,
    backpack,
    binance,
    bybit,
    deribit,
    drift,
    edgex,
    extended,
    grvt,
    hyperliquid,
    lighter,
    okx,
    paradex,
)
from funding_platform.sandbox.wire.contract import Route

ROUTES: Final[dict[str, tuple[Route, ...]]] = {
    "aster": aster.ROUTES,
    "backpack": backpack.ROUTES,
    "binance": binance.ROUTES,
    "bybit": bybit.ROUTES,
    "deribit": deribit.ROUTES,
    "drift": drift.ROUTES,
    "edgex": edgex.ROUTES,
    "extended": extended.ROUTES,
    "grvt": grvt.ROUTES,
    "hyperliquid": hyperliquid.ROUTES,
    "lighter": lighter.ROUTES,
    "okx": okx.ROUTES,
    "paradex": paradex.ROUTES,
}
