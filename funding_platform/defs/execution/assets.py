"""What a run of the trader leaves: positions and performance, made by a process of its own.

The process trades for a while, or for some cycles, and tells the run how it goes through Dagster
Pipes. Ending the run ends it gently: what is under way is finished, and nothing else is begun.
"""

import sys
from collections.abc import Iterator
from typing import Any, Final

import dagster as dg

from funding_platform.core.tables.execution import PERFORMANCE, POSITIONS
from funding_platform.core.tables.marts.latest import LATEST_FUNDING_RATES
from funding_platform.core.tables.marts.opportunities import OPPORTUNITIES
from funding_platform.defs.freshness import ON_REQUEST
from funding_platform.defs.presentation import OWNERS, definition_metadata, table_key
from funding_platform.defs.running.jobs import AssetJob
from funding_platform.flows.execution.running import EXAMPLE
from funding_platform.settings import as_environment, project_file

POSITIONS_KEY: Final = table_key(POSITIONS)
PERFORMANCE_KEY: Final = table_key(PERFORMANCE)

JOB: Final = "execution_cycle"

PROGRAM: Final = (sys.executable, "-m", "funding_platform.local.piped_trading")

_POSITIONS: Final = (
    "Every pair that was opened or tried, with both legs, what it holds, what it has brought and "
    "why it ended. The run is a trader at work: it reconciles with the venues, then decides, "
    "closes and opens, cycle after cycle; each step is in its log."
)
_PERFORMANCE: Final = (
    "What all pairs together have brought at the end of each cycle: trading, fees, funding, and "
    "their sum."
)


class Trading(dg.Config):
    """What a run does.

    Parameters
    ----------
    file
        The trader's configuration, from the project's root.
    minutes
        How long it trades; without end where it is null and no cycles are given.
    cycles
        After how many cycles it stops, if not before.
    patience_minutes
        How long it waits for another trader to end, before it trades or gives up.
    """

    file: str = str(EXAMPLE)
    minutes: float | None = 55.0
    cycles: int | None = None
    patience_minutes: float = 10.0


def traded_assets(**stated: Any) -> dg.AssetsDefinition:
    """Define what the trader leaves.

    Parameters
    ----------
    stated
        Settings that are not those of the environment.
    """

    @dg.multi_asset(
        name="trader",
        specs=[
            dg.AssetSpec(
                POSITIONS_KEY,
                deps=[table_key(OPPORTUNITIES), table_key(LATEST_FUNDING_RATES)],
                description=_POSITIONS,
                group_name="execution",
                owners=OWNERS,
                kinds={"python", "duckdb"},
                metadata=definition_metadata(POSITIONS),
                freshness_policy=ON_REQUEST,
            ),
            dg.AssetSpec(
                PERFORMANCE_KEY,
                deps=[POSITIONS_KEY],
                description=_PERFORMANCE,
                group_name="execution",
                owners=OWNERS,
                kinds={"python", "duckdb"},
                metadata=definition_metadata(PERFORMANCE),
                freshness_policy=ON_REQUEST,
            ),
        ],
    )
    def trader(
        context: dg.AssetExecutionContext, config: Trading
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        client = dg.PipesSubprocessClient(termination_timeout_seconds=60)
        command = [*PROGRAM, "--config", str(project_file(config.file))]
        if config.minutes is not None:
            command += ["--minutes", str(config.minutes)]
        if config.cycles is not None:
            command += ["--cycles", str(config.cycles)]
        command += ["--patience-minutes", str(config.patience_minutes)]
        done = client.run(context=context, command=command, env=as_environment(stated))
        yield from done.get_results()

    return trader


def execution_job() -> AssetJob:
    """Define the job: a trader at work, and the checks of what it leaves."""
    return dg.define_asset_job(
        JOB,
        selection=dg.AssetSelection.groups("execution"),
        description="Trade for a while as execution/paper.yaml says, and check the books.",
    )
