"""One number for the rows of a table, by which two lakes that hold the same are known."""

from datetime import datetime
from typing import Final

import polars as pl

from funding_platform.core.tables.collected import FUNDING_RATES
from funding_platform.core.tables.features.curves import CURVE_FACTORS, CURVE_SNAPSHOTS
from funding_platform.core.tables.features.pca import PCA_MODELS, PCA_SCORES
from funding_platform.core.tables.prices import PRICE_CANDLES
from funding_platform.core.tables.schema import Table
from funding_platform.flows.queries import open_lake
from funding_platform.settings import Settings

_SETTLED: Final = "kind = 'settled' AND as_of <= $until"

_COMPARED: Final[tuple[tuple[Table, str], ...]] = (
    (FUNDING_RATES, "funding_time <= $until"),
    (PRICE_CANDLES, "available_at <= $until"),
    (CURVE_SNAPSHOTS, _SETTLED),
    (CURVE_FACTORS, _SETTLED),
    (PCA_MODELS, "window_end <= $until"),
    (PCA_SCORES, _SETTLED),
)
"""Tables with what of them follows from history alone, whenever it was collected."""

_OF_THE_MOMENT: Final = frozenset(
    {"observed_at", "available_at", "basis", "open_interest_change", "interval_hours_known"}
)
"""Columns that tell when something was seen, or how the market stood in the hour of the run."""


def row_hashes(settings: Settings, until: datetime) -> pl.DataFrame:
    """Count and hash the rows that two lakes of one market must have in common.

    Returns
    -------
    polars.DataFrame
        ``table``, ``rows``, ``hash``: of rows in whatever order.
    """
    found = []
    with open_lake(settings) as lake:
        for table, where in _COMPARED:
            names = [one.name for one in table.columns if one.name not in _OF_THE_MOMENT]
            rows, hashed = lake.execute(
                f"SELECT count(*), bit_xor(hash({', '.join(names)})) FROM {table.full_name} "
                f"WHERE {where}",
                {"until": until},
            ).fetchone() or (0, None)
            found.append((table.full_name, rows, f"{hashed or 0:016x}"))
    return pl.DataFrame(found, schema=["table", "rows", "hash"], orient="row")
