"""What OKX says of one contract: its funding, mark, open interest, ticker and index."""

from typing import TypeVar

from funding_platform.core.time_grid import HOUR_MS
from funding_platform.sandbox.markets.market import Instrument, Quote
from funding_platform.sandbox.markets.series import Values
from funding_platform.sandbox.wire.contract import Request
from funding_platform.sandbox.wire.decimals import decimals_of, fixed, rounded, trimmed
from funding_platform.sandbox.wire.listings.okx import kind_of

_Amount = TypeVar("_Amount", float, Values)

RATE_DECIMALS = 16


def _moment(at_ms: int | None) -> str:
    return "" if at_ms is None else str(at_ms)


def funding_row(quote: Quote, now_ms: int) -> dict[str, str]:
    """Write what is expected at the next settlement."""
    cap = quote.instrument.rate_cap
    upcoming, hours = quote.next_funding_ms, quote.interval_hours
    after = None if upcoming is None or hours is None else upcoming + hours * HOUR_MS
    settled = "" if quote.last_rate is None else fixed(quote.last_rate, RATE_DECIMALS)
    return {
        "formulaType": "withRate",
        "fundingRate": fixed(quote.predicted_rate, RATE_DECIMALS),
        "fundingTime": _moment(upcoming),
        "impactValue": "20000.0000000000000000",
        "instId": quote.instrument.venue_symbol,
        "instType": kind_of(quote.instrument),
        "interestRate": "0.0001000000000000",
        "maxFundingRate": trimmed(cap),
        "method": "current_period",
        "minFundingRate": trimmed(-cap),
        "nextFundingRate": "",
        "nextFundingTime": _moment(after),
        "premium": rounded(quote.premium, RATE_DECIMALS),
        "prevFundingTime": _moment(quote.last_funding_ms),
        "settFundingRate": settled,
        "settState": "settled",
        "ts": str(now_ms),
    }


def mark_row(quote: Quote, now_ms: int) -> dict[str, str] | None:
    """Write the mark of one contract; None where there is none."""
    if quote.mark is None:
        return None
    return {
        "instId": quote.instrument.venue_symbol,
        "instType": kind_of(quote.instrument),
        "markPx": rounded(quote.mark, decimals_of(quote.instrument.tick_size)),
        "ts": str(now_ms),
    }


def contracts_of(instrument: Instrument, amount_base: _Amount, value: _Amount) -> _Amount:
    """Count an amount of the base, worth ``value`` in the quote, in contracts."""
    inverse = instrument.contract.contract_type == "inverse"
    return (value if inverse else amount_base) / instrument.contract_size


def interest_row(quote: Quote, now_ms: int) -> dict[str, str] | None:
    """Write what is held of one contract; None where too little is known of it."""
    amount, mark = quote.open_interest, quote.mark
    if amount is None or mark is None:
        return None
    return {
        "instId": quote.instrument.venue_symbol,
        "instType": kind_of(quote.instrument),
        "oi": rounded(contracts_of(quote.instrument, amount, amount * mark), 8),
        "oiCcy": rounded(amount, 10),
        "oiUsd": rounded(amount * mark, 6),
        "ts": str(now_ms),
    }


def ticker_row(quote: Quote, now_ms: int) -> dict[str, str]:
    """Write the best quotes and the last day of one contract."""
    places = decimals_of(quote.instrument.tick_size)
    mark, before = quote.mark, quote.price_24h_ago
    high, low = quote.range_24h

    def contracts(amount: float | None) -> str:
        if amount is None or mark is None:
            return ""
        return rounded(contracts_of(quote.instrument, amount, amount * mark), 2)

    return {
        "instType": kind_of(quote.instrument),
        "instId": quote.instrument.venue_symbol,
        "last": rounded(mark, places),
        "lastSz": trimmed(quote.instrument.size_step),
        "askPx": rounded(quote.ask, places),
        "askSz": contracts(quote.ask_size),
        "bidPx": rounded(quote.bid, places),
        "bidSz": contracts(quote.bid_size),
        "open24h": rounded(before, places),
        "high24h": rounded(high, places),
        "low24h": rounded(low, places),
        "volCcy24h": rounded(quote.volume_24h, 4),
        "vol24h": contracts(quote.volume_24h),
        "ts": str(now_ms),
        "sodUtc0": rounded(before, places),
        "sodUtc8": rounded(before, places),
    }


def index_rows(request: Request) -> dict[str, dict[str, str]]:
    """Write the index of every pair."""
    rows: dict[str, dict[str, str]] = {}
    for quote in request.quotes.values():
        if quote.index is None:
            continue
        base, quoted_in, _ = quote.instrument.contract
        name = f"{base}-{quoted_in}"
        price = rounded(quote.index, decimals_of(quote.instrument.tick_size))
        day = dict.fromkeys(("high24h", "sodUtc0", "open24h", "low24h", "sodUtc8"), price)
        rows[name] = {"instId": name, "idxPx": price, **day, "ts": str(request.now_ms)}
    return rows
