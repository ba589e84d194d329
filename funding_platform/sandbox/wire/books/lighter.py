"""Lighter's book as orders: several at one price, at most 250 a side, without a time or a name."""

from collections.abc import Sequence
from typing import Any, Final

from funding_platform.sandbox.books.ladder import Level
from funding_platform.sandbox.markets.market import Instrument
from funding_platform.sandbox.wire.books.levels import book
from funding_platform.sandbox.wire.contract import ParameterError, Reply, Request, routes_of
from funding_platform.sandbox.wire.decimals import decimals_of, rounded
from funding_platform.sandbox.wire.venues.lighter import markets_of

_MOST = 250
_EXPIRY_MS = 28 * 86_400_000


def _orders(request: Request) -> Reply:
    limit = request.integer("limit")
    if request.integer("market_id") is None:
        raise ParameterError("market_id")
    if limit is None or not 1 <= limit <= _MOST:
        raise ParameterError("limit")
    [(_, instrument)] = markets_of(request)
    found = book(request, instrument, limit)
    asks, bids = (_side(instrument, side, limit, request.now_ms) for side in found[::-1])
    document = {
        "code": 200, "total_asks": limit, "asks": asks, "total_bids": limit, "bids": bids
    }  # fmt: skip
    return Reply.json(document, rows=len(asks) + len(bids))


def _side(
    instrument: Instrument, side: Sequence[Level], limit: int, now_ms: int
) -> list[dict[str, Any]]:
    """Write the orders of a side: every third level is that of two."""
    step, places = instrument.size_step, decimals_of(instrument.size_step)
    parts: list[tuple[float, float]] = []
    for number, level in enumerate(side):
        first = round(level.base / 2 / step) * step if number % 3 == 0 else level.base
        sizes = (
            (first, level.base - first)
            if step / 2 < first < level.base - step / 2
            else (level.base,)
        )
        parts += [(level.price, size) for size in sizes]
    return [
        _order(
            index, rounded(price, decimals_of(instrument.tick_size)), rounded(size, places), now_ms
        )
        for index, (price, size) in enumerate(parts[:limit])
    ]


def _order(index: int, price: str, size: str, now_ms: int) -> dict[str, Any]:
    return {
        "order_index": 281_474_976_710_656 + index,
        "order_id": str(281_474_976_710_656 + index),
        "owner_account_index": 1_000 + index,
        "initial_base_amount": size,
        "remaining_base_amount": size,
        "price": price,
        "order_expiry": now_ms + _EXPIRY_MS,
        "transaction_time": 0,
    }


ROUTES: Final = routes_of("requests", {"/api/v1/orderBookOrders": _orders})
