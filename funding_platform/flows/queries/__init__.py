"""The one read side: what is asked of the lake by name, by the command line and by any service.

What belongs here: questions. A function takes a connection to the lake, or to the published file,
then plain arguments, and returns a Polars frame: the columns of a declared table, or those of a
schema beside the function. What does not: writing, computing tables, drawing, and choosing what of
a frame fits on a screen (``views.tables``).

Names load on first use, so that importing the package costs nothing.
"""

from typing import TYPE_CHECKING

from funding_platform.core.lazy import lazy_names

if TYPE_CHECKING:
    from funding_platform.flows.queries.connection import open_lake
    from funding_platform.flows.queries.coverage import coverage_by_month
    from funding_platform.flows.queries.curves import latest_curves, past_curves
    from funding_platform.flows.queries.features import features_of, get_features
    from funding_platform.flows.queries.fees import fee_overrides, fees_at
    from funding_platform.flows.queries.gaps import gaps_by_name
    from funding_platform.flows.queries.health import breaker_states, venue_health
    from funding_platform.flows.queries.opportunities import (
        compare_venues,
        left_out,
        ranked_opportunities,
    )
    from funding_platform.flows.queries.paid import funding_paid
    from funding_platform.flows.queries.runs import load_run, load_sweep, stored_runs, stored_sweeps

__all__ = [
    "breaker_states",
    "compare_venues",
    "coverage_by_month",
    "features_of",
    "fee_overrides",
    "fees_at",
    "funding_paid",
    "gaps_by_name",
    "get_features",
    "latest_curves",
    "left_out",
    "load_run",
    "load_sweep",
    "open_lake",
    "past_curves",
    "ranked_opportunities",
    "stored_runs",
    "stored_sweeps",
    "venue_health",
]

__getattr__ = lazy_names(
    __name__,
    {
        "breaker_states": "health",
        "compare_venues": "opportunities",
        "coverage_by_month": "coverage",
        "features_of": "features",
        "fee_overrides": "fees",
        "fees_at": "fees",
        "funding_paid": "paid",
        "gaps_by_name": "gaps",
        "get_features": "features",
        "latest_curves": "curves",
        "left_out": "opportunities",
        "load_run": "runs",
        "load_sweep": "runs",
        "open_lake": "connection",
        "past_curves": "curves",
        "ranked_opportunities": "opportunities",
        "stored_runs": "runs",
        "stored_sweeps": "runs",
        "venue_health": "health",
    },
)
