"""Stored runs under stress, and at other sizes, on the lake that they read."""

import pytest

from funding_platform.backtest.stress.losses import SCHEMA
from funding_platform.backtest.stress.scenarios import chosen
from funding_platform.flows.backtests.stress import capacity_of, instruments_of, stress_of
from funding_platform.flows.errors import FlowError
from funding_platform.flows.queries.trading.runs import StoredRun
from funding_platform.settings import Settings


def test_a_stored_run_is_stressed_with_its_quotes(lake: Settings, stored: StoredRun) -> None:
    found = stress_of(lake, stored, chosen(("usdt-at-0.9", "venue-fails")))
    assert found.columns == list(SCHEMA)
    assert found["scenario"].to_list() == ["usdt-at-0.9", "venue-fails"]
    assert found["quotes_unknown"].to_list() == [0, 0]  # all are in USDT
    assert found["quote_usd"][0] < 0
    assert found["failed_venue"][1].startswith("venue")


def test_a_trial_has_no_trades_to_stress(lake: Settings) -> None:
    with pytest.raises(FlowError, match="is a trial of a sweep"):
        stress_of(lake, StoredRun({"run_id": "sweep-1-0001"}, None), chosen(()))


def test_without_a_lake_no_quote_is_known(tmp_path_factory: pytest.TempPathFactory) -> None:
    assert instruments_of(Settings(data_dir=tmp_path_factory.mktemp("none"))) is None


def test_capacity_begins_with_the_run_itself(lake: Settings, stored: StoredRun) -> None:
    curve = capacity_of(lake, stored, (1.0, 5.0))
    assert stored.result is not None
    assert curve["net_usd"][0] == pytest.approx(stored.result.equity["equity"][-1] - 100_000)
    assert curve["return"][1] < curve["return"][0]
