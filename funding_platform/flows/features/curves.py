"""From settled and predicted rates to curves and their factors."""

from datetime import UTC, datetime

import polars as pl

from funding_platform.core.intervals import HOLE, KNOWN
from funding_platform.core.tables.collected import FUNDING_RATES, INSTRUMENTS, MARKET_SNAPSHOTS
from funding_platform.core.tables.columns import INSTRUMENT_KEY
from funding_platform.core.tables.features.curves import BUCKETS, CURVE_FACTORS, CURVE_SNAPSHOTS
from funding_platform.core.time_grid import HOUR, LATENESS, TENOR, Window
from funding_platform.curves import LOOK_BACK, build_curves, curve_factors
from funding_platform.curves.factors import BESIDE, FACTOR_LOOK_BACK
from funding_platform.curves.market import MARKET_LOOK_BACK
from funding_platform.flows.collection.listings import current_rows
from funding_platform.flows.features.computed import ComputedTable, Feed, Input, by_name
from funding_platform.lake.writer import Lake

_STRIP = (*BUCKETS, "n_interpolated", "usable")
_OF_STRIP = ("as_of", "kind", "available_at")
_OF_MARKET = ("basis", "open_interest_change")

_SETTLEMENTS = Input(
    FUNDING_RATES,
    "funding_time",
    LOOK_BACK + HOLE,
    LATENESS,
    (
        *by_name(*INSTRUMENT_KEY),
        Feed(
            ("funding_time", "funding_rate", "interval_hours", "interval_inferred", KNOWN), _STRIP
        ),
        Feed(("funding_time",), _OF_STRIP),
    ),
)
_PREDICTIONS = Input(
    MARKET_SNAPSHOTS,
    "snapshot_hour",
    TENOR + HOUR,
    TENOR,
    (
        *by_name(*INSTRUMENT_KEY),
        Feed(("observed_at", "predicted_rate", "interval_hours", "next_funding_time"), _STRIP),
        Feed(("observed_at", "next_funding_time"), _OF_STRIP),
    ),
)
_CURVES = Input(
    CURVE_SNAPSHOTS,
    "as_of",
    FACTOR_LOOK_BACK,
    feeds=(
        *by_name(*CURVE_SNAPSHOTS.key, "available_at"),
        Feed(
            (*BUCKETS, "usable"),
            tuple(
                column.name
                for column in CURVE_FACTORS.columns
                if column.name not in (*CURVE_FACTORS.key, "available_at", *_OF_MARKET)
            ),
        ),
    ),
)
_BASES = Input(INSTRUMENTS, None, feeds=(Feed(("base", "asset_class"), ("dispersion",)),))
_MARKET = Input(
    MARKET_SNAPSHOTS,
    "snapshot_hour",
    MARKET_LOOK_BACK + HOUR,
    TENOR,
    (
        Feed(("observed_at", "mark_price", "index_price"), ("basis",)),
        Feed(("observed_at", "open_interest_base"), ("open_interest_change",)),
    ),
)


def read_bases(lake: Lake, window: Window) -> pl.DataFrame:
    """Read ``venue``, ``venue_symbol``, ``base`` and ``asset_class`` of all instruments."""
    return _BASES.read(lake, window, columns=(*INSTRUMENT_KEY, "base", "asset_class"))


def _build_curves(lake: Lake, window: Window) -> pl.DataFrame:
    """Build the curves seen from within the window, settled and live, for all venues.

    They end now at the latest: a settlement not yet made looks like one that was lost.
    """
    until_now = Window(window.start, max(window.start, min(window.end, datetime.now(UTC))))
    settlements = _SETTLEMENTS.read(
        lake,
        until_now,
        columns=(
            *(*INSTRUMENT_KEY, "funding_time", "funding_rate"),
            *("interval_hours", "interval_inferred", KNOWN),
        ),
    )
    predictions = _PREDICTIONS.read(
        lake,
        until_now,
        columns=(
            *(*INSTRUMENT_KEY, "observed_at"),
            *("predicted_rate", "interval_hours", "next_funding_time"),
        ),
        where="predicted_rate IS NOT NULL",
    )
    return build_curves(
        current_rows(lake, settlements, "funding_time"),
        until_now,
        predictions=current_rows(lake, predictions, "observed_at"),
        emission=lake.settings.curve_emission,
    )


def _build_factors(lake: Lake, window: Window) -> pl.DataFrame:
    """Build the factors of the stored curves in the window; of live ones no older is needed."""
    curves = _CURVES.read(
        lake, window, where="kind = 'settled' OR as_of >= ?", parameters=(window.start - TENOR,)
    )
    snapshots = _MARKET.read(
        lake,
        window,
        columns=(
            *(*INSTRUMENT_KEY, "observed_at"),
            *("mark_price", "index_price", "open_interest_base"),
        ),
    )
    return curve_factors(
        current_rows(lake, curves, "as_of"),
        instruments=read_bases(lake, window),
        snapshots=current_rows(lake, snapshots, "observed_at"),
        since=window.start,
        spread=lake.settings.spread(BESIDE),
    )


CURVES = ComputedTable(CURVE_SNAPSHOTS, "curves", (_SETTLEMENTS, _PREDICTIONS), _build_curves)

FACTORS = ComputedTable(CURVE_FACTORS, "curve factors", (_CURVES, _BASES, _MARKET), _build_factors)
