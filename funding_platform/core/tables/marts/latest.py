"""The tables that dbt builds for people to query, declared like all others.

``dbt_project/models/marts/_marts.yml`` (contracts, tests, column descriptions) is generated from
here; the SQL beside it must produce exactly these columns.
"""

from typing import Final

from funding_platform.core.tables.columns import (
    ASSET_CLASS,
    PER_8H,
    PER_INTERVAL,
    PER_YEAR,
    real_column,
    text_column,
    time_column,
)
from funding_platform.core.tables.schema import Column, Table, Type

BUILD_MARTS: Final = "run `funding transform`, or materialise `marts` in `make dev`"
"""What to do where a mart is not there yet."""


def _count(name: str, description: str) -> Column:
    return Column(name, Type.INTEGER, description, nullable=False, minimum=0)


LATEST_FUNDING_RATES: Final = Table(
    "marts",
    "latest_funding_rates",
    "What every instrument paid last and is expected to pay next, with the market around it.",
    key=("venue", "venue_symbol"),
    columns=(
        text_column("venue", "Name of the venue."),
        text_column("venue_symbol", "The venue's own symbol."),
        text_column("base", "Canonical base asset."),
        text_column("quote", "Currency the price is quoted in."),
        text_column("contract_type", "linear, inverse or quanto."),
        Column("multiplier", Type.REAL, "Canonical base per venue base.", nullable=False),
        ASSET_CLASS,
        text_column("status", "Listing status at last sight."),
        time_column("settled_time", "Last settlement."),
        real_column("settled_rate", "Rate of the last settlement.", PER_INTERVAL),
        real_column("settled_interval_hours", "Interval of the last settlement.", "hours"),
        real_column("settled_rate_8h", "Last settled rate scaled to 8 hours.", PER_8H),
        real_column("settled_apr", "Last settled rate annualised, simple.", PER_YEAR),
        real_column("predicted_rate", "Rate expected at next_funding_time.", PER_INTERVAL),
        real_column("predicted_interval_hours", "Interval the predicted rate is for.", "hours"),
        real_column("predicted_rate_8h", "Predicted rate scaled to 8 hours.", PER_8H),
        real_column("predicted_apr", "Predicted rate annualised, simple.", PER_YEAR),
        time_column("next_funding_time", "When the predicted rate settles."),
        real_column("mark_price", "Mark price per unit of the canonical base.", "quote currency"),
        real_column("index_price", "Index price per unit of the canonical base.", "quote currency"),
        real_column("open_interest_usd", "Open interest, one side.", "USD"),
        real_column("volume_24h_usd", "Turnover of the last 24 hours.", "USD"),
        real_column("spread_bps", "Bid-ask spread.", "basis points of mid"),
        time_column("observed_at", "When the market was looked at."),
    ),
)

COVERAGE: Final = Table(
    "marts",
    "coverage",
    "Settlements present against settlements expected, per instrument and month, from the first "
    "month in which one was stored or due to the last; a month without any has its row too.",
    key=("venue", "venue_symbol", "month"),
    columns=(
        text_column("venue", "Name of the venue."),
        text_column("venue_symbol", "The venue's own symbol."),
        time_column("month", "First instant of the month.", nullable=False),
        _count("present", "Settlements stored."),
        _count(
            "missing",
            "Settlements that were due in the month and are absent: between stored ones, since "
            "listing, or after the last one of an instrument that trades, outages included; where "
            "the interval is unknown none is.",
        ),
        _count("expected", "present + missing."),
        Column(
            "coverage",
            Type.REAL,
            "present / expected; null where nothing can be expected.",
            "fraction",
            minimum=0.0,
            maximum=1.0,
        ),
        real_column("widest_gap_hours", "Widest gap between settlements that touches it.", "hours"),
        real_column(
            "min_interval_hours", "Shortest funding interval stored in the month.", "hours"
        ),
        real_column("max_interval_hours", "Longest funding interval stored in the month.", "hours"),
        time_column("first_funding_time", "First settlement of the month; null where it has none."),
        time_column("last_funding_time", "Last settlement of the month; null where it has none."),
    ),
)
