"""Long spot, short the perpetual: funding earned against the coin itself."""

from collections.abc import Iterator
from typing import Literal, Self

import numpy as np
from pydantic import Field, model_validator

from funding_platform.arbitrage.costs import BPS
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
from funding_platform.strategies.errors import MissingDataError
from funding_platform.strategies.pairs import best_first, best_pairs, held_bases

_SPOT, _PERPETUAL = 0, 1


class SpotPerpCarry(NamedStrategy):
    """Hold spot against the best-paid perpetual of a base while funding stays up.

    The pair is expected to net ``rate_8h * horizon / 8 - 2 (cost_spot + cost_perpetual)`` over the
    horizon. Spot instruments are those with ``contract_type`` ``spot``; without any there is
    nothing to decide, which is an error.

    ``exit_rate_8h`` may not exceed ``entry_threshold * 8 / horizon``, the rate from which a pair
    without any cost is entered, or 0 where the threshold is negative: what had just been entered
    would be closed, again and again. Nor is a perpetual held short that pays no more than
    ``exit_rate_8h``, which a negative threshold or a rebate would otherwise let in.
    """

    name: Literal["spot_perp_carry"] = "spot_perp_carry"
    horizon_hours: float = Field(
        default=72.0, gt=0, le=MAX_HOURS, description="Over which funding must pay."
    )
    entry_threshold: float = Field(
        default=0.0005, description="Expected net over the horizon, fraction of notional."
    )
    exit_rate_8h: float = Field(
        default=0.0, description="Close when the perpetual pays no more than this per 8 hours."
    )
    max_age_hours: float | None = Field(
        default=None, gt=0, le=MAX_HOURS, description="Close after so long; never when null."
    )

    @model_validator(mode="after")
    def _leaves_below_where_it_enters(self) -> Self:
        entered_from = max(self.entry_threshold, 0.0) * TENOR_HOURS / self.horizon_hours
        if self.exit_rate_8h > entered_from:
            raise ValueError(
                f"exit_rate_8h ({self.exit_rate_8h:g}) is above {entered_from:g}, the rate from "
                f"which entry_threshold ({self.entry_threshold:g}) over horizon_hours "
                f"({self.horizon_hours:g}) enters without costs: what was entered would be closed"
            )
        return self

    def decide(self, market: MarketView, book: Book) -> Iterator[Order]:
        """Yield the exits, then the entries by expected net.

        Raises
        ------
        MissingDataError
            If the data has no spot instrument.
        """
        if not market.spot.any():
            raise MissingDataError(
                "spot_perp_carry needs spot prices, and the data has no spot instrument",
                hint="collect it with `funding backfill --dataset spot_candles`, import it, or "
                "give instruments with contract_type spot and their prices",
            )
        closing = list(self._exits(market, book))
        yield from closing
        earned = market.rate_8h * (self.horizon_hours / TENOR_HOURS)
        cost = 2.0 * BPS * market.fill_cost_bps
        usable = np.where(market.tradable & np.isfinite(market.price), 0.0, np.nan)
        side = np.where(market.spot, _SPOT, _PERPETUAL).astype(np.int64)
        pays = ~market.spot & (market.rate_8h > self.exit_rate_8h)
        members, first = market.by_base
        pairs = best_pairs(
            members,
            first,
            side,
            np.where(market.spot, usable - cost, np.nan),
            np.where(pays, usable + earned - cost, np.nan),
        )
        wanted = pairs.net > self.entry_threshold
        wanted[held_bases(market.base, book.long, book.short)] = False
        for base in best_first(pairs, wanted)[: book.room + len(closing)]:
            short = int(pairs.short[base])
            yield Open(int(pairs.long[base]), short, memo=float(market.rate_8h[short]))

    def _exits(self, market: MarketView, book: Book) -> Iterator[Close]:
        """Yield orders to close what is paid too little, or too old."""
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
