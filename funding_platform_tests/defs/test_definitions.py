"""What the code location offers: a rename or a forgotten description shows here."""

import json

import dagster as dg
import pytest

from funding_platform.core.tables.collected import FUNDING_RATES, INSTRUMENTS, MARKET_SNAPSHOTS
from funding_platform.core.tables.registry import TABLES
from funding_platform.defs.assembly import build_definitions
from funding_platform.defs.marts import dbt_project
from funding_platform.defs.presentation import column_schema
from funding_platform.devtools.documents import MARTS
from funding_platform.venues.registry import offering, venue_names, venue_spec

VENUES = venue_names()


def test_asset_keys(definitions: dg.Definitions) -> None:
    keys = {key.to_user_string() for key in definitions.resolve_asset_graph().get_all_asset_keys()}
    raw = {f"raw/{venue}/{table.name}" for venue in VENUES for table in venue_spec(venue).offers}
    assert keys == raw | {
        "backtest/runs",
        "core/default_funding_rates",
        "core/fee_overrides",
        "core/fee_schedules",
        "features/curve_factors",
        "features/curve_snapshots",
        "features/feature_store",
        "features/pca_models",
        "features/pca_scores",
        "intermediate/int_base_fees",
        "intermediate/int_current_funding_rates",
        "intermediate/int_current_listings",
        "intermediate/int_hourly_funding",
        "intermediate/int_listing_starts",
        "intermediate/int_opportunities",
        "intermediate/int_opportunity_costs",
        "intermediate/int_opportunity_funding",
        "intermediate/int_opportunity_legs",
        "intermediate/int_opportunity_pairs",
        "intermediate/int_opportunity_past",
        "intermediate/int_missing_settlements",
        "intermediate/int_overdue_settlements",
        "intermediate/int_rate_distributions",
        "intermediate/int_sampled_settlements",
        "intermediate/int_settled_funding",
        "intermediate/int_settlements",
        "intermediate/int_statistics_periods",
        "marts/coverage",
        "marts/fee_history",
        "marts/funding_rate_correlations",
        "marts/funding_rate_stats",
        "marts/funding_rates_resampled",
        "marts/latest_funding_rates",
        "marts/opportunities",
        "marts/opportunities_best",
        "marts/opportunity_history",
        "marts/venue_funding_stats",
        "marts/venue_health",
        "notebooks/regime_classifier",
        "published/funding_duckdb",
        "staging/stg_collection_log",
        "staging/stg_default_funding_rates",
        "staging/stg_fee_history",
        "staging/stg_fee_schedules",
        "staging/stg_funding_rates",
        "staging/stg_instruments",
        "staging/stg_listings",
        "staging/stg_market_snapshots",
    }


def test_jobs_sensors_and_schedules(definitions: dg.Definitions) -> None:
    jobs = {job.name for job in definitions.resolve_all_job_defs()}
    assert {"history", "collect_hourly", "transform", "backtest", "maintenance"} <= jobs
    assert {sensor.name for sensor in definitions.sensors or []} == {
        "hourly_collection",
        "transform_after_collection",
    }
    assert {schedule.name for schedule in definitions.schedules or []} == {
        "history_after_rolls",
        "maintenance_daily",
        "daily_backtest",
    }


def test_every_asset_shows_what_it_is(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert node.description, key
        assert node.owners, key
        assert node.group_name not in (None, "default"), key
        assert node.kinds, key
        assert "```" not in node.description, key  # prose; the code is a click away
        if key != dg.AssetKey(["core", "fee_overrides"]):  # which people write
            assert "dagster/code_references" in node.metadata, key
        if key.path[0] == "raw":
            assert key.path[1] in node.kinds, key


def test_declared_tables_show_their_columns(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    for key in graph.get_all_asset_keys():
        table = TABLES.get(f"{'core' if key.path[0] == 'raw' else key.path[0]}.{key.path[-1]}")
        if table is not None:
            shown = graph.get(key).metadata["dagster/column_schema"]
            assert getattr(shown, "value", shown) == column_schema(table), key


@pytest.mark.parametrize("venue", offering(FUNDING_RATES, VENUES))
def test_history_is_monthly_in_one_run_and_one_pool(
    definitions: dg.Definitions, venue: str
) -> None:
    node = definitions.resolve_asset_graph().get(dg.AssetKey(["raw", venue, "funding_rates"]))
    assert isinstance(node.partitions_def, dg.MonthlyPartitionsDefinition)
    assert node.backfill_policy == dg.BackfillPolicy.single_run()
    assert node.pools == {f"venue_{venue}"}


def test_every_collected_asset_is_checked(definitions: dg.Definitions) -> None:
    checks = definitions.resolve_asset_graph().asset_check_keys
    by_asset: dict[str, set[str]] = {}
    for check in checks:
        by_asset.setdefault(check.asset_key.to_user_string(), set()).add(check.name)
    compared = {FUNDING_RATES: "predicted_agrees", MARKET_SNAPSHOTS: "second_opinion"}
    for venue in VENUES:
        offers = venue_spec(venue).offers
        for table in offers:
            collected = "complete" if table is FUNDING_RATES else "collected"
            expected = {collected, "schema", "unique_key", "fresh", "nothing_ahead"}
            if table is FUNDING_RATES:
                expected.add("not_at_rest")
            if table in compared and FUNDING_RATES in offers:
                expected.add(compared[table])
            if table is MARKET_SNAPSHOTS and INSTRUMENTS in offers:
                expected.add("covers_listed")
            assert by_asset[f"raw/{venue}/{table.name}"] == expected
    views = {table.name for table in MARTS if table.view}
    for mart in {table.name for table in MARTS} - views:
        assert by_asset[f"marts/{mart}"], mart


def test_every_dbt_test_of_what_dbt_builds_is_a_described_check(
    definitions: dg.Definitions,
) -> None:
    graph = definitions.resolve_asset_graph()
    manifest = json.loads(dbt_project().manifest_path.read_bytes())
    features = {node for node in manifest["sources"] if ".features." in node}
    unseen = {"test.funding_platform.raw_payloads_as_declared"}  # all of features, and the payloads
    tests = {
        unique_id: node
        for unique_id, node in manifest["nodes"].items()
        if node["resource_type"] == "test" and not features & set(node["depends_on"]["nodes"])
    }
    shown = {check.name: graph.get_check_spec(check) for check in graph.asset_check_keys}
    for unique_id, node in tests.items():
        if unique_id.rpartition(".")[0] in unseen:
            continue
        spec = shown[node["name"]]
        assert spec.description
        assert spec.asset_key.path[0] in {"core", "staging", "intermediate", "marts"}
        assert not spec.blocking  # what is sound is published, whatever a test finds


def test_marts_descend_from_every_venue(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    ancestors = graph.get_ancestor_asset_keys(dg.AssetKey(["marts", "opportunities"]))
    for venue in VENUES:
        assert dg.AssetKey(["raw", venue, "market_snapshots"]) in ancestors


def test_an_exchange_behind_ccxt_is_a_venue_like_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ccxt")
    monkeypatch.setenv("FUNDING_VENUES", "okx,ccxt:gate")
    graph = build_definitions().resolve_asset_graph()
    node = graph.get(dg.AssetKey(["raw", "ccxt_gate", "funding_rates"]))
    assert node.pools == {"venue_ccxt_gate"}
