"""Every table of the platform, declared once.

DDL, Polars schemas, the Dagster column schemas, the dbt sources and mart contracts, and
``docs/tables.md`` all derive from these declarations. Schema ``core`` is collected, ``features``
computed, ``marts`` built by dbt, ``backtest`` simulated, ``execution`` traded. Column names end in
their unit (``_usd``, ``_bps``, ``_hours``, ``_base``); times are UTC and end in ``_time`` or
``_at``.
"""

from typing import Final

from funding_platform.core.errors import UnknownNameError
from funding_platform.core.tables.backtests.runs import BACKTEST_TABLES
from funding_platform.core.tables.books.depth import ORDER_BOOK_DEPTH
from funding_platform.core.tables.collected import (
    COLLECTION_LOG,
    FUNDING_RATES,
    INSTRUMENTS,
    LISTINGS,
    MARKET_SNAPSHOTS,
    RAW_PAYLOADS,
)
from funding_platform.core.tables.execution import EXECUTION_TABLES
from funding_platform.core.tables.features.curves import CURVE_FACTORS, CURVE_SNAPSHOTS
from funding_platform.core.tables.features.pca import PCA_MODELS, PCA_SCORES
from funding_platform.core.tables.features.store import FEATURE_STORE
from funding_platform.core.tables.fees import FEE_HISTORY, FEE_OVERRIDES, FEE_SCHEDULES
from funding_platform.core.tables.live import LIVE_RATES, PREDICTION_ACCURACY
from funding_platform.core.tables.marts.increments import INCREMENTS
from funding_platform.core.tables.marts.latest import COVERAGE, LATEST_FUNDING_RATES
from funding_platform.core.tables.marts.opportunities import OPPORTUNITIES, OPPORTUNITIES_BEST
from funding_platform.core.tables.marts.opportunity_history import OPPORTUNITY_HISTORY
from funding_platform.core.tables.marts.statistics import DEFAULT_FUNDING_RATES, STATISTICS
from funding_platform.core.tables.prices import (
    OPEN_INTEREST,
    PRICE_CANDLES,
    REFERENCE_PRICES,
    SPOT_CANDLES,
)
from funding_platform.core.tables.schema import Table

TABLES: Final = {
    table.full_name: table
    for table in (
        INSTRUMENTS,
        LISTINGS,
        FUNDING_RATES,
        MARKET_SNAPSHOTS,
        LIVE_RATES,
        PRICE_CANDLES,
        SPOT_CANDLES,
        OPEN_INTEREST,
        ORDER_BOOK_DEPTH,
        COLLECTION_LOG,
        RAW_PAYLOADS,
        FEE_SCHEDULES,
        FEE_OVERRIDES,
        DEFAULT_FUNDING_RATES,
        CURVE_SNAPSHOTS,
        CURVE_FACTORS,
        PCA_MODELS,
        PCA_SCORES,
        FEATURE_STORE,
        LATEST_FUNDING_RATES,
        OPPORTUNITIES,
        OPPORTUNITY_HISTORY,
        OPPORTUNITIES_BEST,
        COVERAGE,
        FEE_HISTORY,
        REFERENCE_PRICES,
        PREDICTION_ACCURACY,
        *STATISTICS,
        *INCREMENTS,
        *BACKTEST_TABLES,
        *EXECUTION_TABLES,
    )
}


def table_named(full_name: str) -> Table:
    """Return the table declared as ``schema.name``.

    Raises
    ------
    UnknownNameError
        If nothing of that name is declared.
    """
    try:
        return TABLES[full_name]
    except KeyError:
        raise UnknownNameError(
            f"there is no table {full_name!r}", hint=f"declared are: {', '.join(TABLES)}"
        ) from None
