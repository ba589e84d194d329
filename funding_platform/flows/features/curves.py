"""From settled and predicted rates to curves and their factors, a month at a time.

An ``update`` rebuilds a window whole, a ``follow`` what can have changed: see
``flows.features.computed``.
"""

from datetime import UTC, datetime, timedelta

import polars as pl

from funding_platform.core.tables.collected import FUNDING_RATES, MARKET_SNAPSHOTS
from funding_platform.core.tables.features import CURVE_FACTORS, CURVE_SNAPSHOTS
from funding_platform.core.time_grid import HOUR, Window
from funding_platform.core.units import TENOR_HOURS
from funding_platform.curves import LOOK_BACK, build_curves, curve_factors
from funding_platform.curves.factors import FACTOR_LOOK_BACK
from funding_platform.curves.market import MARKET_LOOK_BACK
from funding_platform.flows.collection.listings import current_rows
from funding_platform.flows.features.computed import (
    Input,
    changed,
    replace_window,
    version_to_follow,
)
from funding_platform.flows.progress import step
from funding_platform.lake.writer import Lake
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
_CURVES = """
SELECT * FROM features.curve_snapshots
WHERE as_of >= ? AND as_of < ? AND (kind = 'settled' OR as_of >= ?)
"""
_MARKET = """
SELECT venue, venue_symbol, observed_at, mark_price, index_price, open_interest_base
FROM core.market_snapshots
WHERE snapshot_hour >= ? AND snapshot_hour < ?
"""
BASES = "SELECT venue, venue_symbol, base FROM core.instruments"

_CURVE_INPUTS = (
    Input(FUNDING_RATES, "funding_time", LATENESS),
    Input(MARKET_SNAPSHOTS, "snapshot_hour", TENOR),
)
_FACTOR_INPUTS = (
    Input(CURVE_SNAPSHOTS, "as_of"),
    Input(MARKET_SNAPSHOTS, "snapshot_hour", TENOR),
)


def update_curve_snapshots(window: Window, settings: Settings, run_id: str) -> pl.DataFrame:
    """Rebuild the curves with ``as_of`` in the window, settled and live, for all venues.

    The window ends now at the latest: a settlement not yet made looks like one that was lost.

    Returns
    -------
    polars.DataFrame
        The rows of ``features.curve_snapshots`` in the window.
    """
    with step("curves"), Lake(settings) as lake:
        return _rebuild_curves(lake, window, run_id)


def follow_curve_snapshots(window: Window, settings: Settings, run_id: str) -> pl.DataFrame:
    """Rebuild those curves of the window that can have changed since the last build.

    It begins up to three days before the window: what settled late in a month, and live strips of
    windows that cross its end, come in when the next has begun.

    Returns
    -------
    polars.DataFrame
        The rows rebuilt.
    """
    with step("curves"), Lake(settings) as lake:
        window = changed(lake, CURVE_SNAPSHOTS, _CURVE_INPUTS, window)
        return _rebuild_curves(lake, window, run_id)


def update_curve_factors(window: Window, settings: Settings, run_id: str) -> pl.DataFrame:
    """Rebuild the factors of the stored curves in the window.

    Returns
    -------
    polars.DataFrame
        The rows of ``features.curve_factors`` in the window.
    """
    with step("curve factors"), Lake(settings) as lake:
        return _rebuild_factors(lake, window, run_id)


def follow_curve_factors(window: Window, settings: Settings, run_id: str) -> pl.DataFrame:
    """Rebuild those factors of the window that can have changed since the last build.

    Returns
    -------
    polars.DataFrame
        The rows rebuilt.
    """
    with step("curve factors"), Lake(settings) as lake:
        window = changed(lake, CURVE_FACTORS, _FACTOR_INPUTS, window)
        return _rebuild_factors(lake, window, run_id)


def _rebuild_curves(lake: Lake, window: Window, run_id: str) -> pl.DataFrame:
    version = version_to_follow(lake, window)
    built = Window(window.start, max(window.start, min(window.end, datetime.now(UTC))))
    settlements = lake.read(_SETTLEMENTS, [built.start - LOOK_BACK, built.end + LATENESS])
    predictions = lake.read(_PREDICTIONS, [built.start - TENOR - HOUR, built.end + TENOR])
    curves = build_curves(
        current_rows(lake, settlements, "funding_time"),
        built,
        predictions=current_rows(lake, predictions, "observed_at"),
        emission=lake.settings.curve_emission,
    )
    replace_window(lake, CURVE_SNAPSHOTS, curves, built, run_id, version)
    return curves


def _rebuild_factors(lake: Lake, window: Window, run_id: str) -> pl.DataFrame:
    version = version_to_follow(lake, window)
    start, end = window.start, window.end
    curves = lake.read(_CURVES, [start - FACTOR_LOOK_BACK, end, start - TENOR])
    snapshots = lake.read(_MARKET, [start - MARKET_LOOK_BACK - HOUR, end + TENOR])
    factors = curve_factors(
        current_rows(lake, curves.cast(dict(CURVE_SNAPSHOTS.polars_schema)), "as_of"),  # type: ignore[arg-type]
        instruments=lake.read(BASES),
        snapshots=current_rows(lake, snapshots, "observed_at"),
    ).filter(pl.col("as_of") >= start)
    replace_window(lake, CURVE_FACTORS, factors, window, run_id, version)
    return factors
