"""What a person decides about a run: window, markets, money, costs, margin, outages, strategy.

Everything that changes a result is here or in the data, so a configuration and a snapshot of the
lake are enough to run it again.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self

from pydantic import (
    AwareDatetime,
    Field,
    ModelWrapValidatorHandler,
    SerializeAsAny,
    field_validator,
    model_validator,
)

from funding_platform.backtest.errors import ConfigError
from funding_platform.backtest.sections import Costs, Margin, Outages, Section, Sizing
from funding_platform.core.market.price_gap import MAX_PRICE_GAP_BPS
from funding_platform.core.tables.columns import MAX_INTERVAL_HOURS
from funding_platform.core.time_grid import FIRST_PERPETUAL
from funding_platform.core.validation_errors import raise_as
from funding_platform.strategies.contract import MAX_HOURS, NamedStrategy
from funding_platform.strategies.cross_venue_carry import CrossVenueCarry
from funding_platform.strategies.registry import strategy_of

LATEST: Final = datetime(2100, 1, 1, tzinfo=UTC)
"""No time of the lake is later, and what a run adds to its end stays far from the last date."""


class BacktestConfig(Section):
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
    max_price_age_hours: float = Field(
        default=1.0,
        ge=0,
        le=MAX_HOURS,
        description="Age of a price, one bar by default, above which nothing is opened at it.",
    )
    max_price_gap_bps: float | None = Field(
        default=MAX_PRICE_GAP_BPS,
        gt=0,
        description="Gap of the legs' prices above which they are not of one asset and nothing is "
        "opened; any gap when null.",
    )
    sizing: Sizing = Sizing()
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
        return strategy_of(given)

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
