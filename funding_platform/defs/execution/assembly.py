"""The code location of trading: assets, checks, job and sensor."""

from datetime import UTC, datetime
from typing import Any, Final

import dagster as dg

from funding_platform.core.tables.marts.opportunities import OPPORTUNITIES
from funding_platform.defs.execution.assets import JOB, execution_job, traded_assets
from funding_platform.defs.execution.checks import traded_checks
from funding_platform.defs.execution.succession import next_trader, trader_run
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
_OVER: Final = (
    dg.DagsterRunStatus.SUCCESS,
    dg.DagsterRunStatus.FAILURE,
    dg.DagsterRunStatus.CANCELED,
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
    """Define the sensor that starts traders, one after the other, without a gap between them."""

    @dg.sensor(
        name="trade_on_opportunities",
        job_name=JOB,
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Starts the trader when marts/opportunities has been built, one at a time, and "
        "the next one before it ends, which takes over from it. One that failed, or was ended by "
        "somebody, is followed when there are newer opportunities. Where the venues are the real "
        "ones nothing is started by itself: `funding trade run` trades on paper there.",
    )
    def trade_on_opportunities(
        context: dg.SensorEvaluationContext,
    ) -> dg.SensorResult | dg.SkipReason:
        if not can_trade(Settings(**stated)):
            return dg.SkipReason("the venues are the real ones: `funding trade run` trades there")
        event = context.instance.get_latest_materialization_event(table_key(OPPORTUNITIES))
        built = None if event is None else str(event.timestamp)
        working = context.instance.get_run_records(
            dg.RunsFilter(job_name=JOB, statuses=list(_UNDER_WAY))
        )
        over = context.instance.get_run_records(
            dg.RunsFilter(job_name=JOB, statuses=list(_OVER)), limit=1
        )
        key, why = next_trader(
            [trader_run(one) for one in working],
            next((trader_run(one) for one in over), None),
            built,
            context.cursor,
            datetime.now(UTC),
        )
        if key is None:
            return dg.SkipReason(why)
        return dg.SensorResult(run_requests=[dg.RunRequest(run_key=key)], cursor=built)

    return trade_on_opportunities
