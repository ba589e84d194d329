"""Gaps are asked for once more; what stays missing is known by name."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from funding_platform.core.time_grid import HOUR, Window
from funding_platform.flows.collection.history.months import collect_history
from funding_platform.flows.collection.snapshots import collect_instruments
from funding_platform.flows.importing.importer import import_files
from funding_platform.flows.queries.upkeep.gaps import gaps_by_name
from funding_platform.lake import connect
from funding_platform.sandbox.server import RunningSandbox
from funding_platform.settings import Settings
from funding_platform_tests.flows.conftest import settings_for
from funding_platform_tests.flows.importing.dumps import HEADER
from funding_platform_tests.flows.markets import LossyMarket

MONTH = Window.of_month(datetime(2026, 3, 1, tzinfo=UTC))
"""A month without an outage of the sandbox's own."""

LOST_TIME = MONTH.start + timedelta(days=12, hours=16)

Named = list[tuple[str, datetime, str]]


def near(time: datetime, other: datetime) -> bool:
    return abs(time - other) < timedelta(minutes=5)


def named(missing: pl.DataFrame) -> Named:
    return missing.select("venue_symbol", "missing_time", "kind").rows()


def held(settings: Settings, sql: str = "SELECT * FROM core.funding_rates") -> pl.DataFrame:
    with connect(settings) as connection:
        return connection.execute(f"{sql} ORDER BY ALL").pl()


def test_an_undisturbed_month_is_whole(lossy: Settings) -> None:
    report = collect_history("binance", MONTH, lossy, "undisturbed")
    assert named(report.missing_settlements) == []
    assert (report.recovered, report.coverage_share, report.trouble) == (0, 1.0, [])


def test_what_a_second_look_finds_is_stored(
    lossy: Settings, market: LossyMarket, served: RunningSandbox, tmp_path: Path
) -> None:
    whole = settings_for(served, tmp_path / "whole")
    collect_history("binance", MONTH, whole, "whole")
    market.lose(lambda symbol, time: symbol == "BTCUSDT" and near(time, LOST_TIME), looks=1)
    report = collect_history("binance", MONTH, lossy, "run")
    assert report.recovered == 1
    assert named(report.missing_settlements) == []
    assert market.looks.count("BTCUSDT") == 2
    assert {market.looks.count(symbol) for symbol in set(market.looks) - {"BTCUSDT"}} == {1}
    columns = "SELECT * EXCLUDE (observed_at) FROM core.funding_rates"
    assert held(lossy, columns).equals(held(whole, columns))


@pytest.mark.world
def test_what_stays_missing_is_named_everywhere(lossy: Settings, market: LossyMarket) -> None:
    lost = [LOST_TIME, LOST_TIME + 8 * HOUR]
    market.lose(lambda symbol, time: symbol == "ETHUSDT" and any(near(time, x) for x in lost))
    collect_instruments(["binance"], lossy, "instruments")
    report = collect_history("binance", MONTH, lossy, "gappy")
    assert named(report.missing_settlements) == [("ETHUSDT", time, "between") for time in lost]
    assert report.missing == {"ETHUSDT": 2}
    assert report.expected == report.rows + 2
    ((status, kind, error),) = held(
        lossy, "SELECT status, error_kind, error FROM core.collection_log WHERE run_id = 'gappy'"
    ).rows()
    assert (status, kind) == ("partial", "MissingSettlementsError")
    assert f"ETHUSDT: {lost[0]:%Y-%m-%d %H:%M}, {lost[1]:%Y-%m-%d %H:%M}" in error
    with connect(lossy) as connection:
        (gap,) = gaps_by_name(connection, "binance").rows(named=True)
    assert (gap["venue_symbol"], gap["kind"], gap["missing"]) == ("ETHUSDT", "between", 2)
    assert (gap["first"], gap["last"]) == (lost[0], lost[1])


