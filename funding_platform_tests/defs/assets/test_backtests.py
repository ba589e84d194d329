"""The backtest asset, its checks and its job: a real instance over a real lake."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from funding_platform.core.tables.backtests.ledgers import FRAMES
from funding_platform.defs.assets.backtests import BACKTEST_KEY
from funding_platform.defs.running.jobs import BACKTEST
from funding_platform.flows.backtests.store import newest_snapshot
from funding_platform.flows.queries import load_run
from funding_platform.lake import connect
from funding_platform.local.sandbox_run import QUIET
from funding_platform.settings import Settings
from funding_platform_tests.backtest.markets import drawn_market
from funding_platform_tests.flows.backtests.lakes import fill
from funding_platform_tests.reading import read

DAYS = 10
CONFIG = f"""
last_days = {DAYS}
strategy = {{ horizon_hours = 48, entry_threshold = 1e-4 }}
costs = {{ flat_fee_bps = 1.0 }}
"""


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A lake with a market that the environment points at, and a configuration beside it."""
    monkeypatch.setenv("FUNDING_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "quick.toml").write_text(CONFIG)
    fill(Settings(), drawn_market(3))
    return Settings()


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as one:
        yield one


def backtested(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    settings: Settings,
    **changes: str,
) -> dg.ExecuteInProcessResult:
    file = str(settings.data_dir.parent / "quick.toml")
    request = {"config": {"file": file, "changes": changes, "name": "quick"}}
    return definitions.resolve_job_def(BACKTEST).execute_in_process(
        run_config={**QUIET, "ops": {"backtest__runs": request}},
        instance=instance,
        raise_on_error=False,
    )


def checks_of(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    return {one.check_name: one for one in result.get_asset_check_evaluations()}


def test_a_materialisation_is_a_stored_run_with_its_report(
    definitions: dg.Definitions, instance: dg.DagsterInstance, lake: Settings
) -> None:
    before = newest_snapshot(lake)
    result = backtested(definitions, instance, lake, position_usd="2e3")
    assert result.success
    (event,) = result.get_asset_materialization_events()
    shown = {name: value.value for name, value in event.materialization.metadata.items()}
    run = read(load_run, lake, str(shown["run_id"]))
    assert run.result is not None
    assert run.row["name"] == "quick"
    assert (run.config.position_usd, run.config.end - run.config.start) == (
        2000.0,
        timedelta(days=DAYS),
    )
    assert (shown["lake_snapshot_id"], newest_snapshot(lake)) == (before, before + 1)
    for table in FRAMES:
        rows = getattr(run.result, table.name).height
        assert f"| backtest.{table.name} | {rows:,} |" in str(shown["rows"])
    assert "data:image/png;base64," in str(shown["summary"])
    assert "| sharpe | " in str(shown["summary"])
    assert len(str(shown["summary"])) < 100_000
    assert shown["net_pnl_usd"] == run.row["net_pnl_usd"]
    report = Path(str(shown["report"])).read_text(encoding="utf-8")
    assert run.run_id in report
    assert "By venue pair" in report
    with connect(lake) as connection:
        (author,) = connection.execute(
            "SELECT author FROM lake.snapshots() ORDER BY snapshot_id DESC LIMIT 1"
        ).fetchall()
    assert author == (result.run_id,)


@pytest.mark.world
def test_the_checks_pass_on_a_sound_run_and_name_a_broken_one(
    definitions: dg.Definitions, instance: dg.DagsterInstance, lake: Settings
) -> None:
    first = checks_of(backtested(definitions, instance, lake))
    assert {name: one.passed for name, one in first.items()} == {
        "schema": True,
        "identity_holds": True,
        "edge_holds": True,
    }
    assert first["edge_holds"].severity == dg.AssetCheckSeverity.WARN
    assert first["identity_holds"].severity == dg.AssetCheckSeverity.ERROR
    broken = read(load_run, lake, "latest").run_id
    with connect(lake, read_only=False) as connection:
        connection.execute("UPDATE backtest.equity SET equity = equity + 0.01 WHERE drawdown > 0")
    again = checks_of(backtested(definitions, instance, lake))
    assert not again["identity_holds"].passed
    assert f"1 of 2 runs do not add up: {broken}" in str(again["identity_holds"].description)


def test_an_asset_without_data_fails_with_the_reason(
    definitions: dg.Definitions, instance: dg.DagsterInstance, lake: Settings
) -> None:
    result = backtested(definitions, instance, lake, bases='["NOPE"]')
    assert not result.success
    (failure,) = result.get_step_failure_events()
    assert "no instrument of those" in str(failure.step_failure_data.error)
    with connect(lake) as connection:
        assert connection.sql("FROM backtest.runs").pl().is_empty()


def test_the_asset_descends_from_what_a_backtest_reads(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    parents = {key.to_user_string() for key in graph.get(BACKTEST_KEY).parent_keys}
    assert {
        "raw/okx/funding_rates",
        "raw/okx/instruments",
        "raw/okx/market_snapshots",
        "features/curve_factors",
        "marts/fee_history",
    } <= parents
