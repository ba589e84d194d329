"""Everything put together: assets, checks, jobs, automation and resources for a set of venues."""

from typing import Any

import dagster as dg

from funding_platform.defs.alerts import alert_sensors
from funding_platform.defs.assets.backtests import backtest_asset
from funding_platform.defs.assets.dbt import dbt_project, dbt_resource
from funding_platform.defs.assets.features import feature_assets
from funding_platform.defs.assets.live import live_assets, live_checks, live_sensor
from funding_platform.defs.assets.maintenance import (
    maintenance_job,
    maintenance_schedule,
    retention_job,
    retention_schedule,
)
from funding_platform.defs.assets.marts import fee_overrides_asset, mart_assets
from funding_platform.defs.assets.notebooks import notebook_asset
from funding_platform.defs.assets.published import published_asset, published_check
from funding_platform.defs.assets.raw import raw_assets
from funding_platform.defs.automation.collection import hourly_collection, second_chances
from funding_platform.defs.automation.history import daily_backtest, history_after_rolls
from funding_platform.defs.automation.rolls import curves_after_rolls, funding_roll
from funding_platform.defs.automation.transform import transform_after_collection
from funding_platform.defs.checks import lake_checks
from funding_platform.defs.failed_partitions import partition_checks, partition_schedule
from funding_platform.defs.running.jobs import (
    backtest_job,
    collect_job,
    history_jobs,
    partitions_job,
    transform_job,
)
from funding_platform.defs.running.resources import LakeResource, PublishedFileResource
from funding_platform.settings import Settings
from funding_platform.venues.registry import venue_names
from funding_platform.venues.rest.retries import log_retries


def build_definitions(**stated: Any) -> dg.Definitions:
    """Assemble assets, checks, jobs and automation for the venues that the settings name.

    Parameters
    ----------
    stated
        Settings that are not those of the environment.
    """
    log_retries()
    venues = list(Settings(**stated).venues or venue_names())
    project = dbt_project()
    histories = history_jobs(venues)
    return dg.Definitions(
        assets=[
            *dg.with_source_code_references(
                [
                    *raw_assets(venues),
                    *feature_assets(venues),
                    fee_overrides_asset(),
                    mart_assets(venues, project),
                    published_asset(),
                    notebook_asset(),
                    backtest_asset(venues),
                ]
            ),
            *live_assets(),
        ],
        asset_checks=[
            *lake_checks(venues),
            partition_checks(venues),
            published_check(),
            live_checks(**stated),
        ],
        jobs=[
            *histories,
            collect_job(venues),
            transform_job(),
            backtest_job(),
            partitions_job(venues),
            maintenance_job,
            retention_job,
        ],
        schedules=[
            daily_backtest(),
            maintenance_schedule(),
            retention_schedule(),
            partition_schedule(),
        ],
        sensors=[
            hourly_collection(),
            second_chances(venues),
            transform_after_collection(venues),
            history_after_rolls(venues, histories),
            funding_roll(venues, histories),
            curves_after_rolls(),
            live_sensor(**stated),
            *alert_sensors(**stated),
        ],
        resources={
            "lake": LakeResource(stated=stated),
            "published": PublishedFileResource(stated=stated),
            "dbt": dbt_resource(project),
        },
        executor=dg.in_process_executor,
    )
