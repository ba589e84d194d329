"""From settled and predicted rates to curves and their factors, a month at a time."""

from datetime import UTC, datetime, timedelta

import polars as pl

from funding_platform.core.feature_tables import CURVE_FACTORS, CURVE_SNAPSHOTS
from funding_platform.core.schema import Table
from funding_platform.core.time_grid import Window
from funding_platform.core.units import TENOR_HOURS
from funding_platform.curves import LOOK_BACK, build_curves, curve_factors
from funding_platform.flows.progress import step
from funding_platform.lake.writer import Lake, Scope
from funding_platform.settings import Settings

LATENESS = timedelta(minutes=30)
"""A settlement counts for its nearest hour, so one at a boundary may be stamped this much later."""

TENOR = timedelta(hours=TENOR_HOURS)

_SETTLEMENTS = """
SELECT venue, venue_symbol, funding_time, funding_rate, interval_hours
FROM core.funding_rates
WHERE funding_time >= ? AND funding_time < ?
"""
_PREDICTIONS = """
SELECT venue, venue_symbol, predicted_rate, interval_hours, next_funding_time, observed_at
FROM core.market_snapshots
WHERE snapshot_hour >= ? AND snapshot_hour < ? AND predicted_rate IS NOT NULL
"""


def update_curve_snapshots(window: Window, settings: Settings, run_id: str) -> pl.DataFrame:
    """Rebuild the curves with ``as_of`` in the window, settled and live, for all venues.

    The window ends now at the latest: a settlement not yet made looks like one that was lost.

    Returns
    -------
    polars.DataFrame
        The rows of ``features.curve_snapshots`` in the window.
    """
    window = Window(window.start, max(window.start, min(window.end, datetime.now(UTC))))
    with step("curves"), Lake(settings) as lake:
        settlements = lake.read(_SETTLEMENTS, [window.start - LOOK_BACK, window.end + LATENESS])
        predictions = lake.read(_PREDICTIONS, [window.start, window.end + TENOR])
        curves = build_curves(settlements, window, predictions=predictions)
        _replace(lake, CURVE_SNAPSHOTS, curves, window, run_id)
    return curves


def update_curve_factors(window: Window, settings: Settings, run_id: str) -> pl.DataFrame:
    """Rebuild the factors of the stored curves in the window.

    Returns
    -------
    polars.DataFrame
        The rows of ``features.curve_factors`` in the window.
    """
    with step("curve factors"), Lake(settings) as lake:
        curves = lake.read(
            "SELECT * FROM features.curve_snapshots WHERE as_of >= ? AND as_of < ?",
            [window.start, window.end],
        )
        factors = curve_factors(curves.cast(dict(CURVE_SNAPSHOTS.polars_schema)))  # type: ignore[arg-type]
        _replace(lake, CURVE_FACTORS, factors, window, run_id)
    return factors


def _replace(lake: Lake, table: Table, frame: pl.DataFrame, window: Window, run_id: str) -> None:
    """Replace the window's rows; computed tables are empty exactly when their input is."""
    with lake.commit(run_id, f"{table.name} {window}") as transaction:
        transaction.replace(
            table, frame, Scope(time_column="as_of", window=window), proven_empty=True
        )
