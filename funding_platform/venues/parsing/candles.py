"""Records of bars and of open interest through time, in the venue's own numbers."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Final

from funding_platform.core.symbols import DOLLARS, canonical_base, is_dollar
from funding_platform.core.time_grid import HOUR
from funding_platform.venues.paging.series import Series
from funding_platform.venues.parsing.fields import MaybeReal
from funding_platform.venues.parsing.payloads import present
from funding_platform.venues.parsing.records import PageOf, Record


class Candle(Record, frozen=True, gc=False):
    """One bar, by the time at which it began; of ``core.price_candles`` or ``core.spot_candles``.

    A bar without any price is one in which nothing happened, from a venue that says so. A volume
    in a unit that the venue does not state is left out.
    """

    venue_symbol: str
    time_ms: int
    open: MaybeReal
    high: MaybeReal
    low: MaybeReal
    close: MaybeReal
    volume_base: MaybeReal = None
    volume_quote: MaybeReal = None

    @property
    def values(self) -> tuple[float | None, ...]:
        """What must be the same whenever the bar comes again."""
        bar = (self.open, self.high, self.low, self.close, self.volume_base, self.volume_quote)
        return tuple(present(value) for value in bar)


class InterestPoint(Record, frozen=True, gc=False):
    """Open interest at one time, of one side; a row of ``core.open_interest``.

    ``open_interest_quote`` becomes dollars where the quote is one.
    """

    venue_symbol: str
    time_ms: int
    open_interest_base: MaybeReal = None
    open_interest_quote: MaybeReal = None

    @property
    def values(self) -> tuple[float | None, ...]:
        """What must be the same whenever the point comes again."""
        return present(self.open_interest_base), present(self.open_interest_quote)


class SpotListing(Record, kw_only=True, frozen=True, gc=False):
    """One spot market that a venue lists.

    ``base`` is the venue's spelling; ``venue_id`` is what calls name it by where that is not the
    symbol.
    """

    venue_symbol: str
    base: str
    quote: str
    trades: bool
    venue_id: str | None = None


class CandlePage(PageOf[Candle], frozen=True, gc=False):
    """One answer of an endpoint of bars."""

    @classmethod
    def finished(
        cls,
        candles: Sequence[Candle],
        is_finished: Callable[[int], bool],
        token: str | None = None,
    ) -> "CandlePage":
        """Make the page of a venue that flags the bar that still runs, by its place in the page."""
        flags = [is_finished(place) for place in range(len(candles))]
        return cls(
            [candle for candle, done in zip(candles, flags, strict=True) if done],
            token,
            [candle.time_ms for candle, done in zip(candles, flags, strict=True) if not done],
        )


class InterestPage(PageOf[InterestPoint], frozen=True, gc=False):
    """One answer of an endpoint of open interest."""


def _other_values(known: Candle | InterestPoint, row: Candle | InterestPoint) -> str | None:
    return None if known.values == row.values else "comes again with other values"


def candles_of(kind: str) -> Series[Candle]:
    """Describe hourly bars, of which one is complete when its hour is over."""
    return Series(
        subject=f"{kind} candles",
        noun="bar",
        differ=_other_values,
        context=HOUR,
        context_rows=1,
        step=HOUR,
        lasts=HOUR,
    )


def interest_of(lasts: timedelta) -> Series[InterestPoint]:
    """Describe hourly open interest, each figure known so long after its time."""
    return Series(
        subject="open interest",
        noun="point",
        differ=_other_values,
        context=HOUR,
        context_rows=1,
        step=HOUR,
        lasts=lasts,
    )


SPOT: Final = "spot"
"""What a candle of a spot market is called where a perpetual's is called by its kind."""


def spot_base(listing: SpotListing) -> str:
    """Return the canonical base; where the market is of many units of it, the venue's own spelling.

    ``core.spot_candles`` has no multiplier, and a price of a thousand must not pass for one of one.
    """
    base, multiplier = canonical_base(listing.base)
    return base if multiplier == 1 else listing.base


def dollar_markets(listed: Mapping[str, SpotListing]) -> dict[str, str]:
    """Find the market of each base that is quoted in dollars, by the order of ``DOLLARS``."""
    ranked = [
        (DOLLARS.index(listing.quote.upper()), listing)
        for listing in listed.values()
        if listing.trades and is_dollar(listing.quote)
    ]
    ranked.sort(key=lambda entry: entry[0], reverse=True)
    return {spot_base(listing): listing.venue_symbol for _, listing in ranked}
