"""GRVT: ``POST /full/v1/<method>`` with a JSON body.

Rates are percent per the instrument's own interval, times are nanoseconds as text. History comes
newest first, both bounds inclusive, and a page hands on a cursor: the time of its last row, as
base64 of JSON. What the market does not know is an empty string.
"""

import binascii
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from funding_platform.sandbox.limits import Budget, Limits, Usage
from funding_platform.sandbox.markets.market import Contract, Instrument, Quote, VenueStyle
from funding_platform.sandbox.markets.series import Times
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
from funding_platform.sandbox.wire.decimals import decimals_of, percent, rounded, trimmed
from funding_platform.sandbox.wire.paging import newest

_NS_PER_MS = 1_000_000
_SUFFIX = "_Perp"
_THOUSANDS = {f"k{coin}": f"K{coin}" for coin in ("PEPE", "SHIB", "BONK")}
"""Contracts of a thousand units: how they are read, and the venue's spelling."""


def _spelled(base: str) -> str:
    return _THOUSANDS.get(base, base)


def _read(symbol: str) -> Contract | None:
    base, _, quote = symbol.removesuffix(_SUFFIX).rpartition("_")
    if not base or not symbol.endswith(_SUFFIX):
        return None
    read_as = {spelled: base for base, spelled in _THOUSANDS.items()}
    return Contract(read_as.get(base, base), quote, "linear")


STYLE = VenueStyle(
    venue="grvt",
    spell=lambda contract: f"{_spelled(contract.base)}_{contract.quote}{_SUFFIX}",
    read=_read,
    quotes=("USDT",),
    intervals={8: 0.64, 4: 0.36},
    rate_decimals=6,
    rate_cap=0.003,
    multipliers={base.removeprefix("k"): base for base in _THOUSANDS},
    marks_settlements=True,
)


def _error(code: int, message: str, status: int) -> Reply:
    return Reply.json({"code": code, "message": message, "status": status}, status=status)


def _refusal(status: int, now_ms: int) -> Reply:
    if status == 429:
        return _error(1006, "You have surpassed the allocated rate limit for your tier", 429)
    if status == 403:
        return _error(1001, "You are not authorized to access this functionality", 403)
    return _error(1002, "Internal Server Error", status)


_UNKNOWN = _error(1004, "Data Not Found", 404)


def listed(request: Request) -> Instrument:
    """Find the contract that the request names."""
    instrument = request.instrument(request.required("instrument"))
    if instrument is None:
        raise WireError(_UNKNOWN)
    return instrument


def _all_instruments(request: Request) -> Reply:
    only_active = request.params.get("is_active") is True
    rows = [
        _instrument(identity, instrument, request.now_ms)
        for identity, instrument in enumerate(request.instruments, start=1)
        if instrument.trades_at(request.now_ms) or not only_active
    ]
    return Reply.json({"result": rows}, rows=len(rows))


def _instrument(identity: int, instrument: Instrument, now_ms: int) -> dict[str, Any]:
    contract, cap = instrument.contract, trimmed(100 * instrument.rate_cap)
    return {
        "instrument": instrument.venue_symbol,
        "instrument_hash": f"0x{identity:06x}",
        "base": _spelled(contract.base),
        "quote": contract.quote,
        "kind": "PERPETUAL",
        "venues": ["ORDERBOOK", "RFQ"],
        "settlement_period": "PERPETUAL",
        "base_decimals": 9,
        "quote_decimals": 6,
        "tick_size": trimmed(instrument.tick_size),
        "min_size": trimmed(instrument.size_step),
        "create_time": nanoseconds(instrument.listed_ms),
        "max_position_size": "1000.0",
        "funding_interval_hours": instrument.interval_at(now_ms) or 0,
        "adjusted_funding_rate_cap": cap,
        "adjusted_funding_rate_floor": f"-{cap}",
        "min_notional": "100.0",
        "asset_class": "UNSPECIFIED",
    }


def nanoseconds(time_ms: int) -> str:
    """Spell a time as the venue writes it."""
    return str(time_ms * _NS_PER_MS)


_SAME_FOR_ALL = {
    "interest_rate": "0.0", "forward_price": "0.0", "long_short_ratio": "1.0",
    "status": "UNSPECIFIED", "session": "REGULAR",
}  # fmt: skip


def _ticker(request: Request) -> Reply:
    quote = request.quotes.get(listed(request).venue_symbol)
    if quote is None:
        raise WireError(_UNKNOWN)
    return Reply.json({"result": ticker_row(quote, request.now_ms)}, rows=1)


