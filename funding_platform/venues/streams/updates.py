"""What a frame of a stream says of one perpetual, in the units of ``core.market_snapshots``."""

from typing import Final, TypeAlias

from msgspec import UNSET, UnsetType

from funding_platform.venues.parsing.records import Record

Said: TypeAlias = float | UnsetType | None
"""A number; None where the venue says that there is none; unset where it says nothing of it."""


class MarketUpdate(Record, kw_only=True, frozen=True, gc=False):
    """What one frame says of one perpetual; named after columns of ``core.market_snapshots``.

    A field that is unset is unchanged. Rates are fractions for one interval of the perpetual,
    positive where longs pay; open interest counts one side. All of it equals what the REST parser
    of the venue makes of the same market.

    ``event_ms`` is the venue's own time of what it says, where the frame has one.
    """

    venue_symbol: str
    event_ms: int | None = None
    predicted_rate: Said = UNSET
    interval_hours: Said = UNSET
    next_funding_ms: int | UnsetType | None = UNSET
    mark_price: Said = UNSET
    index_price: Said = UNSET
    open_interest_base: Said = UNSET
    open_interest_usd: Said = UNSET
    volume_24h_usd: Said = UNSET
    best_bid: Said = UNSET
    best_ask: Said = UNSET


VALUES: Final = tuple(
    name for name in MarketUpdate.__struct_fields__ if name not in ("venue_symbol", "event_ms")
)
"""The fields of an update that hold what the venue says."""


def values_but(*names: str) -> tuple[str, ...]:
    """Return all of them but some."""
    return tuple(name for name in VALUES if name not in names)
