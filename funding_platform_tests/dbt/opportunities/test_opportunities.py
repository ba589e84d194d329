"""Opportunities against the same figures worked out pair by pair, and their history."""

import shutil
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from funding_platform.core.tables.collected import MARKET_SNAPSHOTS
from funding_platform.core.tables.fees import FEE_OVERRIDES
from funding_platform.core.tables.marts.opportunities import OPPORTUNITIES
from funding_platform.core.tables.marts.opportunity_history import OPPORTUNITY_HISTORY
from funding_platform.core.tables.marts.reasons import REASONS, TIERS
from funding_platform.core.time_grid import HOUR, floor_hour
from funding_platform.lake import connect
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings
from funding_platform_tests.dbt.market import frame_of
from funding_platform_tests.dbt.opportunities.pairs_market import NOW, an_hour_later
from funding_platform_tests.dbt.runner import run_dbt
from funding_platform_tests.dbt.slow.opportunities import assert_as_worked_out

STORED = (
    *("--select", "latest_funding_rates", "int_opportunity_legs", "int_opportunities"),
    *("opportunity_history", "opportunities", "--exclude-resource-type", "test", "unit_test"),
)
"""The tables only: their views are there once dbt has run."""

HISTORY = f"SELECT * FROM {OPPORTUNITY_HISTORY.full_name} ORDER BY ALL"
LONG_AGO = (
    f"INSERT INTO {OPPORTUNITY_HISTORY.full_name} "
    f"SELECT * REPLACE (hour - INTERVAL 91 DAYS AS hour) FROM {OPPORTUNITY_HISTORY.full_name}"
)
KEY = list(OPPORTUNITIES.key)


def build(settings: Settings, *selected: str) -> None:
    outcome = run_dbt(settings, "build", *selected)
    assert outcome.returncode == 0, outcome.stdout[-4000:] + outcome.stderr


def read(settings: Settings, sql: str) -> pl.DataFrame:
    with connect(settings) as lake:
        return lake.execute(sql).pl()


def test_every_pair_is_what_it_is_worked_out_to_be(market: Settings) -> None:
    assert_as_worked_out(market)


def test_every_reason_and_tier_occurs_in_the_market(market: Settings) -> None:
    found = read(market, f"SELECT tier, reasons FROM {OPPORTUNITIES.full_name}")
    assert set(found["reasons"].explode().drop_nulls()) == set(REASONS)
    assert set(found["tier"]) == set(TIERS)


def test_impact_is_measured_of_some_legs_and_modelled_of_others(market: Settings) -> None:
    found = read(market, f"SELECT * FROM {OPPORTUNITIES.full_name}")
    for leg in ("long", "short"):
        assert set(found[f"{leg}_impact_source"]) == {"measured", "model", None}
        measured = found.filter(pl.col(f"{leg}_impact_source") == "measured")
        off = measured[f"{leg}_impact_bps"] / measured[f"{leg}_impact_10k_bps"] - 1
        assert off.abs().max() < 1e-12  # type: ignore[operator]
    sizes = found["max_size_usd"]
    assert 0 < sizes.null_count() < found.height
    assert sizes.n_unique() > 20


@pytest.mark.world
def test_history_goes_on_by_the_hour_and_keeps_what_it_said(
    market: Settings, tmp_path: Path
) -> None:
    shutil.copytree(market.data_dir.parent, tmp_path, dirs_exist_ok=True)  # with what dbt parsed
    settings = Settings(data_dir=tmp_path / "data")
    first = read(settings, HISTORY)
    with Lake(settings) as lake:
        lake.connection.execute(LONG_AGO)
    with Lake(settings) as lake, lake.commit("run-2", "an hour later") as transaction:
        seen = lake.read(f"FROM {MARKET_SNAPSHOTS.full_name}")
        transaction.append(MARKET_SNAPSHOTS, an_hour_later(seen))
    build(settings, *STORED)
    both = read(settings, HISTORY)
    assert both["hour"].min() == floor_hour(NOW)
    later = both.filter(pl.col("hour") == floor_hour(NOW) + HOUR)
    assert_frame_equal(both.filter(pl.col("hour") == floor_hour(NOW)), first)
    assert later.height == first.height
    since = later.join(first, on=KEY, suffix="_before").filter(
        (pl.col("tier") != "reject") & (pl.col("tier_before") != "reject")
    )
    assert since.height > 0
    assert since["discovered_at"].equals(since["observed_at_before"])
    assert later.filter(tier="reject")["discovered_at"].null_count() > 0
    shown = read(settings, f"SELECT {', '.join(KEY)}, discovered_at FROM marts.opportunities")
    assert_frame_equal(shown.sort(KEY), later.select(shown.columns).sort(KEY))

    with Lake(settings) as lake, lake.commit("run-3", "other fees") as transaction:
        transaction.append(FEE_OVERRIDES, frame_of(FEE_OVERRIDES, [DEARER_OKX]))
    costs = f"SELECT sum(cost_bps) FROM {OPPORTUNITIES.full_name} WHERE long_venue = 'okx'"
    before = read(settings, costs).item()
    build(settings, *STORED)
    assert read(settings, costs).item() > before
    assert_frame_equal(read(settings, HISTORY), both)


DEARER_OKX = {
    "venue": "okx",
    "tier": "base",
    "effective_from": NOW,
    "recorded_at": NOW,
    "maker_bps": 20.0,
    "taker_bps": 50.0,
    "note": "a test",
    "recorded_by": "a test",
    "revoked": False,
}
