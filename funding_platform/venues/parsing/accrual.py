"""Settlements of a venue that has none: funding that accrues by the second, cut into periods.

The venue publishes a cumulative index I, what one unit of the base has paid since launch, and
beside it the rate r and the premium p = r * S that the index grows by, both for one funding period
T; S is the spot price. A settlement at t, every multiple of T, is what the period that ends there
paid, as a fraction of its price there:

    rate(t) = (I(t) - I(t - T)) / S(t),    S = p / r

so that rate times price is the very amount. The index is known from samples; from the last one
before t, at s, it runs on as the venue itself advances it:

    I(t) = I(s) + p(s) * (t - s) / T
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Sample:
    """The index at a moment, and how it goes on.

    Parameters
    ----------
    time_ms
        When it was taken.
    index
        I, in the quote per unit of the base.
    premium
        p, what the index grows by in a period.
    rate
        r, the same as a fraction of the price.
    period_ms
        T.
    """

    time_ms: int
    index: float
    premium: float
    rate: float
    period_ms: int

    def index_at(self, time_ms: int) -> float:
        """Return the index some seconds after the sample."""
        return self.index + self.premium * (time_ms - self.time_ms) / self.period_ms

    @property
    def spot(self) -> float | None:
        """The price that turns the rate into the premium; a rate of zero does not tell it."""
        return self.premium / self.rate if self.rate else None


def period_edges(start_ms: int, end_ms: int, period_ms: int) -> range:
    """Begin and ends of the periods that end from ``start_ms`` to ``end_ms``, both included.

    Empty where none does.
    """
    first, last = -(-start_ms // period_ms), end_ms // period_ms
    if first > last:
        return range(0)
    return range((first - 1) * period_ms, (last + 1) * period_ms, period_ms)


def paid_until(samples: Mapping[int, Sample | None]) -> dict[int, float | None]:
    """Compute what each period paid, a fraction, by its end; None where the samples do not tell.

    Parameters
    ----------
    samples
        By the edges of the periods, in order: the last sample before each; None where the index
        there is unknown.
    """
    return {
        end: _paid(start, samples[start], end, samples[end]) for start, end in pairwise(samples)
    }


def _paid(start: int, opening: Sample | None, end: int, closing: Sample | None) -> float | None:
    if opening is None or closing is None:
        return None
    paid = closing.index_at(end) - opening.index_at(start)
    spot = closing.spot or opening.spot
    if not spot:
        return None if paid else 0.0
    return paid / spot
