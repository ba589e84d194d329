"""Drift and Velocity: the data API, with the order book's ``/l2`` on the same host.

A rate is three things: percent of cash flow per side in ``stats/markets``, quote per base beside an
oracle price in the history, and the same in integers in the oldest form of it. The history comes
newest first, of the last 31 days or of one day; the market's price of a settlement serves as both
average prices, and one where it knows none. Of what else it does not know, text is empty and a
book is without levels.

Bars are in ``candles.drift``.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np

from funding_platform.core.time_grid import DAY_MS, to_ms
from funding_platform.sandbox.limits import Budget, Limits
from funding_platform.sandbox.market import Contract, Instrument, Quote, VenueStyle
from funding_platform.sandbox.series import Settlements, Values
from funding_platform.sandbox.wire.contract import (
    Handler,
    ParameterError,
    Reply,
    Request,
    Wire,
    WireError,
    routes_of,
    rows_text,
)
from funding_platform.sandbox.wire.decimals import fixed_all, percent, rounded
from funding_platform.sandbox.wire.paging import newest, within

_PAGE = 750
_KEPT_DAYS = 31
_ENDING = "-PERP"
_TRIES = 1_000


def _read(symbol: str) -> Contract | None:
    base = symbol.removesuffix(_ENDING)
    return None if base in ("", symbol) else Contract(base, "USDT", "linear")


STYLE = VenueStyle(
    venue="drift",
    spell=lambda contract: f"{contract.base}{_ENDING}",
    read=_read,
    quotes=("USDT",),
    intervals={1: 1.0},
    rate_decimals=12,
    rate_cap=0.00125,
    multipliers={"PEPE": "1MPEPE", "BONK": "1MBONK", "SHIB": "1000SHIB"},
    jitter_ms=(15_000, 120_000),
    marks_settlements=True,
)


def _message(text: str, *, status: int) -> Reply:
    return Reply.json({"message": text}, status=status)


def _refusal(status: int, now_ms: int) -> Reply:
    texts = {403: "Forbidden", 429: "Too Many Requests"}
    return _message(texts.get(status, "Internal server error"), status=status)


_NOT_FOUND = _message("Not Found", status=404)


def listed(request: Request, name: str) -> tuple[int, Instrument]:
    """Find the contract that the parameter names, with its index."""
    symbol = request.required(name)
    for identity, instrument in enumerate(request.instruments):
        if instrument.venue_symbol == symbol:
            return identity, instrument
    raise WireError(_NOT_FOUND)


_SPOT = {
    "symbol": "USDT", "marketIndex": 0, "marketType": "spot", "status": "active", "precision": 6,
    "limits": {"withdraw": {"max": 9_500}, "deposit": {"max": 5_000_000}},
    "oraclePrice": "1.000000", "baseVolume": "0", "quoteVolume": "0", "deposits": "4000000",
    "borrows": "17000", "price": "", "priceChange24h": "", "priceChange24hPercent": "",
    "priceHigh": {"oracle": "0.000000", "fill": "0.000000"},
    "priceLow": {"oracle": "0.000000", "fill": "0.000000"},
}  # fmt: skip


def _stats_markets(request: Request) -> Reply:
    rows = [
        _market_row(request.quotes[instrument.venue_symbol], identity)
        for identity, instrument in enumerate(request.instruments)
        if instrument.venue_symbol in request.quotes
    ]
    return Reply.json({"success": True, "markets": [_SPOT, *rows]}, rows=len(rows))


def _market_row(quote: Quote, identity: int) -> dict[str, Any]:
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


def _book(request: Request) -> Reply:
    identity, instrument = listed(request, "marketName")
    quote = request.quotes.get(instrument.venue_symbol) or Quote(instrument, 0.0)
    index = "" if quote.index is None else str(_millionths(quote.index))
    gap = None if quote.bid is None or quote.ask is None else quote.ask - quote.bid
    slot = request.now_ms // 400
    oracle = {
        "price": index, "slot": str(slot), "confidence": "0",
        "hasSufficientNumberOfDataPoints": True, "twap": index, "twapConfidence": index,
    }  # fmt: skip
    return Reply.json(
        {
            "bids": _levels(quote.bid, quote.bid_size),
            "asks": _levels(quote.ask, quote.ask_size),
            "marketName": instrument.venue_symbol,
            "marketType": "perp",
            "marketIndex": identity,
            "ts": request.now_ms,
            "slot": slot,
            "markPrice": _scaled(quote.mark),
            "bestBidPrice": _scaled(quote.bid),
            "bestAskPrice": _scaled(quote.ask),
            "spreadPct": _scaled(gap and quote.mark and 100 * gap / quote.mark),
            "spreadQuote": _scaled(gap),
            "oracle": None if quote.index is None else _millionths(quote.index),
            "oracleData": oracle,
            "mmOracleData": oracle,
            "marketSlot": slot,
        },
        rows=1,
    )


def _millionths(value: float) -> int:
    return round(value * 1e6)


def _scaled(value: float | None) -> str:
    return "" if value is None else str(_millionths(value))


def _levels(price: float | None, size: float | None) -> list[dict[str, Any]]:
    if price is None or size is None:
        return []
    amount = str(round(size * 1e9))
    return [{"price": _scaled(price), "size": amount, "sources": {"dlob": amount}}]


def _history(request: Request) -> Reply:
    """Answer with the last 31 days, page by page."""
    return _records(request, request.now_ms - _KEPT_DAYS * DAY_MS, request.now_ms)


def _history_of_day(request: Request) -> Reply:
    """Answer with one day, of however long ago."""
    year, month, number = (request.integer(name) or 0 for name in ("year", "month", "day"))
    try:
        day = to_ms(datetime(year, month, number, tzinfo=UTC))
    except ValueError:
        raise ParameterError("day") from None
    return _records(request, day, day + DAY_MS - 1)


def _records(request: Request, first_ms: int, last_ms: int) -> Reply:
    """Answer with one page, newest first; its token is the moment that the next one ends at."""
    identity, instrument = listed(request, "symbol")
    history = request.settlements(instrument.venue_symbol)
    until = request.integer("page")
    last_ms = last_ms if until is None else min(last_ms, until)
    page = newest(history.times_ms, first_ms, last_ms, request.limit(default=100, cap=_PAGE))
    more = page.start > within(history.times_ms, first_ms, None)[0] and page.start < page.stop
    token = f'"{history.times_ms[page.start] - 1}"' if more else "null"
    body = (
        f'{{"success":true,"meta":{{"nextPage":{token}}},'
        f'"records":[{_record_rows(history, page, instrument, identity)}]}}'
    )
    return Reply(body.encode(), rows=page.stop - page.start)


def _record_rows(history: Settlements, page: slice, instrument: Instrument, identity: int) -> str:
    rows = np.arange(page.start, page.stop)[::-1]
    prices = _prices(history)
    summed = [f"{total:.9f}" for total in np.cumsum(history.rates * prices)[rows].tolist()]
    per_base, prices = _per_base(history.rates[rows], prices[rows])
    paid, twaps = fixed_all(per_base.tolist(), 9), fixed_all(prices.tolist(), 6)
    seconds = (history.times_ms[rows] // 1_000).tolist()
    template = (
        f'{{"ts":%d,"txSig":"{instrument.venue_symbol}-%d","txSigIndex":0,"slot":%d,'
        f'"recordId":"%d","marketIndex":{identity},"symbol":"{instrument.venue_symbol}",'
        '"fundingRate":"%s","fundingRateLong":"%s","fundingRateShort":"%s",'
        '"cumulativeFundingRateLong":"%s","cumulativeFundingRateShort":"%s",'
        '"oraclePriceTwap":"%s","markPriceTwap":"%s","periodRevenue":"0.000000",'
        '"baseAssetAmountWithAmm":"0.000000000","baseAssetAmountWithUnsettledLp":"0.000000000"}'
    )
    slots = [int(second * 2.5) for second in seconds]
    return rows_text(
        template,
        (seconds, seconds, slots, rows.tolist(), paid, paid, paid, summed, summed, twaps, twaps),
    )


def _prices(history: Settlements) -> Values:
    """Return the price of every settlement, one where it is not known."""
    if history.marks is None:
        return np.ones(len(history.rates))
    return np.where(history.marks > 0, history.marks, 1.0)


def _per_base(rates: Values, prices: Values) -> tuple[Values, Values]:
    """Find rates in quote per base, and prices, whose quotients are the very rates.

    A product is rounded, so that dividing by the price again may miss the rate by its last bit. The
    price is then moved by a trifle, each time by another, until it does not.
    """
    moved = prices
    for attempt in range(1, _TRIES):
        misses = rates * moved / moved != rates
        if not misses.any():
            break
        moved = np.where(misses, prices * (1 + 1e-13 * attempt**2), moved)
    return rates * moved, moved


def _oldest_form(request: Request) -> Reply:
    """Answer with the last 30 days in integers; they keep nine and six decimals."""
    identity, instrument = listed(request, "marketName")
    history = request.settlements(instrument.venue_symbol)
    kept = history.slice(slice(*within(history.times_ms, request.now_ms - 30 * DAY_MS, None)))
    rows = [
        {
            "ts": str(time // 1_000),
            "fundingRate": str(round(rate * price * 1e9)),
            "oraclePriceTwap": _scaled(price),
            "markPriceTwap": _scaled(price),
            "marketIndex": identity,
        }
        for time, rate, price in zip(
            kept.times_ms.tolist(), kept.rates.tolist(), _prices(kept).tolist(), strict=True
        )
    ]
    return Reply.json({"fundingRates": rows}, rows=len(rows))


_HANDLERS: Mapping[str, Handler] = {
    "/stats/markets": _stats_markets,
    "/market/{symbol}/fundingRates": _history,
    "/market/{symbol}/fundingRates/{year}/{month}/{day}": _history_of_day,
    "/fundingRates": _oldest_form,
    "/l2": _book,
}

WIRE = Wire(
    style=STYLE,
    routes=routes_of("ip", _HANDLERS),
    limits=Limits(budgets={"ip": Budget(600, 60)}),
    bad_parameter=lambda name, now_ms: _message(f"{name} is invalid", status=400),
    refusal=_refusal,
    not_found=_NOT_FOUND,
)
