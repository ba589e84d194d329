"""The tables that dbt builds for people to query, declared like all others.

``dbt_project/models/marts/_marts.yml`` (contracts, tests, column descriptions) is generated from
here; the SQL beside it must produce exactly these columns.
"""

from typing import Final

from funding_platform.core.schema import Column, Table, Type

_PER_8H = "fraction of notional per 8 hours, positive = longs pay shorts"
_PER_INTERVAL = "fraction of notional per funding interval, positive = longs pay shorts"
_PER_YEAR = "fraction per year, simple"


def _text(name: str, description: str, *, nullable: bool = False) -> Column:
    return Column(name, Type.TEXT, description, nullable=nullable)


def _time(name: str, description: str, *, nullable: bool = True) -> Column:
    return Column(name, Type.TIME, description, nullable=nullable)


def _real(name: str, description: str, unit: str) -> Column:
    return Column(name, Type.REAL, description, unit)


def _count(name: str, description: str) -> Column:
    return Column(name, Type.INTEGER, description, nullable=False, minimum=0)


LATEST_FUNDING_RATES: Final = Table(
    "marts",
    "latest_funding_rates",
    "What every instrument paid last and is expected to pay next, with the market around it.",
    key=("venue", "venue_symbol"),
    columns=(
        _text("venue", "Name of the venue."),
        _text("venue_symbol", "The venue's own symbol."),
        _text("base", "Canonical base asset."),
        _text("quote", "Currency the price is quoted in."),
        _text("contract_type", "linear or inverse."),
        Column("multiplier", Type.REAL, "Canonical base per venue base.", nullable=False),
        _text("status", "Listing status at last sight."),
        _time("settled_time", "Last settlement."),
        _real("settled_rate", "Rate of the last settlement.", _PER_INTERVAL),
        _real("settled_interval_hours", "Interval of the last settlement.", "hours"),
        _real("settled_rate_8h", "Last settled rate scaled to 8 hours.", _PER_8H),
        _real("settled_apr", "Last settled rate annualised.", _PER_YEAR),
        _real("predicted_rate", "Rate expected at next_funding_time.", _PER_INTERVAL),
        _real("predicted_interval_hours", "Interval the predicted rate is for.", "hours"),
        _real("predicted_rate_8h", "Predicted rate scaled to 8 hours.", _PER_8H),
        _real("predicted_apr", "Predicted rate annualised.", _PER_YEAR),
        _time("next_funding_time", "When the predicted rate settles."),
        _real("mark_price", "Mark price per unit of the canonical base.", "quote currency"),
        _real("index_price", "Index price per unit of the canonical base.", "quote currency"),
        _real("open_interest_usd", "Open interest, one side.", "USD"),
        _real("volume_24h_usd", "Turnover of the last 24 hours.", "USD"),
        _real("spread_bps", "Bid-ask spread.", "basis points of mid"),
        _time("observed_at", "When the market was looked at."),
    ),
)

COVERAGE: Final = Table(
    "marts",
    "coverage",
    "Settlements present against settlements expected, per instrument and month, from the first "
    "month in which one was stored or due to the last; a month without any has its row too.",
    key=("venue", "venue_symbol", "month"),
    columns=(
        _text("venue", "Name of the venue."),
        _text("venue_symbol", "The venue's own symbol."),
        _time("month", "First instant of the month.", nullable=False),
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
        _real("widest_gap_hours", "Widest gap between settlements that touches it.", "hours"),
        _real("min_interval_hours", "Shortest funding interval stored in the month.", "hours"),
        _real("max_interval_hours", "Longest funding interval stored in the month.", "hours"),
        _time("first_funding_time", "First settlement of the month; null where it has none."),
        _time("last_funding_time", "Last settlement of the month; null where it has none."),
    ),
)
