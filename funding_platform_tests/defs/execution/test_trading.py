"""The code location of trading: what it shows, when it starts a trader, and one at work."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from funding_platform.core.tables.execution import EXECUTION_TABLES
from funding_platform.core.tables.marts.opportunities import OPPORTUNITIES
from funding_platform.defs.execution.assembly import build_execution_definitions, trading_sensor
from funding_platform.defs.execution.assets import JOB
from funding_platform.defs.presentation import column_schema, table_key
from funding_platform.flows.checks.execution import (
    net_exposure_zero,
    no_orphan_orders,
    pnl_identity,
    traded_edge_holds,
)
from funding_platform.flows.execution.mirror import mirror
from funding_platform.flows.queries import open_lake
from funding_platform.lake.writer import Lake
from funding_platform.local.dev import LOCATIONS
from funding_platform.settings import Settings
from funding_platform_tests.checkout import ROOT
from funding_platform_tests.execution.cycle.paper_desk import PaperVenues
from funding_platform_tests.execution.cycle.test_trader import ROWS
from funding_platform_tests.flows.execution.test_mirror import trade

SANDBOXED: Mapping[str, Any] = {
    "venues": ("aster", "binance"),
    "venue_urls": {name: f"http://127.0.0.1:9/{name}" for name in ("aster", "binance")},
}


def test_every_asset_and_check_shows_what_it_is() -> None:
    graph = build_execution_definitions().resolve_asset_graph()
    tables = {table_key(table): table for table in EXECUTION_TABLES}
    made = {key for key in graph.get_all_asset_keys() if graph.get(key).is_executable}
    assert {key.to_user_string() for key in made} == {
        "execution/positions",
        "execution/performance",
    }
    for key in made:
        node = graph.get(key)
        assert node.description
        assert node.owners
        assert node.kinds
        assert node.group_name == "execution"
        assert node.freshness_policy_or_from_metadata is not None
        assert "dagster/code_references" in node.metadata
        shown = node.metadata["dagster/column_schema"]
        assert getattr(shown, "value", shown) == column_schema(tables[key])
    for check in graph.asset_check_keys:
        assert graph.get_check_spec(check).description


def test_the_workspace_names_the_locations_that_the_ui_is_served_with() -> None:
    workspace = yaml.safe_load((ROOT / "workspace.yaml").read_text(encoding="utf-8"))
    modules = [location["python_module"] for location in workspace["load_from"]]
    assert {one["location_name"]: one["module_name"] for one in modules} == LOCATIONS


def evaluate(
    instance: dg.DagsterInstance, cursor: str | None = None, **stated: Any
) -> dg.SensorResult | dg.SkipReason:
    context = dg.build_sensor_context(instance=instance, cursor=cursor)
    answer = trading_sensor(**stated)(context)
    assert isinstance(answer, dg.SensorResult | dg.SkipReason)
    return answer


def test_a_trader_is_started_by_new_opportunities_and_only_on_a_sandbox() -> None:
    with dg.instance_for_test() as instance:
        none_yet = evaluate(instance, **SANDBOXED)
        assert isinstance(none_yet, dg.SkipReason)
        assert none_yet.skip_message == "there are no opportunities yet"
        instance.report_runless_asset_event(dg.AssetMaterialization(table_key(OPPORTUNITIES)))
        started = evaluate(instance, **SANDBOXED)
        assert isinstance(started, dg.SensorResult)
        assert started.run_requests is not None
        assert len(started.run_requests) == 1
        again = evaluate(instance, started.cursor, **SANDBOXED)
        assert isinstance(again, dg.SkipReason)
        real = evaluate(instance, venues=("aster", "binance"))
        assert isinstance(real, dg.SkipReason)
        assert real.skip_message is not None
        assert real.skip_message.startswith("the venues are the real ones")


def test_there_is_one_trader_at_a_time() -> None:
    job = build_execution_definitions().resolve_job_def(JOB)
    with dg.instance_for_test() as instance:
        instance.report_runless_asset_event(dg.AssetMaterialization(table_key(OPPORTUNITIES)))
        instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
        answer = evaluate(instance, **SANDBOXED)
        assert isinstance(answer, dg.SkipReason)
        assert answer.skip_message is not None
        assert answer.skip_message.startswith("a trader is at work")


@pytest.fixture
def traded(tmp_path: Path) -> Settings:
    settings = Settings(data_dir=tmp_path)
    venues = PaperVenues()
    venues.list_(ROWS)
    trade(settings, venues, close=True)
    mirror(settings, "run")
    return settings


def test_the_checks_pass_on_what_was_traded(traded: Settings) -> None:
    with open_lake(traded) as lake:
        for question in (net_exposure_zero, pnl_identity, no_orphan_orders, traded_edge_holds):
            answer = question(lake)
            assert answer.passed, answer.verdict


def spoil(settings: Settings, sql: str) -> None:
    with Lake(settings) as lake, lake.commit("spoilt", "by a test"):
        lake.connection.execute(sql)


@pytest.mark.parametrize(
    ("sql", "question", "said"),
    [
        (
            "UPDATE execution.positions SET net_base = 1.0",
            net_exposure_zero,
            "1 of 1 pairs hold more on one leg",
        ),
        (
            "UPDATE execution.positions SET pnl_usd = pnl_usd + 0.01",
            pnl_identity,
            "1 of 1 pairs do not add up",
        ),
        ("UPDATE execution.positions SET pnl_usd = NULL", pnl_identity, "do not add up"),
        ("UPDATE execution.fills SET fee_usd = fee_usd + 1", pnl_identity, "do not add up"),
        ("UPDATE execution.fills SET pair_id = NULL", no_orphan_orders, "4 fills belong to none"),
        (
            "UPDATE execution.orders SET state = 'unknown'",
            no_orphan_orders,
            "4 orders outlive their pair",
        ),
    ],
)
def test_a_check_finds_what_it_is_for(traded: Settings, sql: str, question: Any, said: str) -> None:
    spoil(traded, sql)
    with open_lake(traded) as lake:
        answer = question(lake)
    assert not answer.passed
    assert said in answer.verdict
