"""Drift and Velocity: rows of ``stats/markets``."""

from typing import Any

from funding_platform.sandbox.markets.market import Quote
from funding_platform.sandbox.wire.decimals import percent, rounded

SPOT = {
    "symbol": "USDT", "marketIndex": 0, "marketType": "spot", "status": "active", "precision": 6,
    "limits": {"withdraw": {"max": 9_500}, "deposit": {"max": 5_000_000}},
    "oraclePrice": "1.000000", "baseVolume": "0", "quoteVolume": "0", "deposits": "4000000",
    "borrows": "17000", "price": "", "priceChange24h": "", "priceChange24hPercent": "",
    "priceHigh": {"oracle": "0.000000", "fill": "0.000000"},
    "priceLow": {"oracle": "0.000000", "fill": "0.000000"},
}  # fmt: skip
"""The one spot market that is among the rows."""


def market_row(quote: Quote, identity: int) -> dict[str, Any]:
    """Write a contract's row."""
    instrument = quote.instrument
    mark, before, volume = quote.mark, quote.price_24h_ago, quote.volume_24h
    turnover = None if mark is None or volume is None else mark * volume
    moved = None if mark is None or before is None else mark - before
    high, low = quote.range_24h
    rate = quote.predicted_rate
    return {
        "symbol": instrument.venue_symbol,
        "marketIndex": identity,
        "marketType": "perp",
        "uiStatus": "visible",
        "baseAsset": instrument.contract.base,
        "quoteAsset": instrument.contract.quote,
        "status": "active",
        "precision": 9,
        "limits": {
            "leverage": {"min": 1, "max": 20},
            "amount": {"min": instrument.size_step, "max": 1e6 * instrument.size_step},
        },
        "fees": {"maker": -0.000025, "taker": 0.0002},
        "oraclePrice": _price(quote.index),
        "markPrice": _price(mark),
        "baseVolume": rounded(volume, 6),
        "quoteVolume": rounded(turnover, 6),
        "openInterest": _open_interest(quote.open_interest),
        "fundingRate": {"long": percent(0.0 - rate, 6), "short": percent(rate, 6)},
        "fundingRate24h": percent(rate, 6),
        "fundingRateUpdateTs": (quote.last_funding_ms or 0) // 1_000,
        "price": _price(mark),
        "priceChange24h": rounded(moved, 6),
        "priceChange24hPercent": rounded(moved and before and 100 * moved / before, 2),
        "priceHigh": {"oracle": _price(high), "fill": _price(high)},
        "priceLow": {"oracle": _price(low), "fill": _price(low)},
    }


def _price(price: float | None) -> str:
    """Write a price at six decimals, and at more where it is tiny."""
    return rounded(price, 6 if price is None or price > 1 else 12)


def _open_interest(held: float | None) -> dict[str, str]:
    """Write both sides; the longs outnumber the shorts, the venue's market maker is the rest."""
    shorts = None if held is None else -0.9 * held
    return {"long": rounded(held, 4), "short": rounded(shorts, 4)}