@pytest.mark.world
def test_a_symbol_that_stops_while_it_trades_is_named(lossy: Settings, market: LossyMarket) -> None:
    market.lose(lambda symbol, time: symbol == "BTCUSDT" and time > LOST_TIME + HOUR)
    collect_instruments(["binance"], lossy, "instruments")
    report = collect_history("binance", MONTH, lossy, "stopped")
    assert report.stopped == ["BTCUSDT"]
    first = report.missing_settlements["missing_time"].min()
    assert first == LOST_TIME + 8 * HOUR
    # The one at midnight belongs to the next month.
    assert report.missing["BTCUSDT"] == (MONTH.end - LOST_TIME) // (8 * HOUR) - 1
    with connect(lossy) as connection:
        (gap,) = gaps_by_name(connection, "binance").rows(named=True)
    assert (gap["venue_symbol"], gap["kind"], gap["first"]) == ("BTCUSDT", "stopped", first)


@pytest.mark.world
def test_an_instrument_that_is_delisted_is_whole_without_a_tail(lossy: Settings) -> None:
    """The sandbox delists some contracts: their histories end, and nothing is missing."""
    window = Window(datetime(2024, 1, 1, tzinfo=UTC), MONTH.end)
    report = collect_history("hyperliquid", window, lossy, "years")
    assert report.stopped == []
    assert report.missing == {}


def test_a_symbol_that_is_silent_once_is_asked_again(lossy: Settings, market: LossyMarket) -> None:
    market.lose(lambda symbol, time: symbol == "BTCUSDT", looks=1)
    report = collect_history("binance", MONTH, lossy, "silent once")
    assert report.vanished == report.stopped == []
    assert report.recovered == len(held(lossy).filter(venue_symbol="BTCUSDT")) > 0


@pytest.mark.world
def test_a_symbol_that_vanished_is_kept_and_named(lossy: Settings, market: LossyMarket) -> None:
    collect_history("binance", MONTH, lossy, "good")
    before = held(lossy, "SELECT * EXCLUDE (observed_at) FROM core.funding_rates")
    market.lose(lambda symbol, time: symbol == "BTCUSDT")
    report = collect_history("binance", MONTH, lossy, "vanished")
    assert report.vanished == report.stopped == ["BTCUSDT"]
    assert held(lossy, "SELECT * EXCLUDE (observed_at) FROM core.funding_rates").equals(before)


def test_an_outage_costs_two_questions_and_is_no_gap(lossy: Settings, market: LossyMarket) -> None:
    market.lose(lambda symbol, time: near(time, LOST_TIME))
    report = collect_history("binance", MONTH, lossy, "outage")
    assert report.outages == [LOST_TIME]
    assert report.missing == {}
    asked_again = [symbol for symbol in set(market.looks) if market.looks.count(symbol) > 1]
    assert len(asked_again) == 2
    with connect(lossy) as connection:
        (gap,) = gaps_by_name(connection, "binance").rows(named=True)
    assert (gap["venue_symbol"], gap["kind"], gap["first"]) == (None, "outage", LOST_TIME)


def test_an_outage_that_a_witness_refutes_is_asked_for_in_full(
    lossy: Settings, market: LossyMarket
) -> None:
    market.lose(lambda symbol, time: near(time, LOST_TIME), looks=1)
    report = collect_history("binance", MONTH, lossy, "no outage")
    assert report.outages == []
    assert report.missing == {}
    assert report.recovered >= 3
    assert max(market.looks.count(symbol) for symbol in set(market.looks)) == 2


@pytest.mark.world
def test_what_an_import_filled_is_not_lost_again(
    lossy: Settings, market: LossyMarket, tmp_path: Path
) -> None:
    market.lose(lambda symbol, time: symbol == "ETHUSDT" and near(time, LOST_TIME))
    collect_history("binance", MONTH, lossy, "gappy")
    dump = tmp_path / "binance" / "ETHUSDT.csv"
    dump.parent.mkdir()
    stamp = int(LOST_TIME.timestamp() * 1000)
    dump.write_text(f"{HEADER}\n{stamp},0.000123,8,\n", encoding="utf-8")
    assert import_files([str(dump)], lossy, "import").rows == 1
    report = collect_history("binance", MONTH, lossy, "again")
    assert report.missing == {}
    filled = held(lossy).filter(venue_symbol="ETHUSDT", funding_time=LOST_TIME)
    assert filled["funding_rate"].to_list() == [0.000123]
