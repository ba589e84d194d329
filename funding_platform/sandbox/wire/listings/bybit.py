"""Bybit: rows of ``instruments-info``."""

from collections.abc import Sequence
from typing import Any

from funding_platform.sandbox.markets.market import Instrument, SpotMarket
from funding_platform.sandbox.wire.decimals import decimals_of, trimmed

_SAME_FOR_ALL = {
    "deliveryFeeRate": "", "unifiedMarginTrade": True, "copyTrading": "none",
    "leverageFilter": {"minLeverage": "1", "maxLeverage": "50.00", "leverageStep": "0.01"},
    "isPreListing": False, "preListingInfo": None, "symbolType": "", "forbidUplWithdrawal": False,
    "riskParameters": {"priceLimitRatioX": "0.05", "priceLimitRatioY": "0.1"},
    "fullName": "", "marketRegion": "", "underlyingTicker": "",
}  # fmt: skip
_LARGEST_ORDERS = {
    "maxOrderQty": "10000000", "postOnlyMaxOrderQty": "10000000", "maxMktOrderQty": "1000000",
    "minNotionalValue": "5",
}  # fmt: skip


def instrument_row(instrument: Instrument, identity: int, now_ms: int) -> dict[str, Any]:
    """Write a contract's row."""
    contract = instrument.contract
    tick, step = trimmed(instrument.tick_size), trimmed(instrument.size_step)
    linear = contract.contract_type == "linear"
    hours = instrument.interval_at(now_ms)
    return {
        **_SAME_FOR_ALL,
        "symbol": instrument.venue_symbol,
        "contractType": "LinearPerpetual" if linear else "InversePerpetual",
        "status": "Trading" if instrument.trades_at(now_ms) else "Closed",
        "baseCoin": contract.base,
        "quoteCoin": contract.quote,
        "settleCoin": instrument.settle,
        "launchTime": str(instrument.listed_ms),
        "deliveryTime": str(instrument.delisted_ms or 0),
        "priceScale": str(decimals_of(instrument.tick_size)),
        "priceFilter": {"minPrice": tick, "maxPrice": "1999999.80", "tickSize": tick},
        "lotSizeFilter": {**_LARGEST_ORDERS, "minOrderQty": step, "qtyStep": step},
        # Zero is what the venue shows for contracts without funding.
        "fundingInterval": 0 if hours is None else hours * 60,
        "upperFundingRate": trimmed(instrument.rate_cap),
        "lowerFundingRate": trimmed(-instrument.rate_cap),
        "displayName": instrument.venue_symbol,
        "symbolId": identity,
    }


def spot_rows(markets: Sequence[SpotMarket]) -> list[dict[str, Any]]:
    """Write rows in the spot category."""
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
