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
    from funding_platform.flows.queries.connection import open_lake, snapshot_of
    from funding_platform.flows.queries.rates.curves import latest_curves, past_curves
    from funding_platform.flows.queries.rates.features import features_of, get_features
    from funding_platform.flows.queries.rates.forecasts import forecast_rate
    from funding_platform.flows.queries.rates.history import (
        candles,
        rate_summary,
        require_instrument,
        resampled_rates,
        settled_rates,
    )
    from funding_platform.flows.queries.rates.market import (
        board_rates,
        compare_rates,
        narrowed,
        stored_rates,
        with_facts,
    )
    from funding_platform.flows.queries.rates.paid import funding_paid
    from funding_platform.flows.queries.rates.statistics import (
        predicted_with_accuracy,
        rate_correlations,
        rate_statistics,
    )
    from funding_platform.flows.queries.trading.depth import newest_depth
    from funding_platform.flows.queries.trading.execution import (
        performance,
        positions,
        trading_events,
    )
    from funding_platform.flows.queries.trading.fees import fee_overrides, fees_at
    from funding_platform.flows.queries.trading.opportunities import (
        compare_venues,
        left_out,
        ranked_on_board,
        ranked_opportunities,
    )
    from funding_platform.flows.queries.trading.past import opportunity_history
    from funding_platform.flows.queries.trading.runs import (
        load_run,
        load_sweep,
        stored_runs,
        stored_sweeps,
    )
    from funding_platform.flows.queries.upkeep.alerts import active_alerts
    from funding_platform.flows.queries.upkeep.coverage import coverage_by_month
    from funding_platform.flows.queries.upkeep.gaps import gaps_by_name
    from funding_platform.flows.queries.upkeep.health import breaker_states, venue_health
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
    "forecast_rate",
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
        "active_alerts": "upkeep.alerts",
        "board_rates": "rates.market",
        "breaker_states": "upkeep.health",
        "candles": "rates.history",
        "compare_rates": "rates.market",
        "compare_venues": "trading.opportunities",
        "coverage_by_month": "upkeep.coverage",
        "features_of": "rates.features",
        "fee_overrides": "trading.fees",
        "fees_at": "trading.fees",
        "forecast_rate": "rates.forecasts",
        "funding_paid": "rates.paid",
        "gaps_by_name": "upkeep.gaps",
        "get_features": "rates.features",
        "latest_curves": "rates.curves",
        "left_out": "trading.opportunities",
        "listed_instruments": "venues",
        "load_run": "trading.runs",
        "load_sweep": "trading.runs",
        "narrowed": "rates.market",
        "newest_depth": "trading.depth",
        "open_lake": "connection",
        "opportunity_history": "trading.past",
        "past_curves": "rates.curves",
        "performance": "trading.execution",
        "positions": "trading.execution",
        "predicted_with_accuracy": "rates.statistics",
        "ranked_on_board": "trading.opportunities",
        "ranked_opportunities": "trading.opportunities",
        "rate_correlations": "rates.statistics",
        "rate_statistics": "rates.statistics",
        "rate_summary": "rates.history",
        "require_instrument": "rates.history",
        "resampled_rates": "rates.history",
        "settled_rates": "rates.history",
        "snapshot_of": "connection",
        "stored_rates": "rates.market",
        "stored_runs": "trading.runs",
        "stored_sweeps": "trading.runs",
        "trading_events": "trading.execution",
        "venue_facts": "venues",
        "venue_health": "upkeep.health",
        "with_facts": "rates.market",
    },
)
