"""Backtests as an asset: each materialisation is one run over the lake as it is then, stored whole.

Without configuration it is the example that comes with the project. As the lake grows, each run of
one configuration reaches further than its first, which is what the check `edge_holds` lives on.
"""

from collections.abc import Sequence

import dagster as dg
from pydantic import Field

from funding_platform.backtest.results.report import markdown_summary
from funding_platform.core.plain_text import markdown
from funding_platform.core.tables.backtests.ledgers import FRAMES
from funding_platform.core.tables.backtests.runs import RUNS
from funding_platform.core.tables.collected import FUNDING_RATES, INSTRUMENTS, MARKET_SNAPSHOTS
from funding_platform.core.tables.features.curves import CURVE_FACTORS
from funding_platform.core.tables.fees import FEE_HISTORY
from funding_platform.core.tables.prices import PRICE_CANDLES, SPOT_CANDLES
from funding_platform.defs.assets.raw import raw_key
from funding_platform.defs.freshness import ON_REQUEST
from funding_platform.defs.presentation import OWNERS, definition_metadata, table_key
from funding_platform.defs.running.resources import LakeResource
from funding_platform.flows.backtests.files import EXAMPLE, parse_changes, read_config
from funding_platform.flows.backtests.reports import report_title, result_of, write_report
from funding_platform.flows.backtests.runs import run_and_store
from funding_platform.flows.queries.trading.runs import StoredRun
from funding_platform.settings import project_file
from funding_platform.venues.registry import offering

_PRICES = (PRICE_CANDLES, SPOT_CANDLES)

BACKTEST_KEY = table_key(RUNS)


class BacktestRequest(dg.Config):
    """What a materialisation runs.

    Parameters
    ----------
    file
        The configuration, from the project's root.
    changes
        Values by dotted path, as after ``--set`` of ``funding backtest run``.
    name
        What to call the run; the strategy's name when None.
    """

    file: str = str(EXAMPLE)
    changes: dict[str, str] = Field(default={})
    name: str | None = None


def backtest_asset(venues: Sequence[str]) -> dg.AssetsDefinition:
    """Define the runs, downstream of everything that a backtest reads."""

    @dg.asset(
        key=BACKTEST_KEY,
        description=RUNS.description,
        deps=[
            *(
                raw_key(venue, table)
                for table in (INSTRUMENTS, FUNDING_RATES, MARKET_SNAPSHOTS, *_PRICES)
                for venue in offering(table, venues)
            ),
            table_key(CURVE_FACTORS),
            table_key(FEE_HISTORY),
        ],
        group_name="backtest",
        owners=OWNERS,
        kinds={"python", "polars", "numba", "duckdb"},
        metadata=definition_metadata(RUNS),
        freshness_policy=ON_REQUEST,
    )
    def backtest(
        context: dg.AssetExecutionContext, config: BacktestRequest, lake: LakeResource
    ) -> dg.MaterializeResult:
        changes = parse_changes(f"{path}={value}" for path, value in config.changes.items())
        chosen = read_config(project_file(config.file), lake.settings, changes)
        run = run_and_store(lake.settings, chosen, name=config.name, author=context.run.run_id)
        report = write_report(lake.settings, run)
        return dg.MaterializeResult(
            metadata={**_run_metadata(run), "report": dg.MetadataValue.path(str(report))}
        )

    return backtest


def _run_metadata(run: StoredRun) -> dict[str, dg.MetadataValue]:
    """Say what was stored, and what it achieved: the equity as a picture above its figures."""
    result = result_of(run)
    counts = {table.name: getattr(result, table.name).height for table in FRAMES}
    listing = "\n".join(
        f"| {RUNS.schema}.{name} | {rows:,} |" for name, rows in {RUNS.name: 1, **counts}.items()
    )
    warnings = "\n".join(f"- {markdown(warning)}" for warning in result.warnings)
    return {
        "dagster/row_count": dg.MetadataValue.int(1),
        "rows": dg.MetadataValue.md(f"| table | rows |\n|---|---:|\n{listing}"),
        "run_id": dg.MetadataValue.text(run.run_id),
        "lake_snapshot_id": dg.MetadataValue.int(run.row["lake_snapshot_id"]),
        "net_pnl_usd": dg.MetadataValue.float(run.row["net_pnl_usd"]),
        "identity_error": dg.MetadataValue.float(run.row["identity_error"]),
        "summary": dg.MetadataValue.md(markdown_summary(report_title(run), result)),
        "warnings": dg.MetadataValue.md(warnings or "none"),
    }
