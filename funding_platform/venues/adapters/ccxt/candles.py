"""What ccxt hands out by the hour: bars of one shape, open interest of one unit where it is known.

Volumes are left out: some exchanges count contracts there, some base and some quote, and ccxt does
not say which.
"""

from typing import Any, Final

from msgspec import field

from funding_platform.venues.paging.either_end import EitherEnd
from funding_platform.venues.parsing.candles import InterestPoint
from funding_platform.venues.parsing.fields import MaybeReal, Time
from funding_platform.venues.parsing.payloads import Payload, present, product
from funding_platform.venues.parsing.records import Listing
from funding_platform.venues.specification import CandleSpec, HourlySpec

CALLS: Final = {
    "mark": "fetchMarkOHLCV",
    "index": "fetchIndexOHLCV",
    "trade": "fetchOHLCV",
}
HELD: Final = "fetchOpenInterestHistory"
LENGTH: Final = "1h"

PAGE_SIZE: Final = 100
"""As many bars as every exchange grants; ccxt knows of most what they grant."""
LARGEST_PAGE: Final = 1000

BOTH_SIDES: Final = frozenset({"bybit", "bybiteu", "bybitid"})
"""Exchanges whose open interest counts the long and the short of a contract."""


class Bar(Payload, array_like=True):
    """ccxt's own shape."""

    time_ms: Time
    open: MaybeReal
    high: MaybeReal
    low: MaybeReal
    close: MaybeReal


class Held(Payload):
    """ccxt's own shape."""

    time_ms: Time = field(name="timestamp")
    amount: MaybeReal = field(name="openInterestAmount", default=None)
    value: MaybeReal = field(name="openInterestValue", default=None)

    def point(self, exchange: str, listing: Listing) -> InterestPoint:
        """Return one side of it, in base where a contract is of one unit, and in the quote."""
        sides = 0.5 if exchange in BOTH_SIDES else 1.0
        linear = listing.contract_type == "linear"
        amount = self.amount if linear and present(listing.contract_size) == 1 else None
        value = self.value if linear else None
        return InterestPoint(
            listing.venue_symbol, self.time_ms, product(amount, sides), product(value, sides)
        )


def candle_specs(exchange: Any) -> tuple[CandleSpec, ...]:
    """Say how the bars that ccxt has of an exchange are handed out.

    Which of an exchange's empty hours are published nobody says: of deals none is expected.
    """
    if LENGTH not in (exchange.timeframes or {}):
        return ()
    return tuple(
        CandleSpec(
            kinds=(kind,),
            pager=EitherEnd,
            page_size=_page_size(exchange, kind),
            empty_bars="omitted" if kind == "trade" else "flat",
        )
        for kind, call in CALLS.items()
        if exchange.has.get(call) is True
    )


def interest_spec(exchange: Any) -> HourlySpec | None:
    """Say how the open interest that ccxt has of an exchange is handed out."""
    if exchange.has.get(HELD) is not True:
        return None
    return HourlySpec(pager=EitherEnd, page_size=PAGE_SIZE)


def _page_size(exchange: Any, kind: str) -> int:
    """Return as many bars as ccxt says that an exchange grants."""
    swaps = (exchange.features or {}).get("swap") or {}
    granted = (swaps.get("linear") or {}).get("fetchOHLCV") or {}
    return min(granted.get(kind) or granted.get("limit") or PAGE_SIZE, LARGEST_PAGE)
