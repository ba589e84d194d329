"""The sections of a configuration: costs, margin, sizes, outages."""

from itertools import pairwise
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from funding_platform.arbitrage.costs import Liquidity
from funding_platform.core.assumptions import DEPTH_SHARE
from funding_platform.core.time_grid import HOUR_US
from funding_platform.strategies.contract import MAX_HOURS


class Section(BaseModel):
    """Fields with bounds; what is unknown among them is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Slippage(Section):
    """What a crossing order pays beyond the mid; the formulas are in ``arbitrage.costs``."""

    half_spread_bps: float = Field(
        default=1.0, ge=0, description="Half the bid-ask spread; a maker order does not pay it."
    )
    impact: Literal["none", "linear", "depth"] = Field(
        default="none", description="How slippage grows with size."
    )
    bps_per_million: float = Field(
        default=2.0, ge=0, description="linear: basis points that a million dollars costs."
    )
    depth_share: float = Field(
        default=DEPTH_SHARE,
        gt=0,
        description="depth: share of the 24-hour volume that rests within one basis point.",
    )


class Costs(Section):
    """Fees, slippage, and what borrowed or moved money costs."""

    order_type: Liquidity = "taker"
    tier: str = Field(default="base", description="Tier in core.fee_schedules.")
    tiers: dict[str, str] = Field(default={}, description="Tier by venue, where it differs.")
    flat_fee_bps: float | None = Field(
        default=None, ge=-10, le=100, description="One fee everywhere instead of the schedules."
    )
    slippage: Slippage = Slippage()
    borrow_apr: float = Field(
        default=0.0, ge=0, description="On the notional of spot held short, fraction per year."
    )
    transfer_usd: float = Field(
        default=0.0, ge=0, description="Per movement of collateral between two legs."
    )
    transfer_hours: float = Field(
        default=0.0, ge=0, le=MAX_HOURS, description="From its departure to its arrival."
    )

    @property
    def half_spread_bps(self) -> float:
        """What a fill pays beyond the mid, before impact."""
        return self.slippage.half_spread_bps if self.order_type == "taker" else 0.0


class MarginTier(Section):
    """Maintenance of a notional from ``notional_usd`` on, as far as the next tier."""

    notional_usd: float = Field(ge=0)
    maintenance_rate: float = Field(ge=0, lt=1, description="Of the part within this tier.")


class Margin(Section):
    """Collateral of each leg, ``notional / leverage`` at entry, and what venues require of it.

    In dollars, or in coin for a coin-margined contract; a leg's own, or shared on a venue.
    """

    leverage: float = Field(default=2.0, ge=1, le=100)
    maintenance_rate: float = Field(
        default=0.02, ge=0, lt=1, description="Least collateral, as a share of the notional."
    )
    tiers: dict[str, tuple[MarginTier, ...]] = Field(
        default={}, description="Maintenance by notional, by venue, in place of the rate."
    )
    cross_venues: tuple[str, ...] = Field(
        default=(), description="Where all legs share their collateral; isolated elsewhere."
    )
    liquidation_penalty_rate: float = Field(
        default=0.01, ge=0, lt=1, description="Of the notional that is liquidated."
    )
    rebalance_threshold: float | None = Field(
        default=0.5,
        gt=0,
        lt=1,
        description="Share of its collateral that a leg may lose before the other leg's surplus "
        "is moved to it; never when null.",
    )

    def tier_rows(self, venue: str) -> list[tuple[float, float, float]]:
        """Least notional, rate and amount of each of a venue's tiers.

        What is required of a notional ``n`` is ``rate_k n - amount_k``, where ``amount_k =
        amount_(k-1) + from_k (rate_k - rate_(k-1))`` makes it continuous.
        """
        only = (MarginTier(notional_usd=0.0, maintenance_rate=self.maintenance_rate),)
        rows = []
        amount = rate = 0.0
        for tier in self.tiers.get(venue, only):
            amount += tier.notional_usd * (tier.maintenance_rate - rate)
            rate = tier.maintenance_rate
            rows.append((tier.notional_usd, rate, amount))
        return rows

    @field_validator("tiers")
    @classmethod
    def _ascending(cls, given: dict[str, tuple[MarginTier, ...]]) -> Any:
        """Refuse tiers that leave a notional without a rate, or make a larger one cheaper."""
        for venue, tiers in given.items():
            rows = [(tier.notional_usd, tier.maintenance_rate) for tier in tiers]
            if not rows or rows[0][0] != 0.0:
                raise ValueError(f"the tiers of {venue} do not begin at notional_usd 0")
            if any(a >= c or b > d for (a, b), (c, d) in pairwise(rows)):
                raise ValueError(f"the tiers of {venue} do not ascend")
        return given

    @model_validator(mode="after")
    def _room(self) -> Self:
        if self.maintenance_rate >= 1 / self.leverage:
            raise ValueError(
                f"maintenance_rate {self.maintenance_rate} is not below 1 / leverage "
                f"({1 / self.leverage:.4g}): every leg would be liquidated when opened"
            )
        threshold = self.rebalance_threshold
        # At equality a long leg, whose notional falls as it loses, is still rebalanced first.
        if threshold is not None and (1 - threshold) / self.leverage < self.maintenance_rate:
            raise ValueError(
                f"rebalance_threshold {threshold} at leverage {self.leverage:g} would move "
                f"collateral where {(1 - threshold) / self.leverage:.4g} of the notional is left, "
                f"below maintenance_rate {self.maintenance_rate}: every leg would be liquidated "
                "before"
            )
        return self


class Sizing(Section):
    """How large a position is that its order names no size for; ``sizing`` has the formulas."""

    by: Literal["fixed", "equity", "risk"] = Field(
        default="fixed",
        description="fixed: position_usd; equity: a share of it, so that profits compound; risk: "
        "so that one standard deviation of a day's price costs a leg that share of equity.",
    )
    share: float = Field(default=0.1, gt=0, le=1, description="Of equity, where it is not fixed.")


class Outages(Section):
    """What happens where an instrument's data stops."""

    stale_after_hours: float = Field(
        default=26.0,
        gt=0,
        le=MAX_HOURS,
        description="Without a settlement or a price for so long, it cannot be traded.",
    )
    when_stale: Literal["freeze", "close"] = Field(
        default="close",
        description="close: both legs are closed, at the instant of a delisting, or when an outage "
        "has lasted stale_after_hours; freeze: held, and valued with its base, until data returns.",
    )
    delisted_after_hours: float = Field(
        default=168.0,
        gt=0,
        le=MAX_HOURS,
        description="Silent for so long, or from then to the end, it counts as delisted.",
    )

    @property
    def stale_us(self) -> int:
        """``stale_after_hours`` in microseconds."""
        return round(self.stale_after_hours * HOUR_US)

    @property
    def delisted_us(self) -> int:
        """``delisted_after_hours`` in microseconds."""
        return round(self.delisted_after_hours * HOUR_US)

    @model_validator(mode="after")
    def _order(self) -> Self:
        if self.delisted_after_hours < self.stale_after_hours:
            raise ValueError(
                f"delisted_after_hours ({self.delisted_after_hours:g}) is below "
                f"stale_after_hours ({self.stale_after_hours:g})"
            )
        return self
