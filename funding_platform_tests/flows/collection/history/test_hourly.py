"""Candles, spot candles and open interest from the sandbox into a real lake."""

import json
from datetime import timedelta

import polars as pl
import pytest

from funding_platform.core.tables.prices import OPEN_INTEREST, PRICE_CANDLES, SPOT_CANDLES
from funding_platform.core.tables.schema import Table
from funding_platform.core.time_grid import HOUR, Window, month_start
from funding_platform.flows.collection.history.hourly import wanted_kinds
from funding_platform.flows.collection.history.months import collect_history
from funding_platform.lake import connect
from funding_platform.lake.writer import Lake
from funding_platform.sandbox.faults import parse_faults
from funding_platform.sandbox.server import RunningSandbox
from funding_platform.settings import Settings
from funding_platform.venues.errors import NotOfferedError, UnavailableError
from funding_platform_tests.present import PRESENT

RUNNING = Window(month_start(PRESENT), PRESENT + HOUR)
LAST_MONTH = Window.of_month(month_start(PRESENT) - timedelta(days=1))


def held(settings: Settings, table: Table) -> pl.DataFrame:
    with connect(settings) as connection:
        sql = f"SELECT * EXCLUDE (observed_at) FROM {table.full_name} ORDER BY ALL"
        return connection.execute(sql).pl()


def logged(settings: Settings) -> list[tuple[object, ...]]:
    with connect(settings) as connection:
        sql = "SELECT venue, dataset, status FROM core.collection_log ORDER BY started_at"
        return connection.execute(sql).fetchall()


@pytest.mark.sampled(1)
@pytest.mark.parametrize("venue", ["okx", "hyperliquid"])
def test_candles_of_a_month_are_whole(settings: Settings, venue: str) -> None:
    report = collect_history(venue, LAST_MONTH, settings, "run", PRICE_CANDLES)
    assert report.complete
    assert report.coverage_share == 1.0
    rows = held(settings, PRICE_CANDLES)
    kinds = {"mark", "index", "trade"} if venue == "okx" else {"trade"}
    assert set(rows["kind"]) == kinds
    assert report.rows == rows.height == sum(report.rows_by_month.values())
    assert report.rows_by_month.keys() == {f"{LAST_MONTH.start:%Y-%m-%d}"}
    assert (rows["available_at"] - rows["open_time"]).unique().to_list() == [HOUR]
    assert logged(settings) == [(venue, "core.price_candles", "success")]
    collect_history(venue, LAST_MONTH, settings, "again", PRICE_CANDLES)
    assert held(settings, PRICE_CANDLES).equals(rows)


def test_of_the_running_month_only_bars_that_have_ended(settings: Settings) -> None:
    collect_history("okx", RUNNING, settings, "run", PRICE_CANDLES)
    assert held(settings, PRICE_CANDLES)["available_at"].max() <= PRESENT  # type: ignore[operator]


def test_spot_markets_of_bases_that_have_perpetuals(settings: Settings) -> None:
    report = collect_history("okx", LAST_MONTH, settings, "run", SPOT_CANDLES)
    assert report.complete
    rows = held(settings, SPOT_CANDLES)
    assert rows.height == report.rows > 0
    assert "BTC" in set(rows["base"])
    assert rows.select("base", "venue_symbol").n_unique() == rows["base"].n_unique()


def test_open_interest(settings: Settings) -> None:
    report = collect_history("bybit", LAST_MONTH, settings, "run", OPEN_INTEREST)
    assert report.rows == held(settings, OPEN_INTEREST).height > 0
    assert report.coverage_share == 1.0


def test_what_a_venue_does_not_have_is_said(settings: Settings) -> None:
    with pytest.raises(NotOfferedError, match="offers no open_interest"):
        collect_history("hyperliquid", LAST_MONTH, settings, "run", OPEN_INTEREST)
    assert logged(settings) == [("hyperliquid", "core.open_interest", "failed")]


def test_what_the_lake_holds_and_the_venue_lacks_stays(settings: Settings) -> None:
    collect_history("hyperliquid", LAST_MONTH, settings, "run", PRICE_CANDLES)
    whole = held(settings, PRICE_CANDLES)
    with Lake(settings) as lake:
        one = lake.rows(PRICE_CANDLES).head(1)
        other = one.with_columns(pl.col("open_time") + timedelta(minutes=1))
        with lake.commit("run", "a bar that the venue does not have") as transaction:
            transaction.append(PRICE_CANDLES, other)
    collect_history("hyperliquid", LAST_MONTH, settings, "again", PRICE_CANDLES)
    assert held(settings, PRICE_CANDLES).height == whole.height + 1


def test_a_venue_that_is_down_fails_alone(settings: Settings, sandbox: RunningSandbox) -> None:
    sandbox.inject(*parse_faults(json.dumps([{"venue": "okx", "kind": "status", "status": 503}])))
    with pytest.raises(UnavailableError):
        collect_history("okx", LAST_MONTH, settings, "run", PRICE_CANDLES)
    assert logged(settings) == [("okx", "core.price_candles", "failed")]


@pytest.mark.parametrize(
    ("offered", "wanted", "kinds"),
    [
        (("mark", "index", "trade"), ("mark", "index", "trade"), ["mark", "index", "trade"]),
        (("mark", "index", "trade"), ("mark",), ["mark"]),
        (("trade",), ("mark",), ["trade"]),
        (("index", "trade"), ("mark",), ["trade"]),
    ],
)
def test_kinds_that_are_collected(
    offered: tuple[str, ...], wanted: tuple[str, ...], kinds: list[str]
) -> None:
    assert wanted_kinds(offered, wanted) == kinds
