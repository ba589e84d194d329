"""The daily check of partitions, over what a real instance knows."""

from datetime import UTC, datetime

import dagster as dg
import pytest

from funding_platform.core.tables.collected import FUNDING_RATES
from funding_platform.defs.assets.raw import raw_key
from funding_platform.defs.failed_partitions import partition_checks
from funding_platform.defs.partitions import months_kept
from funding_platform.defs.running.jobs import FAILED_PARTITIONS
from funding_platform.venues.registry import venue_spec

KEY = raw_key("binance", FUNDING_RATES)


def history(fails: bool) -> dg.AssetsDefinition:
    @dg.asset(key=KEY, partitions_def=months_kept(venue_spec("binance"), datetime.now(UTC)))
    def rates() -> None:
        """Settled rates of a month."""
        if fails:
            raise dg.Failure("the venue is down")

    return rates


def ask(instance: dg.DagsterInstance) -> dg.AssetCheckEvaluation:
    rates, check = history(fails=False), partition_checks(["binance"])
    result = (
        dg.Definitions(
            assets=[rates],
            asset_checks=[check],
            jobs=[
                dg.define_asset_job(
                    "ask",
                    selection=dg.AssetSelection.checks(dg.AssetCheckKey(KEY, FAILED_PARTITIONS)),
                )
            ],
        )
        .resolve_job_def("ask")
        .execute_in_process(instance=instance)
    )
    (evaluation,) = result.get_asset_check_evaluations()
    return evaluation


def make(instance: dg.DagsterInstance, month: str, *, fails: bool = False) -> None:
    dg.materialize([history(fails)], instance=instance, partition_key=month, raise_on_error=False)


@pytest.mark.world
def test_months_that_failed_or_were_skipped_are_named(home: dg.DagsterInstance) -> None:
    make(home, "2026-07-01")
    make(home, "2026-09-01")
    make(home, "2026-09-01", fails=True)
    found = ask(home)
    assert not found.passed
    assert found.description is not None
    assert "2026-08 is missing since 2026-08-02" in found.description
    assert "2026-09 failed" in found.description
    assert "never made" not in found.description
    make(home, "2026-08-01")
    make(home, "2026-09-01")
    again = ask(home).description or ""
    assert "2026-08" not in again
    assert "2026-09" not in again


def test_it_is_no_part_of_a_run_of_history(definitions: dg.Definitions) -> None:
    job = definitions.resolve_job_def("history_binance")
    assert not [
        one for one in job.asset_layer.asset_graph.asset_check_keys if one.name == FAILED_PARTITIONS
    ]
    checks = definitions.resolve_job_def(
        "check_partitions"
    ).asset_layer.asset_graph.asset_check_keys
    assert {one.name for one in checks} == {FAILED_PARTITIONS}
