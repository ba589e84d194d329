"""Long spot, short the perpetual: funding earned against the coin itself."""

from collections.abc import Iterator
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from funding_platform.arbitrage.costs import BPS
from funding_platform.backtest.errors import DataError
from funding_platform.backtest.market import Market
from funding_platform.backtest.positions import Book
from funding_platform.backtest.strategies.base import Close, Open, Order
from funding_platform.backtest.strategies.pairs import best_first, best_pairs, held_bases
from funding_platform.core.units import TENOR_HOURS

_SPOT, _PERPETUAL = 0, 1


class SpotPerpCarry(BaseModel):
    """Hold spot against the best-paid perpetual of a base while funding stays up.

    The pair is expected to net ``rate_8h * horizon / 8 - 2 (cost_spot + cost_perpetual)`` over the
    horizon. Spot instruments are those with ``contract_type`` ``spot``; without any there is
    nothing to decide, which is an error.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    name: Literal["spot_perp_carry"] = "spot_perp_carry"
    horizon_hours: float = Field(default=72.0, gt=0, description="Over which funding must pay.")
    entry_threshold: float = Field(
        default=0.0005, description="Expected net over the horizon, fraction of notional."
    )
    exit_rate_8h: float = Field(
        default=0.0, description="Close when the perpetual pays no more than this per 8 hours."
    )
    max_age_hours: float | None = Field(
        default=None, gt=0, description="Close after so long; never when null."
    )

    def decide(self, market: Market, book: Book) -> Iterator[Order]:
        """Exits, then entries by expected net.

        Raises
        ------
        DataError
            If the data has no spot instrument.
        """
        if not market.spot.any():
            raise DataError(
                "spot_perp_carry needs spot prices, and the data has no spot instrument",
                hint="the lake has perpetuals only: give FundingDataProvider.from_frames "
                "instruments with contract_type spot, and their closes as prices",
            )
        closing = list(self._exits(market, book))
        yield from closing
        earned = market.rate_8h * (self.horizon_hours / TENOR_HOURS)
        cost = 2.0 * BPS * market.fill_cost_bps
        usable = np.where(market.tradable & np.isfinite(market.price), 0.0, np.nan)
        side = np.where(market.spot, _SPOT, _PERPETUAL).astype(np.int64)
        members, first = market.by_base
        pairs = best_pairs(
            members,
            first,
            side,
            np.where(market.spot, usable - cost, np.nan),
            np.where(market.spot, np.nan, usable + earned - cost),
        )
        wanted = pairs.net > self.entry_threshold
        wanted[held_bases(market.base, book.long, book.short)] = False
        for base in best_first(pairs, wanted)[: book.room + len(closing)]:
            short = int(pairs.short[base])
            yield Open(int(pairs.long[base]), short, memo=float(market.rate_8h[short]))

    def _exits(self, market: Market, book: Book) -> Iterator[Close]:
        """Orders to close what is paid too little, or too old."""
        for position in book:
            if position.closing or position.short is None:
                continue
            if market.rate_8h[position.short] <= self.exit_rate_8h:
                yield Close(position.position_id, "funding fell")
            elif (
                self.max_age_hours is not None
                and position.age_hours(market.time_us) >= self.max_age_hours
            ):
                yield Close(position.position_id, "maximum age")
