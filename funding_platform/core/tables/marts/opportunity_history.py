"""What opportunities were, hour by hour: a mart that grows, where others are built anew."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from funding_platform.core.tables.columns import time_column
from funding_platform.core.tables.marts.opportunities import OPPORTUNITIES
from funding_platform.core.tables.schema import Table

_REMEMBERED = (
    *("long_rate_8h", "short_rate_8h", "divergence_8h", "cost_bps", "net_1d", "net_7d"),
    *("min_open_interest_usd", "min_volume_24h_usd", "price_gap_bps"),
    *("tier", "reasons", "discovered_at"),
    *("long_observed_at", "short_observed_at", "observed_at"),
)


@dataclass(frozen=True, slots=True)
class Growth:
    """How a mart grows that each build adds to, instead of building it anew.

    Rows of a ``time`` that is built again are replaced; those older than ``kept``, measured from
    the newest, are dropped.
    """

    time: str
    kept: timedelta


HISTORY_KEPT: Final = timedelta(days=90)

OPPORTUNITY_HISTORY: Final = Table(
    "marts",
    "opportunity_history",
    "What marts.opportunities showed, hour by hour, valued with the fees of its time; kept for "
    f"{HISTORY_KEPT.days} days, not published.",
    key=("hour", *OPPORTUNITIES.key),
    columns=(
        time_column(
            "hour", "The hour that the newest observation of any market lay in.", nullable=False
        ),
        *map(OPPORTUNITIES.column, (*OPPORTUNITIES.key, *_REMEMBERED)),
    ),
    partition_by=("year(hour)", "month(hour)", "day(hour)"),
    sort_by=("base", "hour"),
)

GROWING: Final = {OPPORTUNITY_HISTORY.full_name: Growth("hour", HISTORY_KEPT)}
"""Marts that grow. What they lose cannot be worked out again."""
