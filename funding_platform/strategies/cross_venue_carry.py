"""Long where funding is low, short where it is high, on one base: carry between venues."""

from collections.abc import Iterator
from typing import Literal

import numpy as np
from pydantic import Field

from funding_platform.arbitrage.costs import BPS
from funding_platform.core.arrays import Flags, Floats
from funding_platform.core.time_grid import HOUR_US
from funding_platform.core.units import TENOR_HOURS
from funding_platform.strategies.contract import (
    MAX_HOURS,
    Book,
    Close,
    MarketView,
    NamedStrategy,
    Open,
    Order,
)
from funding_platform.strategies.pairs import Pairs, best_first, best_pairs, held_bases, scores


class PairCarry(NamedStrategy):
    """Hold the pair of venues with the widest divergence of a base, while it lasts.

    A pair is expected to net ``divergence_8h * horizon / 8 - 2 (cost_long + cost_short)`` over the
    horizon, per unit of one leg's notional, where a cost is the fee and half-spread of one fill.
    It is entered when that exceeds ``entry_threshold``, the best first, one pair per base; with a
    ``cost_margin`` the costs count so many times. Divergence is that of the last settled rates, or
    of their means over ``averaging_hours``: a single print seldom lasts until it has paid. A pair
    whose divergence is not above zero is none, whatever the threshold and however much an order
    earns in rebates: it would be closed at once because its divergence had flipped.
    """

    horizon_hours: float = Field(
        default=72.0, gt=0, le=MAX_HOURS, description="Over which funding must pay."
    )
    entry_threshold: float = Field(
        default=0.0005, description="Expected net over the horizon, fraction of notional."
    )
    erosion: float = Field(
        default=0.8,
        gt=0,
        le=1,
        description="Close when the divergence has lost this share of what it was at entry.",
    )
    max_age_hours: float | None = Field(
        default=336.0, gt=0, le=MAX_HOURS, description="Close after so long; never when null."
    )
    better_by: float | None = Field(
        default=0.002,
        gt=0,
        description="Close when another pair of the base is expected to net so much more than "
        "holding on; never when null.",
    )

    averaging_hours: float = Field(
        default=0.0,
        ge=0,
        le=MAX_HOURS,
        description="Compare mean rates over so many hours, which must be known; 0 compares the "
        "last ones. Not more than look_back_hours, or entries wait for as long.",
    )
    cost_margin: float = Field(
        default=1.0, ge=1, le=100, description="Times that funding must recover the four fills."
    )

    def decide(self, market: MarketView, book: Book) -> Iterator[Order]:
        """Yield the exits, then the entries by expected net."""
        rates = self.rates_8h(market)
        pairs = self.pairs(market, rates)
        closed = list(self._exits(market, book, pairs, rates))
        for _, close in closed:
            yield close
        wanted = pairs.net > self.entry_threshold
        wanted[held_bases(market.base, book.long, book.short)] = False
        for base, close in closed:
            wanted[base] = close.reason == "better alternative"
        for base in best_first(pairs, wanted)[: book.room + len(closed)]:
            long, short = int(pairs.long[base]), int(pairs.short[base])
            yield Open(long, short, memo=rates[short] - rates[long])

    def rates_8h(self, market: MarketView) -> Floats:
        """Estimate what each instrument will pay per 8 hours; NaN where it is not known.

        The mean of the last settlements that fill ``averaging_hours`` at the interval of now.
        """
        if self.averaging_hours == 0.0:
            return market.rate_8h
        means = np.full(len(market.rate_8h), np.nan)
        for row in np.flatnonzero(market.tradable & np.isfinite(market.rate_8h)):
            interval = market.interval_hours[row]
            count = max(1, round(self.averaging_hours / interval))
            past = market.past_rates(int(row), count)
            if len(past) == count:
                means[row] = past.mean() * TENOR_HOURS / interval
        return means

    def pairs(self, market: MarketView, rates: Floats) -> Pairs:
        """Find the best pair of each asset now, and what it nets: nothing unless it diverges."""
        long_score, short_score = scores(
            rates,
            market.tradable & ~market.spot,
            self.short_allowed(market),
            market.fill_cost_bps,
            self.horizon_hours / TENOR_HOURS,
            self.cost_margin * 2.0 * BPS,
        )
        best = best_pairs(*market.by_base, market.venue, long_score, short_score)
        diverges = (best.long >= 0) & (rates[best.short] > rates[best.long])
        return best._replace(net=np.where(diverges, best.net, -np.inf))

    def short_allowed(self, market: MarketView) -> Floats:
        """Return 0 for each instrument that may be the short leg, NaN for the others."""
        return np.zeros(len(market.rate_8h))

    def _exits(
        self, market: MarketView, book: Book, pairs: Pairs, rates: Floats
    ) -> Iterator[tuple[int, Close]]:
        """Yield base and order of each position that is to be closed."""
        if not len(book):
            return
        divergence = rates[book.short] - rates[book.long]
        bases = held_bases(market.base, book.long, book.short)
        holding_on = divergence * (self.horizon_hours / TENOR_HOURS)
        reasons = {
            "divergence flipped": divergence <= 0,
            "divergence eroded": divergence < (1.0 - self.erosion) * book.memo,
            "maximum age": self._too_old(market, book),
            "better alternative": self._bettered(pairs.net[bases], holding_on),
        }
        due = np.logical_or.reduce(list(reasons.values())) & ~book.closing
        for number in np.flatnonzero(due):
            reason = next(name for name, holds in reasons.items() if holds[number])
            yield int(bases[number]), Close(int(book.position_id[number]), reason)

    def _too_old(self, market: MarketView, book: Book) -> Flags:
        limit = np.inf if self.max_age_hours is None else self.max_age_hours
        return np.asarray((market.time_us - book.ordered_us) / HOUR_US >= limit)

    def _bettered(self, best: Floats, holding_on: Floats) -> Flags:
        margin = np.inf if self.better_by is None else self.better_by
        return np.asarray(best > holding_on + margin)


class CrossVenueCarry(PairCarry):
    """``PairCarry`` on every base and venue that can be traded."""

    name: Literal["cross_venue_carry"] = "cross_venue_carry"
