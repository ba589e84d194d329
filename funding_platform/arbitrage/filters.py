"""Which opportunities a person wants to see, and at which costs.

The mart hides nothing; a filter does, and says so in its fields. Values that can only be a
mistake are refused here, in words, before anything is read.
"""

from typing import Any, Final, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    field_validator,
    model_validator,
)

from funding_platform.arbitrage.errors import FilterError
from funding_platform.core.tables.marts.opportunities import HORIZONS, OPPORTUNITIES
from funding_platform.core.tables.schema import Type
from funding_platform.core.validation_errors import did_you_mean, raise_as

Horizon = Literal["8h", "1d", "3d", "7d"]
Tier = Literal["actionable", "watch", "reject"]
FeeMode = Literal["taker", "maker"]
Balance = Literal["long_heavy", "balanced", "short_heavy"]

STORED_HORIZON: Final = "7d"
"""The horizon that ``net_apr`` of the table is over."""

SORT_FIELDS: Final = tuple(
    column.name for column in OPPORTUNITIES.columns if column.type in (Type.REAL, Type.INTEGER)
)

_RANGES = (
    ("min_volume_24h_usd", "max_volume_24h_usd"),
    ("min_open_interest_usd", "max_open_interest_usd"),
    ("min_open_interest_ratio", "max_open_interest_ratio"),
)


class OpportunityFilter(BaseModel):
    """Rows of ``marts.opportunities`` to show. Every bound left out leaves everything in.

    A row whose value is unknown does not pass a bound on that value: absence is not zero. A
    filter that cannot be meant raises ``FilterError`` and names its field.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    bases: tuple[str, ...] = Field(default=(), description="Canonical base, e.g. BTC.")
    symbols: tuple[str, ...] = Field(
        default=(), description="A venue's own symbol of either leg, e.g. BTCUSDT."
    )
    venues: tuple[str, ...] = Field(default=(), description="Both legs are on one of these.")
    long_venues: tuple[str, ...] = Field(default=(), description="The long leg is on one of these.")
    short_venues: tuple[str, ...] = Field(
        default=(), description="The short leg is on one of these."
    )
    exclude_venues: tuple[str, ...] = Field(default=(), description="No leg is on any of these.")
    tiers: tuple[Tier, ...] = Field(default=(), description="Verdict; any if left out.")

    min_divergence_8h: float | None = Field(
        default=None, description="Divergence, fraction per 8 hours."
    )
    min_net: float | None = Field(
        default=None, description="Net over the horizon, fraction of one leg's notional."
    )
    min_net_apr: float | None = Field(
        default=None, description="Net over the horizon annualised, fraction per year."
    )
    min_volume_24h_usd: float | None = Field(
        default=None, ge=0, description="Turnover of a day in USD, smaller leg."
    )
    max_volume_24h_usd: float | None = Field(
        default=None, ge=0, description="Turnover of a day in USD, larger leg."
    )
    min_open_interest_usd: float | None = Field(
        default=None, ge=0, description="Open interest in USD, smaller leg."
    )
    max_open_interest_usd: float | None = Field(
        default=None, ge=0, description="Open interest in USD, larger leg."
    )
    min_open_interest_ratio: float | None = Field(
        default=None, ge=0, description="Long leg's open interest over the short leg's."
    )
    max_open_interest_ratio: float | None = Field(
        default=None, ge=0, description="Long leg's open interest over the short leg's."
    )
    open_interest_balance: tuple[Balance, ...] = Field(
        default=(), description="Which leg has the larger open interest; any if left out."
    )
    max_spread_bps: float | None = Field(
        default=None, ge=0, description="Bid-ask spread of either leg, basis points of mid."
    )
    max_price_gap_bps: float | None = Field(
        default=None, ge=0, description="Between the marks, either way, basis points."
    )
    min_persistence: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="Share of the last 7 days' hours with today's sign, fraction.",
    )
    min_half_life_hours: float | None = Field(
        default=None, ge=0, description="Half-life of the divergence, hours."
    )

    horizon: Horizon = Field(
        default=STORED_HORIZON, description="How long a pair is held, for nets and ranking."
    )
    fee_mode: FeeMode = Field(
        default="taker",
        description="maker: all four orders rest, pay no spread and no impact, and may not fill.",
    )
    fee_tiers: dict[str, str] = Field(
        default={}, description="Tier in marts.fee_history by venue, where it is not base."
    )
    size_usd: float | None = Field(
        default=None,
        gt=0,
        description="USD per leg that impact is paid for; as stored if left out.",
    )

    sort_by: str | None = Field(
        default=None,
        description="Numeric column of the table; if left out the tier, then the net over the "
        "horizon.",
    )
    descending: bool = Field(default=True, description="Largest, or best, first.")
    limit: int = Field(default=20, ge=1, le=100_000, description="Rows at most.")

    @property
    def prices_anew(self) -> bool:
        """Whether costs may differ from those that the table was built with."""
        return self.fee_mode != "taker" or bool(self.fee_tiers) or self.size_usd is not None

    @property
    def net(self) -> str:
        """The column with the net over the horizon."""
        return f"net_{self.horizon}"

    @property
    def horizon_hours(self) -> int:
        """The horizon in hours."""
        return HORIZONS[self.horizon]

    @field_validator("sort_by")
    @classmethod
    def _numeric_column(cls, value: str | None) -> str | None:
        if value is not None and value not in SORT_FIELDS:
            raise ValueError(f"{value!r} is no numeric column{did_you_mean(value, SORT_FIELDS)}")
        return value

    @model_validator(mode="after")
    def _ranges(self) -> Self:
        for low, high in _RANGES:
            least, most = getattr(self, low), getattr(self, high)
            if least is not None and most is not None and least > most:
                raise ValueError(f"{low} ({least:g}) is above {high} ({most:g})")
        return self

    @model_validator(mode="after")
    def _venues_leave_a_pair(self) -> Self:
        for field in ("venues", "long_venues", "short_venues"):
            if both := sorted({*getattr(self, field)} & {*self.exclude_venues}):
                raise ValueError(f"{', '.join(both)} is in {field} and in exclude_venues")
        for field in ("long_venues", "short_venues"):
            outside = sorted({*getattr(self, field)} - {*self.venues})
            if self.venues and outside:
                raise ValueError(f"{', '.join(outside)} is in {field} but not in venues")
        long, short = self.long_venues or self.venues, self.short_venues or self.venues
        if long and short and len({*long, *short}) == 1:
            raise ValueError(
                f"{'venues' if self.venues else 'long_venues and short_venues'} leave only "
                f"{long[0]}, and a pair has two; one leg is chosen by long_venues or short_venues"
            )
        return self

    @model_validator(mode="wrap")
    @classmethod
    def _typed_error(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Say what is wrong in the platform's own words; declared last, it is the outermost."""
        with raise_as(
            FilterError,
            "the filter of opportunities is not valid",
            cls.model_fields,
            hint="the fields and their units are in docs/commands.md",
        ):
            return handler(value)
