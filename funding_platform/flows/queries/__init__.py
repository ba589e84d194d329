"""The one read side: what is asked of the lake by name, by the command line and by any service.

What belongs here: questions. A function takes a connection to the lake, or to the published file,
then plain arguments, and returns a Polars frame: the columns of a declared table, or those of a
schema beside the function. What does not: writing, computing tables, drawing, and choosing what of
a frame fits on a screen (``views.tables``).

Names load on first use, so that importing the package costs nothing.
"""

from typing import TYPE_CHECKING

from funding_platform.core.system.lazy import lazy_names

if TYPE_CHECKING:
    from funding_platform.flows.queries.alerts import active_alerts
    from funding_platform.flows.queries.connection import open_lake, snapshot_of
    from funding_platform.flows.queries.coverage import coverage_by_month
    from funding_platform.flows.queries.curves import latest_curves, past_curves
    from funding_platform.flows.queries.depth import newest_depth
    from funding_platform.flows.queries.execution import performance, positions, trading_events
    from funding_platform.flows.queries.features import features_of, get_features
    from funding_platform.flows.queries.fees import fee_overrides, fees_at
    from funding_platform.flows.queries.gaps import gaps_by_name
    from funding_platform.flows.queries.health import breaker_states, venue_health
    from funding_platform.flows.queries.history import (
        candles,
        opportunity_history,
        rate_summary,
        require_instrument,
        resampled_rates,
        settled_rates,
    )
    from funding_platform.flows.queries.market import (
        board_rates,
        compare_rates,
        narrowed,
        stored_rates,
        with_facts,
    )
    from funding_platform.flows.queries.opportunities import (
        compare_venues,
        left_out,
        ranked_on_board,
        ranked_opportunities,
    )
    from funding_platform.flows.queries.paid import funding_paid
    from funding_platform.flows.queries.runs import load_run, load_sweep, stored_runs, stored_sweeps
    from funding_platform.flows.queries.statistics import (
        predicted_with_accuracy,
        rate_correlations,
        rate_statistics,
    )
    from funding_platform.flows.queries.venues import listed_instruments, venue_facts

__all__ = [
    "active_alerts",
    "board_rates",
    "breaker_states",
    "candles",
    "compare_rates",
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
    "listed_instruments",
    "load_run",
    "load_sweep",
    "narrowed",
    "newest_depth",
    "open_lake",
    "opportunity_history",
    "past_curves",
    "performance",
    "positions",
    "predicted_with_accuracy",
    "ranked_on_board",
    "ranked_opportunities",
    "rate_correlations",
    "rate_statistics",
    "rate_summary",
    "require_instrument",
    "resampled_rates",
    "settled_rates",
    "snapshot_of",
    "stored_rates",
    "stored_runs",
    "stored_sweeps",
    "trading_events",
    "venue_facts",
    "venue_health",
    "with_facts",
]

__getattr__ = lazy_names(
    __name__,
    {
        "active_alerts": "alerts",
        "board_rates": "market",
        "breaker_states": "health",
        "candles": "history",
        "compare_rates": "market",
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
        "listed_instruments": "venues",
        "load_run": "runs",
        "load_sweep": "runs",
        "narrowed": "market",
        "newest_depth": "depth",
        "open_lake": "connection",
        "opportunity_history": "history",
        "past_curves": "curves",
        "performance": "execution",
        "positions": "execution",
        "predicted_with_accuracy": "statistics",
        "ranked_on_board": "opportunities",
        "ranked_opportunities": "opportunities",
        "rate_correlations": "statistics",
        "rate_statistics": "statistics",
        "rate_summary": "history",
        "require_instrument": "history",
        "resampled_rates": "history",
        "settled_rates": "history",
        "snapshot_of": "connection",
        "stored_rates": "market",
        "stored_runs": "runs",
        "stored_sweeps": "runs",
        "trading_events": "execution",
        "venue_facts": "venues",
        "venue_health": "health",
        "with_facts": "market",
    },
)
