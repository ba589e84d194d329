"""The code location of trading: assets, checks, job and sensor."""

from typing import Any, Final

import dagster as dg

from funding_platform.core.tables.opportunities import OPPORTUNITIES
from funding_platform.defs.execution.assets import JOB, execution_job, traded_assets
from funding_platform.defs.execution.checks import traded_checks
from funding_platform.defs.presentation import table_key
from funding_platform.defs.running.resources import LakeResource
from funding_platform.flows.execution.accounts import can_trade
from funding_platform.settings import Settings

_UNDER_WAY: Final = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)


def build_execution_definitions(**stated: Any) -> dg.Definitions:
    """Assemble the code location.

    Parameters
    ----------
    stated
        Settings that are not those of the environment.
    """
    return dg.Definitions(
        assets=dg.with_source_code_references([traded_assets(**stated)]),
        asset_checks=traded_checks(),
        jobs=[execution_job()],
        sensors=[trading_sensor(**stated)],
        resources={"lake": LakeResource(stated=stated)},
        executor=dg.in_process_executor,
    )


def trading_sensor(**stated: Any) -> dg.SensorDefinition:
    """Define the sensor that starts a trader when there are new opportunities, one at a time."""

    @dg.sensor(
        name="trade_on_opportunities",
        job_name=JOB,
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Starts the trader when marts/opportunities has been built, unless one is at "
        "work: there is one at a time. Where the venues are the real ones nothing is started by "
        "itself: `funding trade run` trades on paper there.",
    )
    def trade_on_opportunities(
        context: dg.SensorEvaluationContext,
    ) -> dg.SensorResult | dg.SkipReason:
        if not can_trade(Settings(**stated)):
            return dg.SkipReason("the venues are the real ones: `funding trade run` trades there")
        event = context.instance.get_latest_materialization_event(table_key(OPPORTUNITIES))
        if event is None:
            return dg.SkipReason("there are no opportunities yet")
        built = str(event.timestamp)
        if built == context.cursor:
            return dg.SkipReason("there are no newer opportunities")
        filters = dg.RunsFilter(job_name=JOB, statuses=list(_UNDER_WAY))
        if context.instance.get_run_records(filters, limit=1):
            return dg.SkipReason("a trader is at work, and takes the new ones itself")
        return dg.SensorResult(run_requests=[dg.RunRequest(run_key=built)], cursor=built)

    return trade_on_opportunities
