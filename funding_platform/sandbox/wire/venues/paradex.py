"""Paradex: ``/v1``.

Funding accrues all the time: what the market settles at the end of an interval is spread evenly
over it, and ``funding/data`` shows samples of the running sum, ``STEP_MS`` apart and newest first;
none where the market lost a settlement. The sum is in dollars per unit of the base, at a price of
one where the market does not know it. What else it does not know is an empty string.
"""

from typing import Any, NamedTuple

import numpy as np

from funding_platform.core.time_grid import HOUR_MS
from funding_platform.sandbox.limits import Budget, Limits
from funding_platform.sandbox.markets.market import Contract, Instrument, Quote, VenueStyle
from funding_platform.sandbox.markets.series import Times, Values
from funding_platform.sandbox.wire.contract import (
    ParameterError,
    Reply,
    Request,
    Wire,
    WireError,
    routes_of,
    rows_text,
    thousands,
)
from funding_platform.sandbox.wire.decimals import decimals_of, rounded, shortest, trimmed

STEP_MS = 5_000
_PAGE, _LARGEST_PAGE = 100, 5_000
_USUAL_HOURS = 8
_ENDING = "-USD-PERP"


def _read(symbol: str) -> Contract | None:
    base = symbol.removesuffix(_ENDING)
    return None if base in ("", symbol) else Contract(base, "USD", "linear")


STYLE = VenueStyle(
    venue="paradex",
    spell=lambda contract: f"{contract.base}{_ENDING}",
    read=_read,
    quotes=("USD",),
    intervals={8: 0.95, 4: 0.05},
    rate_decimals=14,
    rate_cap=0.05,
    multipliers=thousands("k"),
    marks_settlements=True,
)


def _error(code: str, message: str, *, status: int = 400) -> Reply:
    return Reply.json({"error": code, "message": message}, status=status)


def _refusal(status: int, now_ms: int) -> Reply:
    if status == 429:
        return _error("RATE_LIMIT_EXCEEDED", "rate limit exceeded", status=429)
    return _error("INTERNAL_ERROR", "internal error", status=status)


def listed(request: Request, name: str = "market") -> Instrument:
    """Find the market that the request names."""
    instrument = request.instrument(request.required(name))
    if instrument is None:
        raise WireError(_error("NOT_FOUND", "market not found", status=404))
    return instrument


def _period_hours(instrument: Instrument, now_ms: int) -> int:
    return instrument.interval_at(now_ms) or _USUAL_HOURS


_SAME_FOR_ALL = {
    "settlement_currency": "USDC", "min_notional": "10", "expiry_at": 0, "asset_kind": "PERP",
    "position_limit": "2000000", "price_bands_width": "0.05", "max_open_orders": 100,
    "delta1_cross_margin_params": {
        "imf_base": "0.02", "imf_shift": "0", "imf_factor": "0.00020", "mmf_factor": "0.5",
    },
    "price_feed_id": "", "oracle_ewma_factor": "0.2", "max_order_size": "1000000",
    "max_funding_rate_change": "0.0005", "max_tob_spread": "0.01", "interest_rate": "0.0001",
    "clamp_rate": "0.0005", "funding_multiplier": 1, "tags": [],
}  # fmt: skip


def _markets(request: Request) -> Reply:
    wanted = listed(request).venue_symbol if request.text("market") else None
    rows = [
        {
            **_SAME_FOR_ALL,
            "symbol": instrument.venue_symbol,
            "base_currency": instrument.contract.base,
            "quote_currency": instrument.contract.quote,
            "order_size_increment": trimmed(instrument.size_step),
            "price_tick_size": trimmed(instrument.tick_size),
            "open_at": instrument.listed_ms,
            "max_funding_rate": trimmed(instrument.rate_cap),
            "funding_period_hours": _period_hours(instrument, request.now_ms),
        }
        for instrument in request.instruments
        if instrument.trades_at(request.now_ms) and wanted in (None, instrument.venue_symbol)
    ]
    return Reply.json({"results": rows}, rows=len(rows))


def _summary(request: Request) -> Reply:
    wanted = request.required("market")
    if wanted != "ALL":
        listed(request)
    rows = [
        summary_row(quote, request.now_ms)
        for symbol, quote in request.quotes.items()
        if wanted in ("ALL", symbol)
    ]
    return Reply.json({"results": rows}, rows=len(rows))


def summary_row(quote: Quote, now_ms: int) -> dict[str, Any]:
    """Write a market as its summary shows it."""
    places = decimals_of(quote.instrument.tick_size)
    mark, before, volume = quote.mark, quote.price_24h_ago, quote.volume_24h
    turnover = None if volume is None or mark is None else volume * mark
    return {
        "symbol": quote.instrument.venue_symbol,
        "mark_price": rounded(mark, places + 3),
        "delta": "1",
        "greeks": {"delta": "1", "gamma": "0", "vega": "0"},
        "last_traded_price": rounded(mark, places),
        "bid": rounded(quote.bid, places),
        "bid_size": rounded(quote.bid_size, 5),
        "ask": rounded(quote.ask, places),
        "ask_size": rounded(quote.ask_size, 5),
        "volume_24h": rounded(turnover, 9),
        "total_volume": rounded(turnover, 9),
        "created_at": now_ms,
        "underlying_price": rounded(quote.index, places + 3),
        "open_interest": rounded(quote.open_interest, 4),
        "funding_rate": shortest(quote.predicted_rate),
        "price_change_rate_24h": rounded(
            None if mark is None or before is None else mark / before - 1, 6
        ),
        "external_fair_price": rounded(quote.index, places + 3),
        "risk_free_rate": "0",
    }


