"""A carry between venues over real history: collected from a replay, priced at one instant.

The histories are described in the README of the shared data folder.
"""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import polars as pl
import pytest
import time_machine

from funding_platform.backtest.config import BacktestConfig
from funding_platform.backtest.results.result import BacktestResult
from funding_platform.core.tables.collected import FUNDING_RATES
from funding_platform.core.tables.prices import PRICE_CANDLES
from funding_platform.core.time_grid import Window
from funding_platform.flows.backtests.runs import run_and_store
from funding_platform.flows.collection.history.months import collect_history
from funding_platform.flows.collection.snapshots import collect_instruments
from funding_platform.lake import connect
from funding_platform.sandbox.server import build_market, running_sandbox
from funding_platform.settings import Settings
from funding_platform_tests.flows.conftest import settings_for

FILES: Final = {
    "bybit": ("BTCUSDT", "SOLUSDT"),
    "hyperliquid": ("BTC", "SOL"),
}
"""The contracts of which both venues have hourly bars."""

COLLECTED: Final = Window(datetime(2026, 1, 15, tzinfo=UTC), datetime(2026, 3, 5, tzinfo=UTC))
"""The weeks that both venues' bars have in common."""

CARRY: Final[dict[str, Any]] = {
    "start": COLLECTED.start + timedelta(days=7),
    "end": COLLECTED.end,
    "venues": tuple(FILES),
    "strategy": {
        "name": "cross_venue_carry",
        "horizon_hours": 168,
        "averaging_hours": 72,
        "entry_threshold": 0.0,
    },
}


def with_these_files(shared: Path, folder: Path) -> Path:
    """A folder to replay that has the settlements and bars of ``FILES``, and nothing else."""
    for venue, symbols in FILES.items():
        for part in ("funding", "prices"):
            (folder / part / venue).mkdir(parents=True)
            for symbol in symbols:
                length = "_1h" if part == "prices" else ""
                (file,) = (shared / "data" / part / venue).glob(f"{symbol}{length}.csv*")
                (folder / part / venue / file.name).symlink_to(file)
    return folder


@pytest.fixture(scope="module")
def real_lake(
    shared_dir: Path, published_fees: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Settings:
    """Both venues as collected the day after the weeks, with the fees that dbt publishes."""
    folder = tmp_path_factory.mktemp("real_pairs")
    shutil.copytree(published_fees.data_dir, folder / "data")
    replay = with_these_files(shared_dir, folder / "replay")
    # Hyperliquid hands out its newest 5,000 bars: collected much later, the first would be gone.
    with (
        time_machine.travel((COLLECTED.end + timedelta(days=1)).timestamp()),
        running_sandbox(build_market(replay=replay)) as sandbox,
    ):
        settings = settings_for(sandbox, folder)
        collect_instruments(tuple(FILES), settings, "replay")
        for venue in FILES:
            for table in (FUNDING_RATES, PRICE_CANDLES):
                collect_history(venue, COLLECTED, settings, "replay", table)
    return settings


@pytest.fixture(scope="module")
def carried(real_lake: Settings) -> BacktestResult:
    result = run_and_store(real_lake, BacktestConfig(**CARRY)).result
    assert result is not None
    return result


@pytest.mark.world
def test_pairs_of_bybit_and_hyperliquid_open(carried: BacktestResult) -> None:
    pairs = carried.trades.group_by("position_id").agg("venue", "base", "side").sort("position_id")
    assert pairs.height >= 3
    for venues, bases, sides in pairs.select("venue", "base", "side").iter_rows():
        assert (set(venues), len(set(bases)), set(sides)) == (set(FILES), 1, {"long", "short"})


@pytest.mark.world
def test_both_legs_are_priced_at_one_instant_by_the_close_that_it_says(
    carried: BacktestResult, real_lake: Settings
) -> None:
    with connect(real_lake) as lake:
        closes = lake.sql(
            "SELECT venue, venue_symbol, available_at AS time, close FROM core.price_candles "
            "WHERE kind = 'trade'"
        ).pl()
    for moment, price, source, age in (
        ("opened_at", "entry_price", "price_source", "price_age_hours"),
        ("closed_at", "exit_price", "exit_price_source", "exit_price_age_hours"),
    ):
        legs = carried.trades.with_columns(time=pl.col(moment) - pl.col(age) * timedelta(hours=1))
        assert legs.group_by("position_id").agg(pl.col("time").n_unique())["time"].max() == 1
        assert set(legs[source]) == {"close"}
        priced = legs.join(closes, on=["venue", "venue_symbol", "time"], how="left")
        assert priced[price].equals(priced["close"], check_names=False)
    assert any("valued at closes of candles: no mark was known" in w for w in carried.warnings)


@pytest.mark.world
def test_nothing_is_refused_for_want_of_a_price(carried: BacktestResult) -> None:
    assert not [warning for warning in carried.warnings if "no price" in warning]
    # What prices do to a hedged pair is the change of its basis: basis points of what it moved.
    per_pair = carried.trades.group_by("position_id").agg(
        pl.col("price_pnl_usd").sum(), pl.col("notional_usd").max()
    )
    assert (per_pair["price_pnl_usd"].abs() < 0.002 * per_pair["notional_usd"]).all()