def ticker_row(quote: Quote, now_ms: int) -> dict[str, Any]:
    """Write an instrument as its ticker shows it."""
    places = decimals_of(quote.instrument.tick_size)
    high, low = quote.range_24h
    rate = percent(quote.predicted_rate, 4)
    bought = None if quote.volume_24h is None else quote.volume_24h / 2
    turnover = None if bought is None or quote.mark is None else bought * quote.mark
    return {
        **_SAME_FOR_ALL,
        "event_time": nanoseconds(now_ms),
        "instrument": quote.instrument.venue_symbol,
        "mark_price": rounded(quote.mark, 9),
        "index_price": rounded(quote.index, 9),
        "last_price": rounded(quote.mark, places),
        "last_size": trimmed(quote.instrument.size_step),
        "mid_price": rounded(quote.mark, places + 1),
        "best_bid_price": rounded(quote.bid, places),
        "best_bid_size": rounded(quote.bid_size, 3),
        "best_ask_price": rounded(quote.ask, places),
        "best_ask_size": rounded(quote.ask_size, 3),
        **dict.fromkeys(("funding_rate", "funding_rate_8h_curr", "funding_rate_8h_avg"), rate),
        **dict.fromkeys(("buy_volume_24h_b", "sell_volume_24h_b"), rounded(bought, 3)),
        **dict.fromkeys(("buy_volume_24h_q", "sell_volume_24h_q"), rounded(turnover, 4)),
        "high_price": rounded(high, places),
        "low_price": rounded(low, places),
        "open_price": rounded(quote.price_24h_ago, places),
        "open_interest": rounded(quote.open_interest, 9),
        "next_funding_time": nanoseconds(quote.next_funding_ms or 0),
    }


def _funding(request: Request) -> Reply:
    instrument = listed(request)
    symbol = instrument.venue_symbol
    start, end = milliseconds(request, "start_time"), milliseconds(request, "end_time")
    cursor = read_cursor(request, "fundingTime")
    if cursor is not None:
        end = cursor - 1 if end is None else min(end, cursor - 1)
    history = request.settlements(symbol)
    rows = newest(history.times_ms, start, end, request.limit(default=500, cap=1_000))
    page = history.slice(rows).slice(slice(None, None, -1))
    times, rates = page.times_ms.tolist(), [percent(rate, 4) for rate in page.rates.tolist()]
    marks = [""] * len(times) if page.marks is None else map(_mark, page.marks.tolist())
    hours = _hours(instrument, page.times_ms)
    columns = (rates, map(nanoseconds, times), marks, rates, hours)
    template = (
        f'{{"instrument":"{symbol}","funding_rate":"%s","funding_time":"%s","mark_price":"%s",'
        '"funding_rate_8_h_avg":"%s","funding_interval_hours":%d}'
    )
    following = write_cursor("fundingTime", times[-1]) if times else ""
    body = f'{{"result":[{rows_text(template, columns)}],"next":"{following}"}}'
    return Reply(body.encode(), rows=len(times))


def _hours(instrument: Instrument, times: Times) -> list[int]:
    """Return the interval that ends at each time; 0 where it is not known."""
    if not instrument.intervals:
        return [0] * len(times)
    since, hours = (np.array(column) for column in zip(*instrument.intervals, strict=True))
    in_force = np.searchsorted(since, times, side="left") - 1
    found: list[int] = hours[np.maximum(in_force, 0)].tolist()
    return found


def _mark(price: float) -> str:
    return "" if price != price else trimmed(price)


def milliseconds(request: Request, name: str) -> int | None:
    """Read a time that was sent in nanoseconds."""
    time_ns = request.integer(name)
    return None if time_ns is None else time_ns // _NS_PER_MS


def write_cursor(field: str, time_ms: int) -> str:
    """Make the cursor of the rows before a time."""
    document = msgspec.json.encode({field: time_ms * _NS_PER_MS})
    return b64encode(document).decode().rstrip("=")


def read_cursor(request: Request, field: str) -> int | None:
    """Read the time that the cursor of the request holds."""
    text = request.text("cursor")
    if text is None:
        return None
    try:
        document = b64decode(text + "=" * (-len(text) % 4), validate=True)
        return msgspec.json.decode(document, type=dict[str, int])[field] // _NS_PER_MS
    except (binascii.Error, msgspec.DecodeError, KeyError):
        raise ParameterError("cursor") from None


def _headers(usages: list[Usage]) -> dict[str, str]:
    limits = [str(usage.budget.limit) for usage in usages]
    return dict.fromkeys(("x-ratelimit-limit",), limits[0]) if limits else {}


_HANDLERS: Mapping[str, Handler] = {
    "/full/v1/all_instruments": _all_instruments,
    "/full/v1/ticker": _ticker,
    "/full/v1/funding": _funding,
}

WIRE = Wire(
    style=STYLE,
    routes=routes_of("ip", _HANDLERS, method="POST"),
    limits=Limits(budgets={"ip": Budget(1_500, 60)}, headers=_headers),
    bad_parameter=lambda name, now_ms: _error(
        1003, "Request could not be processed due to malformed syntax", 400
    ),
    refusal=_refusal,
    not_found=_error(1004, "Data Not Found", 404),
)
