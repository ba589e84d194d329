"""What is kept of settled months, so that a build need not look at all that was ever settled.

Built by dbt like the marts, which are read off it: a month of a venue is worked out anew when
settlements of it have changed, and stays as it is otherwise. Nothing here depends on another
month, so that a correction concerns its own month alone.
"""

from typing import Final

from funding_platform.core.tables.columns import (
    PER_8H,
    PER_INTERVAL,
    VENUE,
    VENUE_SYMBOL,
    rate_column,
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


def _count(name: str, description: str, *, minimum: float = 0) -> Column:
    return Column(name, Type.INTEGER, description, nullable=False, minimum=minimum)


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
        _count("settlements", "Settlements stored.", minimum=1),
        real_column("min_interval_hours", "Shortest funding interval.", "hours"),
        real_column("max_interval_hours", "Longest funding interval.", "hours"),
        real_column("widest_gap_hours", "Widest gap between two of them.", "hours"),
        _count(
            "missing",
            "Settlements missing between them, by the interval after each gap.",
        ),
        time_column("first_funding_time", "First settlement.", nullable=False),
        real_column("first_interval_hours", "Its funding interval.", "hours"),
        real_column("first_rate_8h", "Its rate scaled to 8 hours.", PER_8H),
        time_column("last_funding_time", "Last settlement.", nullable=False),
        rate_column("last_rate", "Its rate as settled.", nullable=False),
        real_column("last_interval_hours", "Its funding interval.", "hours"),
        real_column("last_rate_8h", "Its rate scaled to 8 hours.", PER_8H),
        _count("scaled", "Those of known interval, of which all below is told."),
        real_column("sum_rate_8h", "Sum of their rates scaled to 8 hours.", PER_8H),
        real_column("sum_squares_8h", "Sum of the squares of these."),
        real_column("min_rate_8h", "Lowest of these.", PER_8H),
        real_column("max_rate_8h", "Highest of these.", PER_8H),
        _count("positive", "Settlements at which longs paid."),
        _count("with_default", "Settlements of a venue that has a default rate then."),
        _count("at_default", "Settlements at that rate."),
        real_column("sum_rate", "Sum of their rates as settled.", PER_INTERVAL),
        real_column("sum_hours", "Sum of their intervals.", "hours"),
        real_column("sum_squares", "Sum of the squares of the rates as settled."),
        real_column("sum_rate_hours", "Sum of the products of rate and interval."),
        real_column("sum_squared_hours", "Sum of the squares of the intervals.", "hours squared"),
        _count(
            "neighbours",
            "Settlements that follow one of known interval, none missing between.",
        ),
        real_column("sum_following_8h", "Sum of their rates scaled to 8 hours.", PER_8H),
        real_column("sum_followed_8h", "Sum of the rates that they follow.", PER_8H),
        real_column("sum_following_squares", "Sum of the squares of the former."),
        real_column("sum_followed_squares", "Sum of the squares of the latter."),
        real_column("sum_neighbour_products", "Sum of the products of the two."),
        real_column("min_following_8h", "Lowest of the former.", PER_8H),
        real_column("max_following_8h", "Highest of the former.", PER_8H),
        real_column("min_followed_8h", "Lowest of the latter.", PER_8H),
        real_column("max_followed_8h", "Highest of the latter.", PER_8H),
        Column(
            "settled_hours",
            Type.TEXT,
            "Of each hour of the month, 1 where something settled in it, to the nearest, and 0 "
            "where nothing did; of one more than the longest month has.",
            nullable=False,
        ),
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
        Column(
            "interval_hours",
            Type.REAL,
            "Its funding interval.",
            "hours",
            nullable=False,
        ),
        _count(
            "missing_before",
            "Settlements that are missing before it, by its interval.",
            minimum=1,
        ),
    ),
    sort_by=("venue", "month", "venue_symbol", "funding_time"),
)

SETTLED_QUARTILES: Final = Table(
    "marts",
    "settled_quartiles",
    "Settled rates around the quartiles of all but the newest months, of each instrument, each "
    "venue and all venues: with what settled since, they tell the quartiles of everything. Not "
    "published.",
    key=("venue", "venue_symbol", "rate_8h"),
    columns=(
        Column("venue", Type.TEXT, "Name of the venue, or 'all venues'.", nullable=False),
        Column(
            "venue_symbol",
            Type.TEXT,
            "The venue's own symbol, or 'all instruments'.",
            nullable=False,
        ),
        time_column("until", "Settlements from here on are not in it.", nullable=False),
        Column("rate_8h", Type.REAL, "A rate, scaled to 8 hours.", PER_8H, nullable=False),
        _count("settlements", "Settlements at this rate.", minimum=1),
        _count("below", "Settlements at lower rates."),
        _count("of_all", "Settlements of known interval.", minimum=1),
    ),
)

LISTING_STARTS: Final = Table(
    "marts",
    "listing_starts",
    "Where listings begin whose ticker another contract had before, a row each. A ticker that was "
    "never reused has none. Not published.",
    key=("venue", "venue_symbol", "since"),
    columns=(
        VENUE,
        VENUE_SYMBOL,
        time_column(
            "since",
            "Settlements from here on are the listing's, up to the next beginning.",
            nullable=False,
        ),
    ),
)

INCREMENTS: Final = (SETTLEMENT_MONTHS, SETTLEMENT_GAPS, SETTLED_QUARTILES, LISTING_STARTS)
"""What only a build reads: worth nothing without the note of the build that it is of."""
