"""What it costs to trade: fees, half-spread, impact. Backtest and execution share the formulas.

Formulas are plain arithmetic, so that floats, arrays and compiled kernels use one definition.
A cost is a fraction of notional times notional; basis points are divided by ``BPS`` once, here.
"""

from dataclasses import dataclass
from typing import Literal, Protocol, Self, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

BPS = 1e-4
"""One basis point, as a fraction."""

MILLION = 1e6

Liquidity = Literal["taker", "maker"]


class Amount(Protocol):
    """What the formulas need of a number: floats and arrays have it."""

    def __mul__(self, other: float | Self, /) -> Self: ...
    def __truediv__(self, other: float | Self, /) -> Self: ...


N = TypeVar("N", bound=Amount)


def linear_impact_bps(notional_usd: N, bps_per_million: float) -> N:
    """``notional / 1e6 * bps_per_million``: the same book everywhere.

    Parameters
    ----------
    notional_usd
        Size of the order.
    bps_per_million
        Basis points that an order of one million dollars moves its average price.
    """
    return notional_usd / MILLION * bps_per_million


def depth_impact_bps(notional_usd: N, volume_24h_usd: N, depth_share: float) -> N:
    """``notional / (2 D)`` with ``D = volume_24h * depth_share``, dollars of book per basis point.

    An order that walks a book of constant density ``D`` ends ``notional / D`` away from where it
    began, and pays half of that on average.

    Parameters
    ----------
    notional_usd
        Size of the order.
    volume_24h_usd
        Turnover of the last 24 hours.
    depth_share
        Share of the daily turnover that rests within one basis point, on one side.
    """
    return notional_usd / (volume_24h_usd * depth_share * 2.0)


@dataclass(frozen=True, slots=True)
class FeeHistory:
    """Fees of several venues over time: steps ``first[v]`` to ``first[v + 1]`` are venue ``v``'s.

    ``since_us`` holds microseconds since the epoch, increasing within a venue.
    """

    venues: tuple[str, ...]
    first: NDArray[np.int64]
    since_us: NDArray[np.int64]
    fee_bps: NDArray[np.float64]

    @classmethod
    def of(
        cls,
        schedules: pl.DataFrame,
        venues: tuple[str, ...],
        liquidity: Liquidity,
        tiers: dict[str, str],
        default_tier: str = "base",
    ) -> Self:
        """Collect the fees of each venue at its tier; a venue without rows has no steps.

        Parameters
        ----------
        schedules
            Columns of ``core.fee_schedules``.
        venues
            In the order that the steps are wanted in.
        liquidity
            Which of the two fees.
        tiers
            Tier by venue, where it is not ``default_tier``.
        """
        rows = schedules.sort("venue", "effective_from")
        steps = [
            rows.filter(
                (pl.col("venue") == venue) & (pl.col("tier") == tiers.get(venue, default_tier))
            )
            for venue in venues
        ]
        joined = pl.concat([*steps, rows.clear()])
        since = joined["effective_from"].cast(pl.Datetime("us", "UTC")).cast(pl.Int64)
        return cls(
            venues=venues,
            first=np.cumsum([0, *(len(step) for step in steps)], dtype=np.int64),
            since_us=since.to_numpy(),
            fee_bps=joined[f"{liquidity}_bps"].cast(pl.Float64).to_numpy(),
        )

    @classmethod
    def flat(cls, venues: tuple[str, ...], fee_bps: float) -> Self:
        """Set one fee for every venue at all times."""
        beginning = np.iinfo(np.int64).min
        return cls(
            venues=venues,
            first=np.arange(len(venues) + 1, dtype=np.int64),
            since_us=np.full(len(venues), beginning, dtype=np.int64),
            fee_bps=np.full(len(venues), fee_bps),
        )

    def at(self, venue: str, time_us: int) -> float | None:
        """Return a venue's fee at an instant, in basis points; None where none was in force."""
        number = self.venues.index(venue)
        begin, end = self.first[number], self.first[number + 1]
        step = int(np.searchsorted(self.since_us[begin:end], time_us, side="right"))
        return None if step == 0 else float(self.fee_bps[begin + step - 1])
