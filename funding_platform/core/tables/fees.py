"""Trading fees: as published, as overridden by us, and as both say together.

Every figure holds from an instant on, so that the past is valued with the fees of its time.
"""

from typing import Final

from funding_platform.core.tables.columns import VENUE, usd_column
from funding_platform.core.tables.schema import Column, Table, Type
from funding_platform.core.time_grid import FIRST_PERPETUAL

BASE_TIER: Final = "base"
"""What a new account pays; every venue has this tier."""

MIN_MAKER_BPS: Final = -10.0
MIN_TAKER_BPS: Final = 0.0
MAX_FEE_BPS: Final = 100.0
"""Beyond these a fee is a slip of the pen: venues pay for resting orders, never for crossing ones,
and none takes 1 %."""

_BPS = "basis points of notional"


def _maker(*, nullable: bool = False) -> Column:
    meaning = "Fee of a resting order; negative is a rebate."
    return Column("maker_bps", Type.REAL, meaning, _BPS, nullable, MIN_MAKER_BPS, MAX_FEE_BPS)


def _taker(*, nullable: bool = False) -> Column:
    meaning = "Fee of a crossing order."
    return Column("taker_bps", Type.REAL, meaning, _BPS, nullable, MIN_TAKER_BPS, MAX_FEE_BPS)


_TIER = Column("tier", Type.TEXT, "Name of the tier; base is what a new account pays.", None, False)
_EFFECTIVE_FROM = Column(
    "effective_from", Type.TIME, "First instant at which it applies.", None, False
)
_MIN_VOLUME = usd_column(
    "min_volume_30d_usd",
    "30-day volume from which the tier applies, 0 where none is needed; null where volume alone "
    "does not open it, or the volume is not known.",
)

FEE_SCHEDULES: Final = Table(
    "core",
    "fee_schedules",
    "Trading fees by venue and tier as published; a dbt seed with its sources. Fees whose start is "
    f"not known begin on {FIRST_PERPETUAL:%Y-%m-%d}, before any history.",
    key=("venue", "tier", "effective_from"),
    columns=(
        VENUE,
        _TIER,
        _EFFECTIVE_FROM,
        _maker(),
        _taker(),
        _MIN_VOLUME,
        Column("source", Type.TEXT, "Where the figures come from.", nullable=False),
    ),
)

FEE_OVERRIDES: Final = Table(
    "core",
    "fee_overrides",
    "Fees that were set by hand, with who, when and why; rows are only ever added. Of those that "
    "apply from the same instant the one recorded last counts.",
    key=("venue", "tier", "effective_from", "recorded_at"),
    columns=(
        VENUE,
        _TIER,
        _EFFECTIVE_FROM,
        Column("recorded_at", Type.TIME, "When it was entered.", nullable=False),
        _maker(),
        _taker(),
        _MIN_VOLUME,
        Column("note", Type.TEXT, "Why, in the words of who entered it.", nullable=False),
        Column("recorded_by", Type.TEXT, "Operating-system user who entered it.", nullable=False),
        Column(
            "revoked",
            Type.FLAG,
            "True where the row withdraws the override instead; the figures are those withdrawn.",
            nullable=False,
        ),
    ),
    sort_by=("venue", "tier", "effective_from", "recorded_at"),
)

FEE_HISTORY: Final = Table(
    "marts",
    "fee_history",
    "Which fees applied when: core.fee_schedules with core.fee_overrides on top, worked out at "
    "each query, so that an override counts at once.",
    key=("venue", "tier", "effective_from"),
    columns=(
        Column("venue", Type.TEXT, "Name of the venue."),
        Column("tier", Type.TEXT, _TIER.description),
        Column("effective_from", Type.TIME, _EFFECTIVE_FROM.description),
        Column(
            "effective_until",
            Type.TIME,
            "First instant at which it no longer applies; null for what has no end yet.",
        ),
        _maker(nullable=True),
        _taker(nullable=True),
        _MIN_VOLUME,
        Column("source", Type.TEXT, "Where the figures come from: the seed's source or the note."),
        Column("overridden", Type.FLAG, "True where it was set by hand."),
    ),
    view=True,
)


def fees_in_force_at(instant: str) -> str:
    """Write a query for the rows of ``marts.fee_history`` that apply at an instant.

    One row per venue and tier. ``instant`` is an SQL expression: ``now()``, or ``$at``.
    """
    return (
        f"SELECT * FROM {FEE_HISTORY.full_name} WHERE effective_from <= {instant} "
        f"AND {instant} < coalesce(effective_until, 'infinity'::TIMESTAMPTZ)"
    )
