"""Stored runs under stress, and at other sizes."""

from collections.abc import Sequence
from typing import Final

import polars as pl

from funding_platform.backtest.search.capacity import MULTIPLES, capacity_curve
from funding_platform.backtest.stress.losses import stressed
from funding_platform.backtest.stress.scenarios import Scenario
from funding_platform.core.tables.collected import INSTRUMENTS
from funding_platform.core.tables.prices import SPOT_CANDLES
from funding_platform.flows.backtests.candles import SPOT
from funding_platform.flows.backtests.data import provider_from_lake
from funding_platform.flows.errors import FlowError
from funding_platform.flows.progress import begin
from funding_platform.flows.queries.connection import open_lake
from funding_platform.flows.queries.trading.runs import StoredRun
from funding_platform.lake.connection import has_table
from funding_platform.lake.errors import LakeMissingError
from funding_platform.settings import Settings

_LISTED: Final = (
    f"SELECT venue, venue_symbol, quote, contract_type, settle FROM {INSTRUMENTS.full_name}"
)
_SPOT: Final = f"""
SELECT DISTINCT venue, venue_symbol || '{SPOT}' AS venue_symbol, quote, 'spot' AS contract_type,
    quote AS settle
FROM {SPOT_CANDLES.full_name}
"""


def stress_of(settings: Settings, run: StoredRun, scenarios: Sequence[Scenario]) -> pl.DataFrame:
    """Compute what scenarios would have cost a stored run: columns of ``stress.losses.SCHEMA``.

    Raises
    ------
    FlowError
        If the run is a trial of a sweep, of which figures only are kept.
    """
    if run.result is None:
        raise FlowError(
            f"{run.run_id} is a trial of a sweep: its figures are kept, its trades are not",
            hint="run its configuration by itself: `funding backtest show --config` prints it",
        )
    return stressed(run.result, scenarios, instruments_of(settings))


def instruments_of(settings: Settings) -> pl.DataFrame | None:
    """Currencies and contract type of what is listed, and of the spot markets that are known.

    None where there is no lake.
    """
    try:
        with open_lake(settings) as lake:
            if not has_table(lake, INSTRUMENTS):
                return None
            listed = lake.execute(_LISTED).pl()
            if not has_table(lake, SPOT_CANDLES):
                return listed
            return pl.concat([listed, lake.execute(_SPOT).pl()])
    except LakeMissingError:
        return None


def capacity_of(
    settings: Settings, run: StoredRun, multiples: Sequence[float] = MULTIPLES
) -> pl.DataFrame:
    """Run a stored run again at other sizes, on the snapshot that it had read.

    Raises
    ------
    SnapshotExpiredError
        If the lake does not keep that snapshot any more.
    BacktestError
        If the strategy of the run was handed over and is not stored.
    """
    done = begin("backtest: sizes", len(multiples))
    provider = provider_from_lake(settings, run.config, run.row["lake_snapshot_id"])
    return capacity_curve(run.config, provider, multiples, on_done=done)
