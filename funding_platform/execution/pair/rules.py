"""What an executor may do, and how long it waits: every threshold of it, with its unit."""

from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field


class ExecutionRules(BaseModel):
    """Thresholds of the executor. Seconds are of its clock, basis points of the mid."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    book_depth: int = Field(
        default=50, ge=1, le=1_000, description="Levels of each side that pre-flight looks at."
    )
    max_book_age_seconds: float = Field(
        default=5.0, gt=0, description="Oldest book that is traded on."
    )
    max_clock_skew_seconds: float = Field(
        default=2.0, gt=0, description="Most that a venue's clock may differ from ours."
    )
    max_intent_age_seconds: float = Field(
        default=60.0, gt=0, description="Oldest decision that is still acted on."
    )
    max_slippage_bps: Decimal = Field(
        default=Decimal(15),
        gt=0,
        description="Most that walking either book may cost against its mid; more is refused.",
    )
    price_bound_bps: Decimal = Field(
        default=Decimal(30),
        gt=0,
        description="Worst price of an order that opens or completes, against the mid.",
    )
    value_slack_bps: Decimal = Field(
        default=Decimal(500),
        ge=0,
        description="How far beyond price_bound_bps an order that opens, or its fills, may be off "
        "in value before new risk is halted: a wrong unit is off by far more.",
    )
    close_bound_bps: Decimal = Field(
        default=Decimal(50),
        gt=0,
        description="Worst price of the first order that closes; each further try allows twice as "
        "much, up to close_bound_max_bps.",
    )
    close_bound_max_bps: Decimal = Field(
        default=Decimal(500), gt=0, description="Worst price of any order that closes."
    )
    margin_share: Decimal = Field(
        default=Decimal(1),
        gt=0,
        description="Free margin that each venue must have, as a share of the leg's notional.",
    )
    limit_seconds: float = Field(
        default=0.0,
        ge=0,
        description="How long an order rests at the best price of its own side before the rest is "
        "taken; 0 takes at once.",
    )
    reprice_seconds: float = Field(
        default=2.0, gt=0, description="How often a resting order follows the best price."
    )
    poll_seconds: float = Field(
        default=0.1, gt=0, description="How often an order that is not final is asked about."
    )
    order_seconds: float = Field(
        default=5.0, gt=0, description="How long an order that takes may stay open."
    )
    grace_seconds: float = Field(
        default=5.0,
        gt=0,
        description="How long an order that the venue does not know counts as unknown, not absent.",
    )
    silence_seconds: float = Field(
        default=30.0,
        gt=0,
        description="How long a venue may be silent about an order before the step is left to the "
        "next reconciliation.",
    )
    completions: int = Field(
        default=2, ge=0, description="Tries to complete a leg that lags, before it is unwound."
    )
    close_tries: int = Field(
        default=8,
        ge=1,
        description="Rounds of orders in one close; what is left then waits for the next cycle.",
    )
    slice_share: Decimal = Field(
        default=Decimal(1),
        gt=0,
        le=1,
        description="Share of what stands within the bound that one closing order may take.",
    )
    naked_seconds: float = Field(
        default=30.0,
        gt=0,
        description="The longest that one leg may have more than the other while both venues "
        "answer; longer is an event.",
    )
