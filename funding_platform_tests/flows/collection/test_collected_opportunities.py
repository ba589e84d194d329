"""Opportunities of markets that came over the wire, against the same worked out pair by pair."""

import shutil
from pathlib import Path

import pytest

from funding_platform.core.time_grid import Window, month_start
from funding_platform.flows.collection.history.months import collect_history
from funding_platform.flows.collection.snapshots import collect_instruments, collect_snapshots
from funding_platform.sandbox.server import build_market, running_sandbox
from funding_platform.settings import Settings
from funding_platform_tests.dbt.runner import run_dbt
from funding_platform_tests.dbt.slow.opportunities import assert_as_worked_out
from funding_platform_tests.flows.conftest import ReplayedLake, settings_for
from funding_platform_tests.present import PRESENT

pytestmark = pytest.mark.world

VENUES = ("binance", "bybit", "okx", "hyperliquid", "deribit")


def build_opportunities(settings: Settings) -> None:
    built = ("--select", "+opportunities_best", "--exclude-resource-type", "test", "unit_test")
    outcome = run_dbt(settings, "build", *built)
    assert outcome.returncode == 0, outcome.stdout[-4000:] + outcome.stderr


def test_of_the_sandbox_s_market(settings: Settings) -> None:
    collect_instruments(VENUES, settings, "run-1")
    collect_snapshots(VENUES, settings, "run-1")
    for venue in VENUES:
        collect_history(venue, Window(month_start(PRESENT), PRESENT), settings, "run-1")
    build_opportunities(settings)
    assert_as_worked_out(settings)


def test_of_real_history(replayed: ReplayedLake, present: None, tmp_path: Path) -> None:
    shutil.copytree(replayed.settings.data_dir, tmp_path / "data")
    with running_sandbox(build_market(replay=replayed.folder)) as sandbox:
        settings = settings_for(sandbox, tmp_path)
        collect_instruments(list(replayed.reports), settings, "run-2")
        collect_snapshots(list(replayed.reports), settings, "run-2")
    build_opportunities(settings)
    assert_as_worked_out(settings)
