"""A made-up market with the features of the real one, every value a function of (seed, time).

The premium of a contract, in units of the 8-hour rate, is

    premium = beta * common + coin + venue bias + contract noise + spikes

where ``common`` moves between regimes that last some weeks, and ``coin`` and ``spikes`` are shared
by all venues. The rate follows from it the way venues compute it:

    rate_8h = premium + clip(interest - premium, -0.0005, 0.0005),   interest = 0.0001
    rate    = clip(rate_8h * interval / 8, -cap, cap)

so that quiet markets cluster at 0.0001 per 8 hours, and extremes rest on the cap. Histories are
computed when first asked for, per contract, and kept as arrays.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime

from funding_platform.core.time_grid import DAY_MS, to_ms
from funding_platform.sandbox.markets.market import Instrument, Quote, SpotMarket, VenueStyle
from funding_platform.sandbox.markets.series import (
    Candles,
    OpenInterest,
    PriceKind,
    Settlements,
    Span,
)
from funding_platform.sandbox.markets.synthetic_venue import SyntheticVenue

MARKET_START = datetime(2023, 1, 1, tzinfo=UTC)
_SECOND_MS = 1_000


class SyntheticMarket:
    """Several venues with several hundred contracts each, deterministic from a seed.

    Parameters
    ----------
    styles
        The venues to make up.
    symbols
        Contracts per venue, over the whole life of the market.
    seed
        Two markets with the same seed and the same present are equal.
    clock
        The present, in milliseconds.
    start
        First day of the market.
    namesakes
        Coins that are another asset than elsewhere, with another price, by venue.
    """

    def __init__(
        self,
        styles: Iterable[VenueStyle],
        *,
        symbols: int,
        seed: int,
        clock: Callable[[], int],
        start: datetime = MARKET_START,
        namesakes: Mapping[str, Collection[str]] | None = None,
    ) -> None:
        others = namesakes or {}
        self._venues = {
            s.venue: SyntheticVenue(s, seed, symbols, to_ms(start), others.get(s.venue, ()))
            for s in styles
        }
        self._clock = clock
        self._histories: dict[tuple[str, str], tuple[int, Settlements]] = {}
        self._quotes: dict[str, tuple[int, Mapping[str, Quote]]] = {}

    def now_ms(self) -> int:
        """Tell the market's present."""
        return self._clock()

    def instruments(self, venue: str) -> Sequence[Instrument]:
        """List every contract listed by now, delisted ones included."""
        known = self._venues.get(venue)
        now = self.now_ms()
        return [] if known is None else [i for i in known.instruments if i.listed_ms <= now]

    def settlements(self, venue: str, venue_symbol: str) -> Settlements:
        """Return settlements of a contract up to now, computed ahead to the end of 30 days."""
        now = self.now_ms()
        computed_to, history = self._histories.get((venue, venue_symbol), (-1, None))
        if history is None or computed_to < now:
            computed_to = (now // (30 * DAY_MS) + 1) * 30 * DAY_MS
            known = self._venues[venue]
            history = known.settlements(known.positions[venue_symbol], computed_to)
            self._histories[venue, venue_symbol] = (computed_to, history)
        return history.until(now)

    def quotes(self, venue: str) -> Mapping[str, Quote]:
        """Return the contracts that trade now; the market moves once a second."""
        second = self._second_ms()
        seen, quotes = self._quotes.get(venue, (-1, {}))
        if seen != second and venue in self._venues:
            quotes = self._venues[venue].quotes(second)
            self._quotes[venue] = (second, quotes)
        return quotes

    def candles(
        self, venue: str, venue_symbol: str, kind: PriceKind, span: Span, decimals: int
    ) -> Candles:
        """Return bars of a listed contract; the last closes at what the quotes show now."""
        known = self._venues[venue]
        position = known.positions[venue_symbol]
        return known.candles(position, kind, span, self._second_ms(), decimals)

    def open_interest(
        self, venue: str, venue_symbol: str, step_ms: int, span: Span
    ) -> OpenInterest:
        """Return open interest of a listed contract at multiples of a step."""
        known = self._venues[venue]
        position = known.positions[venue_symbol]
        return known.open_interest(position, step_ms, span, self._second_ms())

    def spot_markets(self, venue: str) -> Sequence[SpotMarket]:
        """List every spot market that there is by now."""
        known, now = self._venues.get(venue), self.now_ms()
        return [] if known is None else [m for m in known.spot.markets if m.listed_ms <= now]

    def spot_candles(self, venue: str, venue_symbol: str, span: Span, decimals: int) -> Candles:
        """Return bars of a listed spot market."""
        return self._venues[venue].spot.candles(venue_symbol, span, self._second_ms(), decimals)

    def _second_ms(self) -> int:
        """Tell the present, which moves once a second."""
        return self.now_ms() // _SECOND_MS * _SECOND_MS
