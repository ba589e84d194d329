"""What Binance says of one contract: its estimate, open interest, last day and best quotes."""

from collections.abc import Callable, Mapping
from math import log10
from typing import Any

from funding_platform.core.time_grid import DAY_MS
from funding_platform.sandbox.markets.market import Quote
from funding_platform.sandbox.wire.decimals import decimals_of, fixed, rounded, trimmed

Row = Callable[[Quote, int], Mapping[str, Any] | None]
"""The object of one contract at a moment; ``None`` where the market knows too little for it."""


def premium_index(quote: Quote, now_ms: int) -> dict[str, Any]:
    """Write the running estimate of one contract, under the name of the last rate."""
    return {
        "symbol": quote.instrument.venue_symbol,
        "markPrice": rounded(quote.mark, 8),
        "indexPrice": rounded(quote.index, 8),
        "estimatedSettlePrice": rounded(quote.index, 8),
        "lastFundingRate": fixed(quote.predicted_rate, 8),
        "interestRate": "0.00010000",
        "nextFundingTime": quote.next_funding_ms or 0,
        "time": now_ms,
    }


def open_interest(quote: Quote, now_ms: int) -> dict[str, Any] | None:
    """Write what is held of one contract; None where that is unknown."""
    if quote.open_interest is None:
        return None
    return {
        "openInterest": rounded(quote.open_interest, decimals_of(quote.instrument.size_step)),
        "symbol": quote.instrument.venue_symbol,
        "time": now_ms,
    }


def ticker_24hr(quote: Quote, now_ms: int) -> dict[str, Any] | None:
    """Sum up the last day of one contract; None where too little is known of it."""
    last, before, volume = quote.mark, quote.price_24h_ago, quote.volume_24h
    if last is None or before is None or volume is None:
        return None
    places = decimals_of(quote.instrument.tick_size)
    mean = (last + before) / 2
    trades = int(100 * log10(volume * mean + 10))
    return {
        "symbol": quote.instrument.venue_symbol,
        "priceChange": rounded(last - before, places),
        "priceChangePercent": rounded(100 * (last / before - 1), 3),
        "weightedAvgPrice": rounded(mean, places),
        "lastPrice": rounded(last, places),
        "lastQty": trimmed(quote.instrument.size_step),
        "openPrice": rounded(before, places),
        "highPrice": rounded(max(last, before), places),
        "lowPrice": rounded(min(last, before), places),
        "volume": rounded(volume, 3),
        "quoteVolume": rounded(volume * mean, 2),
        "openTime": now_ms - DAY_MS,
        "closeTime": now_ms,
        "firstId": 1,
        "lastId": trades,
        "count": trades,
    }


def book_ticker(quote: Quote, now_ms: int) -> dict[str, Any] | None:
    """Write the best quotes of one contract; None where a side is empty."""
    if quote.bid is None or quote.ask is None:
        return None
    places = decimals_of(quote.instrument.tick_size)
    return {
        "symbol": quote.instrument.venue_symbol,
        "bidPrice": rounded(quote.bid, places),
        "bidQty": rounded(quote.bid_size, 3),
        "askPrice": rounded(quote.ask, places),
        "askQty": rounded(quote.ask_size, 3),
        "time": now_ms,
    }
