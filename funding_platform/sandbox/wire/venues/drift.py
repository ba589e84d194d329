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

import numpy as np

from funding_platform.core.time_grid import DAY_MS, to_ms
from funding_platform.sandbox.limits import Budget, Limits
from funding_platform.sandbox.markets.market import Contract, Instrument, VenueStyle
from funding_platform.sandbox.markets.series import Settlements, Values
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
from funding_platform.sandbox.wire.decimals import fixed_all
from funding_platform.sandbox.wire.listings.drift import SPOT, market_row
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


def _stats_markets(request: Request) -> Reply:
    rows = [
        market_row(request.quotes[instrument.venue_symbol], identity)
        for identity, instrument in enumerate(request.instruments)
        if instrument.venue_symbol in request.quotes
    ]
    return Reply.json({"success": True, "markets": [SPOT, *rows]}, rows=len(rows))


def millionths(value: float) -> int:
    """Turn a price into what books count in."""
    return round(value * 1e6)


def scaled(value: float | None) -> str:
    """Write a price as books do; nothing where it is unknown."""
    return "" if value is None else str(millionths(value))


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
            "oraclePriceTwap": scaled(price),
            "markPriceTwap": scaled(price),
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
}

WIRE = Wire(
    style=STYLE,
    routes=routes_of("ip", _HANDLERS),
    limits=Limits(budgets={"ip": Budget(600, 60)}),
    bad_parameter=lambda name, now_ms: _message(f"{name} is invalid", status=400),
    refusal=_refusal,
    not_found=_NOT_FOUND,
)
