"""Curves in the lake: rebuilt by month, equal to the pure functions, and repeatable."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from funding_platform.core.tables.features.curves import CURVE_FACTORS, CURVE_SNAPSHOTS
from funding_platform.core.time_grid import Window, month_start
from funding_platform.curves import curve_factors
from funding_platform.flows.collection.history.months import collect_history
from funding_platform.flows.collection.snapshots import collect_snapshots
from funding_platform.flows.features.curves import CURVES, FACTORS
from funding_platform.lake import connect
from funding_platform.settings import Settings
from funding_platform_tests.known import known
from funding_platform_tests.present import PRESENT

THIS_MONTH = Window.of_month(PRESENT)
LAST_MONTH = Window.of_month(month_start(PRESENT) - timedelta(days=1))


def test_curves_of_settled_and_predicted_rates(settings: Settings) -> None:
    both = Window(LAST_MONTH.start, THIS_MONTH.end)
    collect_history("binance", both, settings, "run")
    collect_snapshots(["binance"], settings, "run")
    by_month = [CURVES.rebuild(month, settings, "run") for month in (LAST_MONTH, THIS_MONTH)]
    factors = [FACTORS.rebuild(month, settings, "run") for month in (LAST_MONTH, THIS_MONTH)]

    assert {"live", "settled"} <= set(by_month[1]["kind"])
    assert known(by_month[1]["as_of"].max()) <= datetime.now(UTC)
    with connect(settings) as connection:
        stored = connection.execute(
            "SELECT (SELECT count(*) FROM features.curve_snapshots), "
            "(SELECT count(*) FROM features.curve_factors)"
        ).fetchone()
        instruments = connection.execute("FROM core.instruments").pl()
        snapshots = connection.execute("FROM core.market_snapshots").pl()
    rows = sum(frame.height for frame in by_month)
    assert stored == (rows, rows)
    whole = curve_factors(pl.concat(by_month), instruments=instruments, snapshots=snapshots)
    assert pl.concat(factors).sort(CURVE_FACTORS.key).equals(whole)
    live = whole.filter(kind="live")
    assert live.select("level_z", "basis").null_count().sum_horizontal().item() == 0


def test_the_first_snapshot_after_a_backfill_gives_whole_live_strips(settings: Settings) -> None:
    """A cold start: history first, then one look at the venue."""
    collect_history("binance", Window(LAST_MONTH.start, THIS_MONTH.end), settings, "run")
    before = CURVES.rebuild(THIS_MONTH, settings, "run")
    assert set(before["kind"]) == {"settled"}
    collect_snapshots(["binance"], settings, "run")
    live = CURVES.refresh(THIS_MONTH, settings, "run").filter(kind="live")
    assert live["usable"].all()
    assert live.height == before["venue_symbol"].n_unique()


@pytest.mark.world
def test_a_range_of_months_equals_its_months(settings: Settings) -> None:
    both = Window(LAST_MONTH.start, THIS_MONTH.end)
    collect_history("okx", both, settings, "run")
    key = ["venue", "venue_symbol", "as_of", "kind"]
    whole = CURVES.rebuild(both, settings, "range").filter(kind="settled").sort(key)
    parts = [CURVES.rebuild(month, settings, "month") for month in (LAST_MONTH, THIS_MONTH)]
    joined = parts[0].vstack(parts[1]).filter(kind="settled").sort(key)
    assert joined.equals(whole)


@pytest.mark.world
def test_every_emission_can_be_chosen(settings: Settings) -> None:
    collect_history("binance", THIS_MONTH, settings, "run")
    collect_snapshots(["binance"], settings, "run")
    chosen = settings.model_copy(update={"curve_emission": "collection"})
    live = CURVES.rebuild(THIS_MONTH, chosen, "run").filter(kind="live")
    with connect(settings) as connection:
        seen = connection.execute("SELECT observed_at FROM core.market_snapshots").pl()
    assert set(live["as_of"]) == set(seen["observed_at"])


def stored(settings: Settings) -> list[pl.DataFrame]:
    with connect(settings) as connection:
        return [
            connection.execute(f"FROM {table.full_name} ORDER BY ALL").pl()
            for table in (CURVE_SNAPSHOTS, CURVE_FACTORS)
        ]


def forget_curves(settings: Settings) -> None:
    with connect(settings, read_only=False) as connection:
        for table in (CURVE_SNAPSHOTS, CURVE_FACTORS):
            connection.execute(f"DELETE FROM {table.full_name}")


def refresh(settings: Settings) -> tuple[pl.DataFrame, pl.DataFrame]:
    return (
        CURVES.refresh(THIS_MONTH, settings, "refresh"),
        FACTORS.refresh(THIS_MONTH, settings, "refresh"),
    )


def test_a_refresh_rebuilds_what_changed_and_no_more(settings: Settings) -> None:
    """After each event the tables equal a rebuild of everything; only the first is whole."""
    both = Window(LAST_MONTH.start, THIS_MONTH.end)
    collect_history("binance", both, settings, "run")
    CURVES.rebuild(both, settings, "run")
    FACTORS.rebuild(both, settings, "run")

    collect_snapshots(["binance"], settings, "run")
    rebuilt = refresh(settings)
    for frame in rebuilt:
        assert known(frame["as_of"].min()) >= PRESENT - timedelta(hours=18)
        assert "live" in set(frame["kind"])
    assert len(rebuilt[0]) == len(rebuilt[1])

    changed = max(THIS_MONTH.start, PRESENT - timedelta(days=5))
    with connect(settings, read_only=False) as connection:
        connection.execute(
            "UPDATE core.funding_rates SET funding_rate = funding_rate / 2 "
            "WHERE funding_time >= ? AND venue_symbol LIKE 'B%'",
            [changed],
        )
    for frame in refresh(settings):
        assert abs(known(frame["as_of"].min()) - changed) <= timedelta(hours=9)

    refreshed = stored(settings)
    forget_curves(settings)
    CURVES.rebuild(both, settings, "run")
    FACTORS.rebuild(both, settings, "run")
    for one, other in zip(refreshed, stored(settings), strict=True):
        assert one.equals(other)


@pytest.mark.world
def test_a_refresh_of_what_was_never_built_rebuilds_the_month(settings: Settings) -> None:
    collect_history("okx", THIS_MONTH, settings, "run")
    curves, factors = refresh(settings)
    refreshed = stored(settings)
    assert len(curves) == len(factors) == len(refreshed[0])
    assert CURVES.rebuild(THIS_MONTH, settings, "run").height == curves.height


@pytest.mark.world
def test_a_refresh_after_the_lake_has_forgotten_rebuilds_the_month(settings: Settings) -> None:
    collect_history("okx", THIS_MONTH, settings, "run")
    whole = refresh(settings)
    with connect(settings, read_only=False) as connection:
        for statement in ("DELETE FROM core.collection_log", "DELETE FROM core.instruments"):
            connection.execute(statement)
        connection.execute("CALL ducklake_expire_snapshots('lake', older_than => now())")
    assert [len(frame) for frame in refresh(settings)] == [len(frame) for frame in whole]
