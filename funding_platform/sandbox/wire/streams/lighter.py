"""Lighter: ``market_stats/all`` on ``/stream``, asked for with a slash and sent with a colon.

The acknowledgement is the first frame, which holds all markets; later ones hold those that changed,
each whole. Rates are percent per hour and open interest is in dollars, where the requests have
neither. An error names no channel, and a second subscription brings nothing but one.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from funding_platform.sandbox.limits import Budget
from funding_platform.sandbox.markets.market import Quote
from funding_platform.sandbox.wire.contract import Request
from funding_platform.sandbox.wire.decimals import decimals_of, percent, rounded
from funding_platform.sandbox.wire.streams.contract import (
    NOTHING,
    Channel,
    Delivery,
    Dialect,
    Heard,
    Patience,
    Row,
    Session,
    Topic,
    encode,
)

_STATS: Final = "market_stats"
_LATE_MS: Final = 2
"""How late a payment is stamped."""


def _rows(request: Request) -> Mapping[str, Row]:
    quotes = request.quotes
    rows = {
        str(identity): _row(identity, quotes[instrument.venue_symbol])
        for identity, instrument in enumerate(request.instruments)
        if instrument.venue_symbol in quotes
    }
    return {identity: row for identity, row in rows.items() if row is not None}


def _row(identity: int, quote: Quote) -> Row | None:
    """Write a market; None where it is not known as well as the venue always knows it."""
    mark, index, held, traded = quote.mark, quote.index, quote.open_interest, quote.volume_24h
    if mark is None or index is None or held is None or traded is None:
        return None
    places = decimals_of(quote.instrument.tick_size)
    return {
        "symbol": quote.instrument.venue_symbol,
        "market_id": identity,
        "index_price": rounded(index, places),
        "mark_price": rounded(mark, places),
        "mid_price": rounded(mark, places),
        "best_ask_price": rounded(quote.ask, places),
        "best_bid_price": rounded(quote.bid, places),
        "open_interest": rounded(held * round(mark, places), 6),
        "open_interest_limit": "72057594037927936.000000",
        "funding_clamp_small": "0.0500",
        "funding_clamp_big": "4.0000",
        "last_trade_price": rounded(mark, places),
        "current_funding_rate": percent(quote.predicted_rate, 4),
        "funding_rate": percent(quote.last_rate or 0.0, 4),
        "funding_timestamp": (quote.last_funding_ms or 0) + _LATE_MS,
        "daily_base_token_volume": traded,
        "daily_quote_token_volume": traded * mark,
        "base_interest_rate": "0.0100",
    }


def _frames(delivery: Delivery) -> Iterator[str]:
    rows = {key: delivery.rows[key] for key in delivery.changed}
    of_one = delivery.topic.key
    yield encode(
        {
            "channel": _sent_as(delivery.topic.name),
            _STATS: rows if of_one is None else rows[of_one],
            "timestamp": delivery.request.now_ms,
            "type": f"{'subscribed' if delivery.first else 'update'}/{_STATS}",
        }
    )


def _sent_as(name: str) -> str:
    return name.replace("/", ":", 1)


def _greet(session: Session) -> Heard:
    return Heard(replies=(encode({"session_id": session.identity, "type": "connected"}),))


def _hear(message: str, session: Session) -> Heard:
    try:
        said = msgspec.json.decode(message)
    except msgspec.DecodeError:
        return _error(30001, "Invalid Message")
    match said:
        case {"type": "ping"}:
            return Heard(replies=('{"type":"pong"}',))
        case {"type": "subscribe", "channel": str(name)}:
            return _subscribe(name, session)
        case {"type": "unsubscribe", "channel": str(name)}:
            gone = encode({"type": "unsubscribed", "channel": _sent_as(name)})
            return Heard(unsubscribe=(name,), replies=(gone,))
    return NOTHING


def _subscribe(name: str, session: Session) -> Heard:
    channel, _, market = name.partition("/")
    known = channel == _STATS and (market == "all" or market in _rows(session.look()))
    if not known or session.declines(name):
        return _error(30005, "Invalid Channel:  (marketId)")
    if name in session.topics:
        return _error(30003, f"Already Subscribed to : {_sent_as(name)}")
    return Heard(subscribe=(Topic(name, _STATS, None if market == "all" else market),))


def _error(code: int, message: str) -> Heard:
    error: dict[str, Any] = {"code": code, "message": message}
    return Heard(replies=(encode({"error": error}),))


DIALECT = Dialect(
    venue="lighter",
    paths=("/stream",),
    channels=(Channel(_STATS, period_seconds=0.5, rows=_rows, frames=_frames),),
    hear=_hear,
    greet=_greet,
    patience=Patience(120),
    messages=Budget(200, 60),
    flooded=lambda session: _error(30009, "Too Many Websocket Messages!"),
    lifetime_seconds=1_800,
)
