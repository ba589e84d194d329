"""Binance: contracts and spot markets in the ``exchangeInfo`` of either host."""

from collections.abc import Sequence
from typing import Any

from funding_platform.sandbox.markets.market import Instrument, SpotMarket
from funding_platform.sandbox.wire.decimals import decimals_of, trimmed

UNDERLYING = {"AAPL": "EQUITY", "XAU": "COMMODITY", "TSLA": "EQUITY", "XAG": "COMMODITY"}
"""What is no coin, and has a contract type of its own: see ``symbol_info``."""

_NEVER_DELIVERED_MS = 4_133_404_800_000

_SAME_FOR_ALL = {
    "contractType": "PERPETUAL", "maintMarginPercent": "2.5000", "requiredMarginPercent": "5.0000",
    "baseAssetPrecision": 8, "quotePrecision": 8, "underlyingType": "COIN",
    "underlyingSubType": [], "settlePlan": 0, "triggerProtect": "0.0500",
    "liquidationFee": "0.012000", "marketTakeBound": "0.30",
    "orderTypes": ["LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET",
                   "TRAILING_STOP_MARKET"],
    "timeInForce": ["GTC", "IOC", "FOK", "GTX"],
}  # fmt: skip
_SAME_FILTERS = (
    {"limit": 200, "filterType": "MAX_NUM_ORDERS"},
    {"limit": 10, "filterType": "MAX_NUM_ALGO_ORDERS"},
    {"notional": "5", "filterType": "MIN_NOTIONAL"},
    {"multiplierDown": "0.8500", "multiplierUp": "1.1500", "multiplierDecimal": "4",
     "filterType": "PERCENT_PRICE"},
)  # fmt: skip


def _kind(base: str) -> dict[str, Any]:
    if base not in UNDERLYING:
        return {}
    return {"contractType": "TRADIFI_PERPETUAL", "underlyingType": UNDERLYING[base]}


def symbol_info(instrument: Instrument, now_ms: int) -> dict[str, Any]:
    """Write a contract's row of ``exchangeInfo``."""
    contract, symbol = instrument.contract, instrument.venue_symbol
    tick, step = trimmed(instrument.tick_size), trimmed(instrument.size_step)
    lot = {"stepSize": step, "maxQty": "10000000", "minQty": step}
    return {
        **_SAME_FOR_ALL,
        **_kind(contract.base),
        "symbol": symbol,
        "pair": symbol,
        "deliveryDate": instrument.delisted_ms or _NEVER_DELIVERED_MS,
        "onboardDate": instrument.listed_ms,
        "status": "TRADING" if instrument.trades_at(now_ms) else "SETTLING",
        "baseAsset": contract.base,
        "quoteAsset": contract.quote,
        "marginAsset": instrument.settle,
        "pricePrecision": decimals_of(instrument.tick_size),
        "quantityPrecision": decimals_of(instrument.size_step),
        "filters": [
            {"minPrice": tick, "maxPrice": "1000000", "filterType": "PRICE_FILTER",
             "tickSize": tick},
            {**lot, "filterType": "LOT_SIZE"},
            {**lot, "filterType": "MARKET_LOT_SIZE"},
            *_SAME_FILTERS,
        ],
    }  # fmt: skip


_SPOT_FOR_ALL = {
    "status": "TRADING", "baseAssetPrecision": 8, "quotePrecision": 8, "quoteAssetPrecision": 8,
    "baseCommissionPrecision": 8, "quoteCommissionPrecision": 8,
    "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET"], "icebergAllowed": True, "ocoAllowed": True,
    "otoAllowed": True, "quoteOrderQtyMarketAllowed": True, "allowTrailingStop": True,
    "cancelReplaceAllowed": True, "isSpotTradingAllowed": True, "isMarginTradingAllowed": True,
    "permissions": [], "permissionSets": [["SPOT", "MARGIN"]],
    "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
    "allowedSelfTradePreventionModes": ["EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH"],
}  # fmt: skip


def spot_rows(markets: Sequence[SpotMarket]) -> list[dict[str, Any]]:
    """Write rows of ``exchangeInfo`` on the spot host."""
    return [_spot_row(m, trimmed(m.tick_size), trimmed(m.size_step)) for m in markets]


def _spot_row(market: SpotMarket, tick: str, step: str) -> dict[str, Any]:
    return {
        **_SPOT_FOR_ALL,
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
