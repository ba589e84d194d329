"""What is kept of settled months, so that a build need not look at all that was ever settled.

Built by dbt like the marts, which are read off it: a month of a venue is worked out anew when
settlements of it have changed, and stays as it is otherwise. Nothing here depends on another
month, so that a correction concerns its own month alone.
"""

from typing import Final

from funding_platform.core.tables.columns import (
    PER_8H,
    VENUE,
    VENUE_SYMBOL,
    real_column,
    time_column,
)
from funding_platform.core.tables.schema import Column, Table, Type

_MONTH = time_column("month", "First instant of the month.", nullable=False)
_LISTING = Column(
    "listing",
    Type.INTEGER,
    "Which of the ticker's listings: 0, then one more with each that began.",
    nullable=False,
    minimum=0,
)
_OF_EARLIER_LISTING = Column(
    "of_earlier_listing",
    Type.FLAG,
    "Whether the ticker has been given to another contract since.",
    nullable=False,
)

SETTLEMENT_MONTHS: Final = Table(
    "marts",
    "settlement_months",
    "What the settlements of an instrument add up to in a month, each listing of a ticker by "
    "itself: what other marts are read off, instead of off all settlements. Not published.",
    key=("venue", "venue_symbol", "month", "listing"),
    columns=(
        VENUE,
        VENUE_SYMBOL,
        _MONTH,
        _LISTING,
        _OF_EARLIER_LISTING,
        Column(
            "listing_starts",
            Type.TEXT,
            "Where the ticker's listings began, as known when the row was built; null where it was "
            "never reused.",
        ),
        Column("settlements", Type.INTEGER, "Settlements stored.", nullable=False, minimum=1),
        real_column("min_interval_hours", "Shortest funding interval.", "hours"),
        real_column("max_interval_hours", "Longest funding interval.", "hours"),
        real_column("widest_gap_hours", "Widest gap between two of them.", "hours"),
        time_column("first_funding_time", "First settlement.", nullable=False),
        real_column("first_interval_hours", "Its funding interval.", "hours"),
        real_column("first_rate_8h", "Its rate scaled to 8 hours.", PER_8H),
        time_column("last_funding_time", "Last settlement.", nullable=False),
        real_column("last_interval_hours", "Its funding interval.", "hours"),
        real_column("last_rate_8h", "Its rate scaled to 8 hours.", PER_8H),
    ),
    sort_by=("venue", "month", "venue_symbol", "listing"),
)

SETTLEMENT_GAPS: Final = Table(
    "marts",
    "settlement_gaps",
    "Settlements before which others are missing, the one before them in the same month. Not "
    "published.",
    key=("venue", "venue_symbol", "funding_time"),
    columns=(
        VENUE,
        VENUE_SYMBOL,
        _MONTH,
        time_column("funding_time", "The settlement after the gap.", nullable=False),
        Column("interval_hours", Type.REAL, "Its funding interval.", "hours", nullable=False),
        Column(
            "missing_before",
            Type.INTEGER,
            "Settlements that are missing before it, by its interval.",
            nullable=False,
            minimum=1,
        ),
    ),
    sort_by=("venue", "month", "venue_symbol", "funding_time"),
)

INCREMENTS: Final = (SETTLEMENT_MONTHS, SETTLEMENT_GAPS)
