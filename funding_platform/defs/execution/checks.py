"""The checks of what was traded: each question of ``flows.checks.execution``, once a run."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

import dagster as dg
from duckdb import DuckDBPyConnection

from funding_platform.core.tables.execution import POSITIONS
from funding_platform.defs.execution.assets import PERFORMANCE_KEY, POSITIONS_KEY
from funding_platform.defs.presentation import figure_metadata
from funding_platform.defs.running.resources import LakeResource
from funding_platform.flows.checks.answer import Answer
from funding_platform.flows.checks.execution import (
    net_exposure_zero,
    no_orphan_orders,
    pnl_identity,
    traded_edge_holds,
)
from funding_platform.flows.checks.lake import schema_as_declared

Question = Callable[[DuckDBPyConnection], Answer]

_OF_POSITIONS: Final[Mapping[str, tuple[str, Question]]] = {
    "schema": (
        "The table has the declared columns.",
        lambda lake: schema_as_declared(lake, POSITIONS),
    ),
    "net_exposure_zero": (
        "Both legs of every pair at rest hold alike, within a lot.",
        net_exposure_zero,
    ),
    "no_orphan_orders": (
        "No order outlives its pair or belongs to none, and no fill belongs to none.",
        no_orphan_orders,
    ),
}
_OF_PERFORMANCE: Final[Mapping[str, tuple[str, Question]]] = {
    "pnl_identity": (
        "Profit is trading less fees plus funding, and each is the sum of its fills or payments.",
        pnl_identity,
    ),
    "edge_holds": (
        "The last pairs earn as the trades of the newest backtest did; too few are no failure.",
        traded_edge_holds,
    ),
}


def traded_checks() -> list[dg.AssetChecksDefinition]:
    """Define the checks of positions and performance."""
    return [_asked(POSITIONS_KEY, _OF_POSITIONS), _asked(PERFORMANCE_KEY, _OF_PERFORMANCE)]


def _asked(
    key: dg.AssetKey, questions: Mapping[str, tuple[str, Question]]
) -> dg.AssetChecksDefinition:
    """Define a check for each question about an asset, asked over one connection."""

    @dg.multi_asset_check(
        name="_".join([*key.path, "checks"]),
        specs=[
            dg.AssetCheckSpec(name, asset=key, description=description)
            for name, (description, _) in questions.items()
        ],
    )
    def ask(lake: LakeResource) -> Iterator[dg.AssetCheckResult]:
        with lake.get_connection() as connection:
            for name, (_, question) in questions.items():
                answer = question(connection)
                yield dg.AssetCheckResult(
                    asset_key=key,
                    check_name=name,
                    passed=answer.passed,
                    description=answer.verdict,
                    metadata=figure_metadata(answer.figures),
                )

    return ask
