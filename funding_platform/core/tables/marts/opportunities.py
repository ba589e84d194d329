"""The tables of opportunities: pairs of instruments that may earn the difference of their funding.

Built by dbt like all marts. A pair is long the lower rate and short the higher, compared per hour.
Nothing is left out for being poor: ``tier`` and ``reasons`` say what stands against a pair, with
the codes of ``core.tables.marts.reasons``. All returns and costs are of one leg's notional, since
both legs carry the same.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from funding_platform.core.tables.books.depth import SIZES_USD
from funding_platform.core.tables.columns import (
    ASSET,
    PER_8H,
    PER_INTERVAL,
    PER_YEAR,
    real_column,
    text_column,
    time_column,
    usd_column,
)
from funding_platform.core.tables.marts.reasons import TIERS
from funding_platform.core.tables.schema import Column, Table, Type

HORIZONS: Final = {"8h": 8, "1d": 24, "3d": 72, "7d": 168}
"""Holding times that funding and net are stated for, in hours."""

IMPACT_SOURCES: Final = ("measured", "model")
"""Where the impact of a leg is from: its order book, or its turnover."""

_FRACTION = "fraction of one leg's notional"
_BPS = "basis points of one leg's notional"


def _amount(name: str, description: str, unit: str) -> Column:
    return Column(name, Type.REAL, description, unit, minimum=0.0)


def _leg_columns(name: str, description: str, unit: str) -> Iterator[Column]:
    """Declare ``long_<name>`` and ``short_<name>``."""
    for leg in ("long", "short"):
        yield real_column(f"{leg}_{name}", description.format(leg=leg), unit)


def _leg_amounts(name: str, description: str) -> Iterator[Column]:
    """Declare ``long_<name>`` and ``short_<name>``, basis points that are never negative."""
    for leg in ("long", "short"):
        yield _amount(f"{leg}_{name}", description.format(leg=leg), _BPS)


_KEY = (
    text_column("base", "Canonical base asset."),
    text_column(
        "long_venue", "Venue of the long leg: the lower rate, by name where they are equal."
    ),
    text_column("long_symbol", "Symbol of the long leg."),
    text_column("short_venue", "Venue of the short leg: the higher rate."),
    text_column("short_symbol", "Symbol of the short leg."),
)

_RATES = (
    text_column("long_quote", "Currency that the long leg is quoted in."),
    text_column("short_quote", "Currency that the short leg is quoted in."),
    *_leg_columns("rate", "Predicted rate of the {leg} leg, as the venue states it.", PER_INTERVAL),
    *_leg_columns("interval_hours", "Funding interval of the {leg} leg.", "hours"),
    *_leg_columns("rate_8h", "Predicted rate of the {leg} leg, scaled to 8 hours.", PER_8H),
    _amount("divergence_8h", "short_rate_8h - long_rate_8h: earned per 8 hours.", PER_8H),
    real_column("gross_apr", "divergence_8h annualised, simple.", PER_YEAR),
    real_column(
        "gross_apy", "divergence_8h compounded every 8 hours, 1095 times a year.", PER_YEAR
    ),
)

_CLOCK = (
    time_column(
        "long_next_funding_time",
        "Next settlement of the long leg after observed_at; null where the venue does not say.",
    ),
    time_column(
        "short_next_funding_time",
        "Next settlement of the short leg after observed_at; null where the venue does not say.",
    ),
    time_column("both_settled_at", "The later of the two: from then on both legs have settled."),
    real_column(
        "return_until_both_settled",
        "What the settlements after observed_at, up to both_settled_at, bring at today's rates; "
        "an hourly leg may settle eight times until the other one does.",
        _FRACTION,
    ),
    *(
        real_column(
            f"funding_{horizon}",
            f"What the settlements of {hours} hours after observed_at bring at today's rates, "
            "each leg on its own clock; pro rata for a leg whose clock is unknown.",
            _FRACTION,
        )
        for horizon, hours in HORIZONS.items()
    ),
)

_COSTS = (
    text_column(
        "long_fee_tier", "Fee tier of the long leg; null where none is known.", nullable=True
    ),
    text_column(
        "short_fee_tier", "Fee tier of the short leg; null where none is known.", nullable=True
    ),
    *_leg_columns("maker_bps", "Fee of a resting order of the {leg} leg.", _BPS),
    *_leg_columns("taker_bps", "Fee of a crossing order of the {leg} leg.", _BPS),
    real_column("taker_fees_bps", "All four trades crossing: 2 (long + short taker_bps).", _BPS),
    real_column("maker_fees_bps", "All four trades resting: 2 (long + short maker_bps).", _BPS),
    *_leg_columns(
        "spread_bps",
        "Bid-ask spread of the {leg} leg; null without a book.",
        "basis points of mid; negative when the book is crossed",
    ),
    _amount(
        "spread_cost_bps",
        "Half a spread for each of the four trades; an assumed one for a leg without a book, none "
        "for a crossed one.",
        _BPS,
    ),
    usd_column("size_usd", "Notional of each leg that the impact is estimated for."),
    *(
        _amount(
            f"{leg}_impact_{name}_bps",
            f"What one trade of {size:,.0f} USD moves the {leg} leg's order book, the mean of "
            "buying and selling, half the spread left out; null where the book was not measured "
            "of late, or was not seen to hold as much.",
            _BPS,
        )
        for leg in ("long", "short")
        for name, size in SIZES_USD.items()
    ),
    *_leg_amounts(
        "impact_model_bps",
        "What one trade of size_usd moves the {leg} leg's price by a model: the book is taken to "
        "hold the same share of volume_24h_usd at every basis point. Null where the volume is "
        "unknown or 0.",
    ),
    *_leg_amounts(
        "impact_bps",
        "The impact of one trade of size_usd of the {leg} leg: as measured, else by the model, and "
        "then no less than the largest size that was measured.",
    ),
    *(
        Column(
            f"{leg}_impact_source",
            Type.TEXT,
            f"Whether {leg}_impact_bps is measured or the model's; null where it is unknown.",
            values=IMPACT_SOURCES,
        )
        for leg in ("long", "short")
    ),
    _amount("impact_cost_bps", "All four trades: 2 (long + short impact_bps).", _BPS),
    usd_column(
        "max_size_usd",
        "Notional of each leg at which impact_cost_bps comes to the limit that dbt_project.yml "
        "states as max_impact_cost_bps; at most 1,000,000, and at most what a measured book was "
        "seen to hold.",
    ),
    real_column("cost_bps", "taker_fees_bps + spread_cost_bps + impact_cost_bps.", _BPS),
    real_column(
        "maker_cost_bps",
        "maker_fees_bps: resting orders pay no spread and move no price, but may not be filled.",
        _BPS,
    ),
)

_NETS = (
    *(
        real_column(
            f"net_{horizon}",
            f"funding_{horizon} less the whole cost; null where any part of it is unknown.",
            _FRACTION,
        )
        for horizon in HORIZONS
    ),
    real_column("net_7d_if_halved", "Half of funding_7d less the whole cost.", _FRACTION),
    real_column("net_apr", "net_7d annualised, simple.", PER_YEAR),
    real_column("break_even_hours", "Time after which divergence_8h has paid cost_bps.", "hours"),
)

_MARKET = (
    usd_column("long_volume_24h_usd", "Turnover of the long leg's last 24 hours."),
    usd_column("short_volume_24h_usd", "Turnover of the short leg's last 24 hours."),
    usd_column("min_volume_24h_usd", "The smaller of the two; null where either is unknown."),
    usd_column("long_open_interest_usd", "Open interest of the long leg, one side."),
    usd_column("short_open_interest_usd", "Open interest of the short leg, one side."),
    usd_column("min_open_interest_usd", "The smaller of the two; null where either is unknown."),
    usd_column("max_open_interest_usd", "The larger of the two; null where either is unknown."),
    _amount("open_interest_ratio", "Long leg's over short leg's.", "ratio"),
    Column(
        "open_interest_balance",
        Type.TEXT,
        "long_heavy where the ratio is above 2, short_heavy where it is below 1/2.",
        values=("long_heavy", "balanced", "short_heavy"),
    ),
    real_column(
        "price_gap_bps",
        "Short mark over long mark, less one; both per unit of the canonical base.",
        "basis points",
    ),
)

_PAST = (
    *(
        real_column(
            f"settled_{days}d",
            f"Settled funding of the {days} days up to the newest settlement of the lake, short "
            "less long; null where a settlement of either leg is missing.",
            _FRACTION,
        )
        for days in (7, 30)
    ),
    *(
        real_column(f"settled_{days}d_apr", f"settled_{days}d annualised, simple.", PER_YEAR)
        for days in (7, 30)
    ),
    Column(
        "same_sign_share",
        Type.REAL,
        "Hours of the last 7 days in which the short leg's settled rate was above the long leg's, "
        "of those known of both; each hour carries the rate of the settlement that pays for it.",
        "fraction",
        minimum=0.0,
        maximum=1.0,
    ),
    _amount(
        "half_life_hours",
        "Hours in which the settled divergence loses half of a deviation: an AR(1) over the "
        "longest interval of the two legs, debiased (Kendall 1954). Null where its slope could be "
        "that of white noise (one-sided, 1 %), where it shows no decay, or too few hours are "
        "known.",
        "hours",
    ),
)

_TIMES = (
    time_column("long_observed_at", "When the long leg was looked at.", nullable=False),
    time_column("short_observed_at", "When the short leg was looked at.", nullable=False),
    time_column("observed_at", "The older of the two.", nullable=False),
    time_column(
        "discovered_at",
        "observed_at of the first of the hours, without a break up to now, in which the pair stood "
        "this way round and was not rejected; null while it is.",
    ),
    time_column(
        "valid_until",
        "The earlier of the next settlements, when a rate is fixed anew; where a clock is unknown, "
        "one interval after observed_at.",
    ),
)

_VERDICT = (
    Column(
        "tier",
        Type.TEXT,
        "reject where any reason is one to reject, watch where there is another, else actionable.",
        nullable=False,
        values=TIERS,
    ),
    Column(
        "reasons",
        Type.TEXTS,
        "What stands against the pair, as codes in alphabetical order; empty if nothing does.",
        nullable=False,
    ),
)

OPPORTUNITIES: Final = Table(
    "marts",
    "opportunities",
    "Every pair of dollar-quoted, listed instruments of one asset at two venues: long the lower "
    "predicted rate, short the higher, with what it earns, costs, has earned, and what is against "
    "it.",
    key=tuple(column.name for column in _KEY),
    columns=(
        *_KEY,
        text_column("asset", ASSET),
        *_RATES,
        *_CLOCK,
        *_COSTS,
        *_NETS,
        *_MARKET,
        *_PAST,
        *_TIMES,
        *_VERDICT,
    ),
    sort_by=("base",),
)

OPPORTUNITIES_BEST: Final = Table(
    "marts",
    "opportunities_best",
    "The best opportunity of every asset: by tier, then by net_7d. A view of marts.opportunities.",
    key=("asset",),
    columns=tuple(replace(column, nullable=True) for column in OPPORTUNITIES.columns),
    view=True,
)
