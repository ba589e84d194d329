"""Hyperliquid's book: twenty levels a side and no more; an unknown coin is ``null``, with 200."""

from collections.abc import Mapping
from typing import Any, Final

from funding_platform.sandbox.wire.books.levels import book
from funding_platform.sandbox.wire.contract import Reply, Request, WireError
from funding_platform.sandbox.wire.decimals import decimals_of
from funding_platform.sandbox.wire.venues.hyperliquid import info, number

_LEVELS = 20
_UNKNOWN = Reply(b"null")


def _l2_book(request: Request) -> Reply:
    instrument = request.instrument(request.required("coin"))
    if instrument is None:
        raise WireError(_UNKNOWN)
    places = decimals_of(instrument.tick_size)
    levels: list[list[dict[str, Any]]] = [
        [{"px": number(level.price, places), "sz": number(level.base), "n": 1} for level in side]
        for side in book(request, instrument, _LEVELS)
    ]
    document = {"coin": instrument.venue_symbol, "time": request.now_ms, "levels": levels}
    return Reply.json(document, rows=1)


def _cost(request: Request, rows: int) -> Mapping[str, int]:
    return {"ip": 2}


ROUTES: Final = (info("l2Book", _l2_book, _cost),)
