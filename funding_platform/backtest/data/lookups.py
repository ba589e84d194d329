"""What a look-up of rates answers with: the last that was known, and how old it was."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import combinations

from funding_platform.core.units import rate_8h


@dataclass(frozen=True, slots=True)
class KnownRate:
    """The last settled rate that was known at an instant, and how old it was then."""

    venue: str
    venue_symbol: str
    funding_rate: float
    interval_hours: float | None
    funding_time: datetime
    age: timedelta

    @property
    def rate_8h(self) -> float | None:
        """The rate scaled to eight hours; None where the interval is unknown."""
        if self.interval_hours is None:
            return None
        return rate_8h(self.funding_rate, self.interval_hours)


@dataclass(frozen=True, slots=True)
class Spread:
    """``short.rate_8h - long.rate_8h``: what the pair earns per eight hours, before costs."""

    long: KnownRate
    short: KnownRate
    spread_8h: float


def spread_of(long: KnownRate | None, short: KnownRate | None) -> Spread | None:
    """The spread of two rates; None where one, or its interval, is unknown."""
    if long is None or short is None or long.rate_8h is None or short.rate_8h is None:
        return None
    return Spread(long, short, short.rate_8h - long.rate_8h)


def widest_spread(rates: Iterable[tuple[str, KnownRate]]) -> Spread | None:
    """The widest of all spreads between two venues; None where there is none.

    Parameters
    ----------
    rates
        Each with the base that it is paid on: contracts on different bases make no pair.
    """
    stated = [(base, rate, rate.rate_8h) for base, rate in rates if rate.rate_8h is not None]
    stated.sort(key=lambda one: one[2])
    spreads = [
        Spread(long, short, high - low)
        for (base, long, low), (other, short, high) in combinations(stated, 2)
        if base == other and long.venue != short.venue
    ]
    return max(spreads, key=lambda spread: spread.spread_8h, default=None)
