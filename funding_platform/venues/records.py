"""What the parse functions of a venue return: one record per row, in the venue's own numbers.

Times are milliseconds since the epoch, as on the wire; ``frames`` turns records into the tables
of ``core.tables``. A field left out stays absent all the way into the table.
"""

from collections.abc import Sequence

import msgspec

from funding_platform.core.symbols import ContractType
from funding_platform.venues.payloads import MaybeReal, MaybeTime


class Listing(msgspec.Struct, kw_only=True, frozen=True, gc=False):
    """One perpetual that a venue lists; columns of ``core.instruments``.

    ``base`` is the venue's spelling, ``status`` the venue's word for it. ``venue_id`` is what calls
    name it by, where that is not the symbol; it is not kept.
    """

    venue_symbol: str
    base: str
    quote: str
    settle: str | None
    contract_type: ContractType
    status: str
    venue_id: str | None = None
    contract_size: MaybeReal = None
    interval_hours: MaybeReal = None
    tick_size: MaybeReal = None
    min_size: MaybeReal = None
    listed_ms: MaybeTime = None


class Market(msgspec.Struct, kw_only=True, frozen=True, gc=False):
    """The market of one perpetual as it stands; columns of ``core.market_snapshots``."""

    venue_symbol: str
    predicted_rate: MaybeReal
    interval_hours: MaybeReal = None
    next_funding_ms: MaybeTime = None
    mark_price: MaybeReal = None
    index_price: MaybeReal = None
    open_interest_base: MaybeReal = None
    open_interest_usd: MaybeReal = None
    volume_24h_usd: MaybeReal = None
    best_bid: MaybeReal = None
    best_ask: MaybeReal = None


class Settlement(msgspec.Struct, frozen=True, gc=False):
    """One settled rate; a row of ``core.funding_rates``.

    ``interval_hours`` only where the venue states it for that very row.
    """

    venue_symbol: str
    time_ms: int
    rate: float
    mark_price: MaybeReal = None
    index_price: MaybeReal = None
    interval_hours: MaybeReal = None


class Page(msgspec.Struct, frozen=True, gc=False):
    """One answer of a history endpoint.

    Parameters
    ----------
    settlements
        Its settled rates, in any order.
    token
        The venue's cursor to the page after it, for venues that page by cursor.
    passed_over_ms
        Times of rows that are no settlements (an interval still open, a sample in between). They
        are not kept, but they show how far the page reaches.
    """

    settlements: Sequence[Settlement]
    token: str | None = None
    passed_over_ms: Sequence[int] = ()

    @property
    def times_ms(self) -> list[int]:
        """Times of all its rows, settlements or not."""
        return [*(row.time_ms for row in self.settlements), *self.passed_over_ms]


def dollars(quote: str | None, amount: MaybeReal) -> MaybeReal:
    """An amount of the quote currency as USD; None unless that is a dollar or counts as one."""
    return amount if quote in _DOLLARS else None


_DOLLARS = {"USD", "USDT", "USDC", "FDUSD", "BUSD", "TUSD", "USDE", "USD1", "USDH", "USDT0"}
