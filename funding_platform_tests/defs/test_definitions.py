"""What the code locations offer: a rename or a forgotten description shows here."""

import json
from difflib import unified_diff

import dagster as dg
import pytest

from funding_platform.core.tables.books.depth import ORDER_BOOK_DEPTH
from funding_platform.core.tables.collected import FUNDING_RATES, INSTRUMENTS, MARKET_SNAPSHOTS
from funding_platform.core.tables.prices import PRICE_CANDLES, SPOT_CANDLES
from funding_platform.core.tables.registry import TABLES
from funding_platform.core.tables.schema import Table
from funding_platform.defs.assembly import build_definitions
from funding_platform.defs.assets.dbt import dbt_project
from funding_platform.defs.assets.live import BOARD_KEY, RATES_KEY
from funding_platform.defs.assets.raw import HISTORIES, raw_key
from funding_platform.defs.execution.assembly import build_execution_definitions
from funding_platform.defs.presentation import column_schema
from funding_platform.devtools.definitions import SNAPSHOT, definitions_text
from funding_platform.devtools.documents import MARTS
from funding_platform.flows.collection.history.hourly import HOURLY_TABLES
from funding_platform.flows.collection.history.spans import MONTHS_AT_ONCE
from funding_platform.venues.registry import offering, venue_names, venue_spec
from funding_platform_tests.checkout import ROOT

VENUES = venue_names()


def test_the_code_locations_are_the_committed_ones(definitions: dg.Definitions) -> None:
    committed = (ROOT / SNAPSHOT).read_text(encoding="utf-8").splitlines()
    defined = definitions_text([definitions, build_execution_definitions()]).splitlines()
    assert "asset execution/positions: execution" in defined
    changes = list(unified_diff(committed, defined, "committed", "defined", n=0, lineterm=""))
    told = f"if this is meant, run `make docs` and commit {SNAPSHOT}:"
    assert not changes, "\n".join([told, *changes])


def test_a_venue_has_an_asset_for_each_table_that_is_collected_of_it(
    definitions: dg.Definitions,
) -> None:
    keys = {key.to_user_string() for key in definitions.resolve_asset_graph().get_all_asset_keys()}
    raw = {f"raw/{venue}/{table.name}" for venue in VENUES for table in venue_spec(venue).collected}
    assert {key for key in keys if key.startswith("raw/")} == raw


NOT_RUN = (dg.AssetKey(["core", "fee_overrides"]), BOARD_KEY, RATES_KEY)
"""What people write, and what the live collector does: no code of Dagster's makes it."""


def test_every_asset_shows_what_it_is(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert node.description, key
        assert node.owners, key
        assert node.group_name not in (None, "default"), key
        assert node.kinds, key
        assert "```" not in node.description, key  # prose; the code is a click away
        if key not in NOT_RUN:
            assert "dagster/code_references" in node.metadata, key
            assert node.freshness_policy_or_from_metadata is not None, key
        if key.path[0] not in ("published", "notebooks"):  # which are no tables
            assert "dagster/column_schema" in node.metadata, key
        if key.path[0] == "raw":
            assert key.path[1] in node.kinds, key


def test_declared_tables_show_their_columns(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    for key in graph.get_all_asset_keys():
        table = TABLES.get(f"{'core' if key.path[0] == 'raw' else key.path[0]}.{key.path[-1]}")
        if table is not None:
            shown = graph.get(key).metadata["dagster/column_schema"]
            assert getattr(shown, "value", shown) == column_schema(table), key


@pytest.mark.parametrize(
    ("venue", "table"),
    [(venue, table) for table in HISTORIES for venue in offering(table, VENUES)],
    ids=lambda one: one if isinstance(one, str) else one.name,
)
def test_history_is_monthly_and_in_one_pool(
    definitions: dg.Definitions, venue: str, table: Table
) -> None:
    node = definitions.resolve_asset_graph().get(raw_key(venue, table))
    assert isinstance(node.partitions_def, dg.MonthlyPartitionsDefinition)
    assert node.backfill_policy == dg.BackfillPolicy.multi_run(MONTHS_AT_ONCE)
    assert node.pools == {f"venue_{venue}"}


def test_every_collected_asset_is_checked(definitions: dg.Definitions) -> None:
    checks = definitions.resolve_asset_graph().asset_check_keys
    by_asset: dict[str, set[str]] = {}
    for check in checks:
        by_asset.setdefault(check.asset_key.to_user_string(), set()).add(check.name)
    compared = {FUNDING_RATES: "predicted_agrees", MARKET_SNAPSHOTS: "second_opinion"}
    for venue in VENUES:
        offers = venue_spec(venue).offers
        for table in venue_spec(venue).collected:
            collected = "complete" if table in HISTORIES else "collected"
            expected = {collected, "schema", "unique_key", "fresh", "nothing_ahead"}
            if table in HISTORIES:
                expected.add("failed_partitions")
            if table is FUNDING_RATES:
                expected.add("not_at_rest")
            if table is ORDER_BOOK_DEPTH:
                expected |= {"costs_grow", "near_mark"}
            if table in (PRICE_CANDLES, SPOT_CANDLES):
                expected.add("bars_sound")
            if table is PRICE_CANDLES:
                expected.add("near_others")
                if {"mark", "index"} <= set(venue_spec(venue).candle_kinds):
                    expected.add("near_index")
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
    # No model reads them: all of features, the payloads, candles and open interest.
    unread = ("raw_payloads", *(table.name for table in HOURLY_TABLES))
    unseen = {f"test.funding_platform.{name}_as_declared" for name in unread}
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
