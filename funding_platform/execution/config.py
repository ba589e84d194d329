"""What a person decides about trading: strategy, venues, sizes, limits, exits, tactics, tempo.

Everything that changes which orders are sent is here, in the data, or in the account. A file is
YAML; what is wrong with it is told before anything is placed, by field and value.
"""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Self

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    SerializeAsAny,
    field_validator,
    model_validator,
)

from funding_platform.arbitrage.errors import FilterError
from funding_platform.arbitrage.filters import OpportunityFilter
from funding_platform.core.validation_errors import did_you_mean, raise_as
from funding_platform.execution.errors import TradingConfigError
from funding_platform.execution.pair.rules import ExecutionRules
from funding_platform.strategies.contract import MAX_HOURS, NamedStrategy
from funding_platform.strategies.cross_venue_carry import CrossVenueCarry
from funding_platform.strategies.registry import strategy_of

_WHERE: Final = "the fields and their bounds are in docs/execution.md"

DEFAULT_FILTER: Final = OpportunityFilter(tiers=("actionable",), limit=1_000)


class Section(BaseModel):
    """Fields with bounds; what is unknown among them is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Sizes(Section):
    """How much is put into a pair, and what an account of paper begins with."""

    position_usd: float = Field(default=1_000.0, gt=0, description="Notional of each leg.")
    paper_balance_usd: float = Field(
        default=10_000.0, gt=0, description="What a paper account on each venue begins with."
    )
    leverage: float = Field(
        default=3.0,
        ge=1,
        le=100,
        description="Notional that one dollar of collateral carries; the coins behind an "
        "inverse leg carry as much.",
    )

    @property
    def coin_collateral(self) -> Decimal:
        """Share of its value that a coin-margined leg gets as its own collateral: 1 / leverage."""
        return 1 / Decimal(repr(self.leverage))


class Limits(Section):
    """What may be held at most. A limit that is reached refuses what is new, and closes nothing."""

    max_pairs: int = Field(default=10, ge=1, le=10_000, description="Pairs held at once.")
    max_total_usd: float = Field(
        default=20_000.0, gt=0, description="Notional of one leg at entry, all pairs together."
    )
    max_venue_usd: float = Field(
        default=10_000.0, gt=0, description="Notional at entry of the legs on one venue."
    )
    max_base_usd: float = Field(
        default=2_000.0, gt=0, description="Notional of one leg at entry, the pairs of one base."
    )
    max_new_per_cycle: int = Field(default=2, ge=0, description="Pairs opened in one cycle.")
    cooldown_minutes: float = Field(
        default=60.0,
        ge=0,
        le=60 * MAX_HOURS,
        description="After a pair of a base was closed, or could not be opened, until the next.",
    )


class Exits(Section):
    """When a pair is closed whatever the strategy says; null leaves it to the strategy."""

    on_flip: bool = Field(default=True, description="When the divergence is not above zero.")
    erosion: float | None = Field(
        default=0.5,
        gt=0,
        le=1,
        description="When the divergence has lost this share of what it was at entry.",
    )
    max_age_hours: float | None = Field(
        default=168.0, gt=0, le=MAX_HOURS, description="When the pair is older."
    )
    better_by: float | None = Field(
        default=0.005,
        gt=0,
        description="When no more may be held and another pair is expected to net so much more "
        "over horizon_hours than the poorest that is held; fraction of notional. One a cycle.",
    )
    horizon_hours: float = Field(
        default=72.0, gt=0, le=MAX_HOURS, description="Over which better_by is judged."
    )
    venue_silent_minutes: float | None = Field(
        default=30.0,
        gt=0,
        description="When one of its venues has not been seen for so long, or cannot be asked.",
    )
    min_margin_ratio: float | None = Field(
        default=1.5,
        gt=1,
        description="When a venue's equity is below so many times what it needs to be kept: the "
        "largest pair there is closed, one a cycle. Or when a coin-margined leg's own collateral "
        "is: its pair is closed.",
    )


class Opportunities(Section):
    """Which pairs may be opened."""

    max_age_minutes: float = Field(
        default=30.0, gt=0, description="Older opportunities are refused, all of them."
    )
    filter: OpportunityFilter = Field(
        default=DEFAULT_FILTER,
        description="A pair that does not pass is not opened; fields of `OpportunityFilter`.",
    )


class Tempo(Section):
    """How often things are done."""

    cycle_seconds: float = Field(default=60.0, gt=0, le=86_400, description="Between cycles.")
    reconcile_seconds: float = Field(
        default=60.0, gt=0, le=86_400, description="Between comparisons with the venues."
    )


class TradingConfig(Section):
    """One trader: one strategy over some venues. A bad one raises ``TradingConfigError``."""

    name: str = Field(
        default="paper",
        pattern=r"^[a-z][a-z0-9_-]{0,31}$",
        description="Of the trader; what it holds is kept under it.",
    )
    strategy: SerializeAsAny[NamedStrategy] = Field(
        default_factory=CrossVenueCarry,
        description="By its name in strategies.registry, with its parameters.",
    )
    venues: tuple[str, ...] = Field(default=(), description="Venues to trade on; all when empty.")
    bases: tuple[str, ...] = Field(default=(), description="Canonical bases; all when empty.")
    sizes: Sizes = Sizes()
    limits: Limits = Limits()
    exits: Exits = Exits()
    opportunities: Opportunities = Opportunities()
    tactics: ExecutionRules = ExecutionRules()
    tempo: Tempo = Tempo()
    control_port: int | None = Field(
        default=8_923,
        ge=0,
        le=65_535,
        description="Port of the control server on the loopback interface; 0 takes a free one, "
        "null serves none.",
    )

    @field_validator("strategy", mode="before")
    @classmethod
    def _found_by_name(cls, given: Any) -> Any:
        return strategy_of(given)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        size = self.sizes.position_usd
        for name in ("max_total_usd", "max_venue_usd", "max_base_usd"):
            if (most := getattr(self.limits, name)) < size:
                raise ValueError(
                    f"limits.{name} ({most:g}) is below sizes.position_usd ({size:g}): nothing "
                    "could be opened"
                )
        if len(set(self.venues)) == 1:
            raise ValueError(f"venues: {self.venues[0]} alone, and a pair has two")
        return self

    @model_validator(mode="wrap")
    @classmethod
    def _typed_error(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Say what is wrong in the platform's own words; declared last, it is the outermost."""
        complaint = "the trading configuration is not valid"
        try:
            with raise_as(TradingConfigError, complaint, cls.model_fields, hint=_WHERE):
                return handler(value)
        except FilterError as error:
            raise TradingConfigError(
                f"{complaint}: opportunities.filter: {error.message}", hint=_WHERE
            ) from error

    @property
    def max_age(self) -> timedelta:
        """Age above which opportunities are refused."""
        return timedelta(minutes=self.opportunities.max_age_minutes)

    @property
    def cooldown(self) -> timedelta:
        """How long a base rests."""
        return timedelta(minutes=self.limits.cooldown_minutes)

    def require_venues(self, known: tuple[str, ...]) -> None:
        """See that every venue exists.

        Raises
        ------
        TradingConfigError
            If one does not.
        """
        for venue in self.venues:
            if venue not in known:
                raise TradingConfigError(
                    f"venues: there is no venue {venue!r}{did_you_mean(venue, known)}",
                    hint=f"there are {', '.join(known)}",
                )


def read_trading_config(path: Path) -> TradingConfig:
    """Read a configuration from a YAML file.

    Raises
    ------
    TradingConfigError
        If the file cannot be read, or what it says is not valid.
    """
    try:
        told = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise TradingConfigError(
            f"{path}: the trading configuration cannot be read: {error}", hint=_WHERE
        ) from error
    if not isinstance(told, dict):
        raise TradingConfigError(
            f"{path}: a trading configuration is a table of fields, not {type(told).__name__}",
            hint=_WHERE,
        )
    return TradingConfig.model_validate(told)