class _Accrual(NamedTuple):
    """Stretches of time over which funding accrues evenly, oldest first; parallel arrays.

    ``paid`` is what one unit of the base pays over the stretch; ``before``, what it had paid until
    its start.
    """

    starts_ms: Times
    ends_ms: Times
    rates: Values
    paid: Values
    before: Values


def _accrual(request: Request, instrument: Instrument) -> _Accrual:
    """Make a stretch for each settlement, and one for the interval under way."""
    history = request.settlements(instrument.venue_symbol)
    ends, rates = history.times_ms, history.rates
    prices = np.ones(len(ends)) if history.marks is None else history.marks
    quote = request.quotes.get(instrument.venue_symbol)
    if quote is not None and quote.next_funding_ms is not None:
        ends = np.append(ends, quote.next_funding_ms)
        rates = np.append(rates, quote.predicted_rate)
        prices = np.append(prices, np.nan if quote.mark is None else quote.mark)
    paid = rates * np.where(prices > 0, prices, 1.0)
    since = [moment for moment, _ in instrument.intervals]
    hours = np.array([hours for _, hours in instrument.intervals] or [_USUAL_HOURS])
    in_force = hours[np.maximum(np.searchsorted(since, ends, side="left") - 1, 0)]
    starts = np.maximum(ends - in_force * HOUR_MS, np.concatenate(([0], ends[:-1])))
    return _Accrual(starts, ends, rates, paid, np.concatenate(([0.0], np.cumsum(paid)[:-1])))


def _sample_times(accrual: _Accrual, first_ms: int, last_ms: int, count: int) -> Times:
    """Find the newest sample times within a span; the last page of a stretch may be short."""
    stretch = int(np.searchsorted(accrual.ends_ms, last_ms, side="left"))
    if stretch == len(accrual.ends_ms) or last_ms < accrual.starts_ms[stretch]:
        last_ms = int(accrual.ends_ms[stretch - 1]) if stretch else -1
    newest = last_ms // STEP_MS * STEP_MS
    times = np.arange(newest, max(first_ms - 1, newest - count * STEP_MS), -STEP_MS)
    stretches = np.searchsorted(accrual.ends_ms, times, side="left")
    return times[times >= accrual.starts_ms[np.minimum(stretches, len(accrual.ends_ms) - 1)]]


def _funding_data(request: Request) -> Reply:
    instrument = listed(request)
    size = request.integer("page_size")
    if size is not None and not 1 <= size <= _LARGEST_PAGE:
        raise ParameterError("page_size")
    ends = [request.integer("cursor"), request.integer("end_at"), request.now_ms]
    first, last = request.integer("start_at") or 0, min(end for end in ends if end is not None)
    accrual = _accrual(request, instrument)
    times = _sample_times(accrual, first, last, size or _PAGE)
    body = (
        f'{{"next":{_cursor(times[-1:] - STEP_MS, first)},"prev":{_cursor(times[:1] + STEP_MS, 0)},'
        f'"results":[{_samples(accrual, times, instrument, request.now_ms)}]}}'
    )
    return Reply(body.encode(), rows=len(times))


def _cursor(time: Times, earliest_ms: int) -> str:
    return f'"{time[0]}"' if len(time) and time[0] >= earliest_ms else "null"


def _samples(accrual: _Accrual, times: Times, instrument: Instrument, now_ms: int) -> str:
    """Write rows of ``funding/data``. Rate and premium are of a whole funding period."""
    period = _period_hours(instrument, now_ms)
    at = np.searchsorted(accrual.ends_ms, times, side="left")
    lengths = accrual.ends_ms[at] - accrual.starts_ms[at]
    index = accrual.before[at] + accrual.paid[at] * (times - accrual.starts_ms[at]) / lengths
    periods = period * HOUR_MS / lengths
    rates = accrual.rates[at] * periods
    columns = (
        map(shortest, index.tolist()),
        map(shortest, (accrual.paid[at] * periods).tolist()),
        map(shortest, rates.tolist()),
        map(shortest, (rates * _USUAL_HOURS / period).tolist()),
        map(shortest, rates.tolist()),
        times.tolist(),
    )
    template = (
        f'{{"market":"{instrument.venue_symbol}","funding_index":"%s","funding_premium":"%s",'
        f'"funding_rate":"%s","funding_rate_8h":"%s","funding_period_hours":{period},'
        '"impact_premium_rate":"%s","created_at":%d}'
    )
    return rows_text(template, columns)


def _bbo(request: Request) -> Reply:
    instrument = listed(request)
    places = decimals_of(instrument.tick_size)
    quote = request.quotes.get(instrument.venue_symbol) or Quote(instrument, 0.0)
    return Reply.json(
        {
            "market": instrument.venue_symbol,
            "seq_no": request.now_ms // 1_000,
            "ask": rounded(quote.ask, places),
            "ask_size": rounded(quote.ask_size, 5),
            "bid": rounded(quote.bid, places),
            "bid_size": rounded(quote.bid_size, 5),
            "last_updated_at": request.now_ms,
        },
        rows=1,
    )


WIRE = Wire(
    style=STYLE,
    routes=routes_of(
        "ip",
        {
            "/v1/markets": _markets,
            "/v1/markets/summary": _summary,
            "/v1/funding/data": _funding_data,
            "/v1/bbo/{market}": _bbo,
        },
    ),
    limits=Limits(budgets={"ip": Budget(1_500, 60)}),
    bad_parameter=lambda name, now_ms: _error("INVALID_REQUEST_PARAMETER", f"{name} is invalid"),
    refusal=_refusal,
    not_found=_error("NOT_FOUND", "not found", status=404),
)
