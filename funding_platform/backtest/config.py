"""What a person decides about a run: window, markets, money, costs, margin, outages, strategy.

Everything that changes a result is here or in the data, so a configuration and a snapshot of the
lake are enough to run it again.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    SerializeAsAny,
    field_validator,
    model_validator,
)

from funding_platform.arbitrage.costs import Liquidity
from funding_platform.backtest.errors import ConfigError
from funding_platform.core.assumptions import DEPTH_SHARE
from funding_platform.core.tables.columns import MAX_INTERVAL_HOURS
from funding_platform.core.time_grid import FIRST_PERPETUAL, HOUR_US
from funding_platform.core.validation_errors import raise_as
from funding_platform.strategies.contract import MAX_HOURS, NamedStrategy
from funding_platform.strategies.cross_venue_carry import CrossVenueCarry
from funding_platform.strategies.errors import UnknownStrategyError
from funding_platform.strategies.registry import strategy_class, strategy_from

LATEST: Final = datetime(2100, 1, 1, tzinfo=UTC)
"""No time of the lake is later, and what a run adds to its end stays far from the last date."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Slippage(_Section):
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


class Costs(_Section):
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

    @property
    def half_spread_bps(self) -> float:
        """What a fill pays beyond the mid, before impact."""
        return self.slippage.half_spread_bps if self.order_type == "taker" else 0.0


class Margin(_Section):
    """Each leg stands on collateral of its own, ``notional / leverage`` at entry."""

    leverage: float = Field(default=2.0, ge=1, le=100)
    maintenance_rate: float = Field(
        default=0.02, ge=0, lt=1, description="Least collateral, as a share of the notional."
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


class Outages(_Section):
    """What happens where an instrument's data stops."""

    stale_after_hours: float = Field(
        default=26.0,
        gt=0,
        le=MAX_HOURS,
        description="Without a settlement or a price for so long, it cannot be traded.",
    )
    when_stale: Literal["freeze", "close"] = Field(
        default="freeze",
        description="freeze: held at its last price until data returns; close: closed there.",
    )
    delisted_after_hours: float = Field(
        default=168.0,
        gt=0,
        le=MAX_HOURS,
        description="Silent for so long, it is closed at its last price.",
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


class BacktestConfig(_Section):
    """One run. Bounds are checked here; a bad one raises ``ConfigError`` and names its field."""

    start: AwareDatetime = Field(
        ge=FIRST_PERPETUAL, le=LATEST, description="First decision; no perpetual is older."
    )
    end: AwareDatetime = Field(
        ge=FIRST_PERPETUAL, le=LATEST, description="Last decision, where everything is closed."
    )
    venues: tuple[str, ...] = Field(default=(), description="All that the data has, when empty.")
    symbols: tuple[str, ...] = Field(default=(), description="Venue symbols; all when empty.")
    bases: tuple[str, ...] = Field(default=(), description="Canonical bases; all when empty.")
    capital_usd: float = Field(default=100_000.0, gt=0)
    position_usd: float = Field(default=10_000.0, gt=0, description="Notional of each leg.")
    max_positions: int = Field(default=10, ge=1, le=10_000)
    max_venue_usd: float | None = Field(
        default=None, gt=0, description="Most notional at entry on one venue; no cap when null."
    )
    decision_hours: float = Field(
        default=1.0,
        ge=1 / 60,
        le=MAX_INTERVAL_HOURS,
        description="Between decisions, a minute at least.",
    )
    entry_delay_minutes: float = Field(
        default=0.0,
        ge=0,
        le=60 * MAX_HOURS,
        description="From a decision to its fills, for entries and exits.",
    )
    look_back_hours: float = Field(
        default=168.0,
        ge=0,
        le=MAX_HOURS,
        description="History before the start that `past_rates` reaches.",
    )
    costs: Costs = Costs()
    margin: Margin = Margin()
    outages: Outages = Outages()
    close_at_end: bool = Field(
        default=True, description="False leaves positions open at the end, at their last price."
    )
    strategy: SerializeAsAny[NamedStrategy] | None = Field(
        default_factory=CrossVenueCarry,
        description="By its name in strategies.registry; null where one is handed to run_backtest.",
    )

    @field_validator("strategy", mode="before")
    @classmethod
    def _found_by_name(cls, given: Any) -> Any:
        """Turn fields into the strategy of their name; refuse one that its name would not find."""
        try:
            if isinstance(given, Mapping):
                return strategy_from(given)
            if isinstance(given, NamedStrategy) and strategy_class(given.name) is not type(given):
                raise ValueError(f"the name {given.name!r} stands for another strategy")
        except UnknownStrategyError as error:
            raise ValueError(error.message) from error
        return given

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.end <= self.start:
            raise ValueError(f"end ({self.end}) is not after start ({self.start})")
        if self.position_usd / self.margin.leverage > self.capital_usd:
            raise ValueError(
                f"position_usd ({self.position_usd:g}) at leverage {self.margin.leverage:g} needs "
                f"more than capital_usd ({self.capital_usd:g})"
            )
        if self.max_venue_usd is not None and self.max_venue_usd < self.position_usd:
            raise ValueError(
                f"max_venue_usd ({self.max_venue_usd:g}) is below position_usd "
                f"({self.position_usd:g}): nothing could be opened"
            )
        return self

    @model_validator(mode="wrap")
    @classmethod
    def _typed_error(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Say what is wrong in the platform's own words; declared last, it is the outermost."""
        with raise_as(
            ConfigError,
            "the backtest configuration is not valid",
            cls.model_fields,
            hint="the fields and their bounds are in docs/backtesting.md",
        ):
            return handler(value)

    @property
    def window(self) -> tuple[datetime, datetime]:
        """Start and end, in UTC."""
        return self.start.astimezone(UTC), self.end.astimezone(UTC)

    @property
    def read_from(self) -> datetime:
        """The instant from which data is read, in UTC.

        As long before the start as a strategy may look back, and at least as long as a rate stays
        tradable: what was known at the first decision depends on nothing earlier.
        """
        hours = max(self.look_back_hours, self.outages.stale_after_hours)
        return self.window[0] - timedelta(hours=hours)
