"""The data of a backtest from a real lake, as it was, and from files."""

from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest

from funding_platform.backtest.data.panel import PRICE_KINDS
from funding_platform.backtest.engine import run_backtest
from funding_platform.backtest.errors import DataError
from funding_platform.core.tables.prices import REFERENCE_PRICES
from funding_platform.core.time_grid import to_us
from funding_platform.flows.backtests import lake_rows
from funding_platform.flows.backtests.data import provider_from_files, provider_from_lake
from funding_platform.lake.connection import connect
from funding_platform.lake.errors import LakeMissingError
from funding_platform.settings import Settings
from funding_platform_tests.backtest.markets import HOUR, START, drawn_market
from funding_platform_tests.flows.backtests.lakes import fill, setting
from funding_platform_tests.known import known


@pytest.fixture
def lake_settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data")


def test_the_lake_as_it_was_gives_the_same_run(lake_settings: Settings) -> None:
    market = drawn_market(3)
    snapshot = fill(lake_settings, market)
    config = setting()
    first = run_backtest(config, provider_from_lake(lake_settings, config))
    assert first.trades.height > 4
    assert first.trades["fees_usd"].sum() > 0
    assert known(first.trades["impact_usd"].min()) > 0
    with connect(lake_settings, read_only=False) as lake:
        lake.execute("UPDATE core.funding_rates SET funding_rate = 2 * funding_rate")
    then = run_backtest(config, provider_from_lake(lake_settings, config, snapshot))
    now = run_backtest(config, provider_from_lake(lake_settings, config))
    assert then.data_fingerprint == first.data_fingerprint != now.data_fingerprint
    assert then.ledger.equals(first.ledger)
    assert not now.ledger.equals(first.ledger)


@pytest.mark.world
def test_in_which_order_history_was_stored_changes_nothing(
    lake_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of files that follow one another backwards, in pieces smaller than a venue's history."""
    market = drawn_market(3)
    fill(lake_settings, market)
    as_stored = provider_from_lake(lake_settings, setting())
    backwards = ("core.funding_rates", "funding_time"), ("core.market_snapshots", "observed_at")
    with connect(lake_settings, read_only=False) as lake:
        for table, time in backwards:
            lake.execute(f"CREATE TEMP TABLE kept AS FROM {table}")
            lake.execute(f"DELETE FROM {table}")
            for part in (1, 0):
                lake.execute(
                    f"INSERT INTO {table} FROM kept WHERE date_part('day', {time}) % 2 = {part} "
                    f"ORDER BY venue_symbol, {time} DESC"
                )
            lake.execute("DROP TABLE kept")
    monkeypatch.setattr(lake_rows, "_ROWS_AT_ONCE", 20)
    turned = provider_from_lake(lake_settings, setting())
    assert turned.funding_rates.height == as_stored.funding_rates.height > 500
    assert turned.fingerprint == as_stored.fingerprint


def test_intervals_are_those_known_at_their_settlement(lake_settings: Settings) -> None:
    """What later settlements have told since is in the lake too, and is not read."""
    fill(lake_settings, drawn_market(3))

    def intervals(update: str) -> pl.Series:
        with connect(lake_settings, read_only=False) as lake:
            lake.execute(f"UPDATE core.funding_rates SET {update}")
        return provider_from_lake(lake_settings, setting()).funding_rates["interval_hours"]

    stated = intervals("interval_inferred = false")
    known_now = "interval_inferred = true, interval_hours = 24, interval_hours_known = "
    assert intervals(f"{known_now} interval_hours").equals(stated)
    of_an_older_version = intervals(f"{known_now} NULL")
    assert of_an_older_version.null_count() < of_an_older_version.len() / 10
    assert 24.0 not in of_an_older_version


@pytest.mark.parametrize(("look_back", "before"), [(0, 26), (40, 40)])
def test_only_what_is_asked_for_is_read(
    lake_settings: Settings, look_back: int, before: int
) -> None:
    fill(lake_settings, drawn_market(3))
    config = setting(
        bases=("B1",),
        venues=("venue0", "venue1"),
        start=START + 100 * HOUR,
        end=START + 120 * HOUR,
        look_back_hours=look_back,
    )
    data = provider_from_lake(lake_settings, config)
    assert data.instruments.select("venue", "base").rows() == [("venue0", "B1"), ("venue1", "B1")]
    earliest = data.funding_rates["funding_time"].min()
    assert earliest == START + 100 * HOUR - timedelta(hours=before)
    whole = provider_from_lake(lake_settings, setting())
    assert {"level", "slope"} <= set(whole.features.columns)
    with pytest.raises(DataError, match="no instrument of those"):
        provider_from_lake(lake_settings, setting(bases=("DOGE",)))


@pytest.mark.world
def test_the_last_volume_before_the_window_is_read_without_its_price(
    lake_settings: Settings,
) -> None:
    fill(lake_settings, drawn_market(3))
    with connect(lake_settings, read_only=False) as lake:
        lake.execute(
            "INSERT INTO core.market_snapshots BY NAME SELECT venue, venue_symbol, "
            "step.hour AS snapshot_hour, step.hour AS observed_at, 7.0 AS mark_price, "
            "step.volume AS volume_24h_usd FROM core.instruments, (VALUES "
            f"('{START + 2 * HOUR}'::TIMESTAMPTZ, 2e7), "
            f"('{START + 3 * HOUR}'::TIMESTAMPTZ, NULL), "
            f"('{START + 80.5 * HOUR}'::TIMESTAMPTZ, 3e7)) AS step(hour, volume) "
            "WHERE venue <> 'venue2'"
        )
    config = setting(
        bases=("B1",), start=START + 100 * HOUR, end=START + 120 * HOUR, look_back_hours=26
    )
    data = provider_from_lake(lake_settings, config)
    first, volumes = data.panel.volumes.first, data.panel.volumes
    read = [
        list(zip(volumes.time_us[low:high], volumes.volume_usd[low:high], strict=True))
        for low, high in pairwise(first)
    ]
    before, within, only = (to_us(START + hour * HOUR) for hour in (2, 80.5, 0))
    assert read == [[(before, 2e7), (within, 3e7)]] * 2 + [[(only, 1e7)]]
    assert (data.panel.prices.price == 7.0).sum() == 2
    whole = provider_from_lake(lake_settings, setting(bases=("B1",)))
    again = whole.load_data(START + 74 * HOUR, START + 120 * HOUR)
    assert again.panel.volumes.volume_usd.tolist() == volumes.volume_usd.tolist()


def test_fees_are_those_of_their_time_where_the_lake_has_their_history(
    lake_settings: Settings,
) -> None:
    fill(lake_settings, drawn_market(3))
    config, raised = setting(), START + 100 * HOUR
    published = provider_from_lake(lake_settings, config)
    assert set(published.fees["taker_bps"]) == {2.0}
    with connect(lake_settings, read_only=False) as lake:
        lake.execute(
            "CREATE VIEW marts.fee_history AS SELECT venue, tier, step.effective_from, "
            "step.effective_until, maker_bps, step.taker_bps, min_volume_30d_usd, source, "
            "false AS overridden FROM core.fee_schedules, (VALUES "
            f"('{START - HOUR}'::TIMESTAMPTZ, '{raised}'::TIMESTAMPTZ, 2.0), "
            f"('{raised}'::TIMESTAMPTZ, NULL, 50.0)) AS step(effective_from, effective_until, "
            "taker_bps)"
        )
    data = provider_from_lake(lake_settings, config)
    assert data.fees.columns == published.fees.columns
    trades = run_backtest(config, data).trades
    before = trades.filter(pl.col("closed_at") < raised)
    after = trades.filter(pl.col("opened_at") >= raised)
    assert not before.is_empty()
    charged = (before["fees_usd"] / before["traded_usd"] * 1e4).round(9)
    assert set(charged) == {2.0}
    assert set((after["fees_usd"] / after["traded_usd"] * 1e4).round(9)) <= {50.0}


def test_without_any_fees_in_the_lake_the_run_says_so(lake_settings: Settings) -> None:
    fill(lake_settings, drawn_market(3))
    with connect(lake_settings, read_only=False) as lake:
        lake.execute("DROP TABLE core.fee_schedules")
    data = provider_from_lake(lake_settings, setting())
    assert data.fees.is_empty()
    with pytest.raises(DataError, match="no taker fee of venue0 is known"):
        run_backtest(setting(), data)


def test_venues_with_marks_and_venues_with_an_index_only_are_read_together(
    lake_settings: Settings,
) -> None:
    market = drawn_market(3)
    own = pl.col("venue") != "venue1"
    fill(
        lake_settings,
        market.with_columns(
            mark_price=pl.when(own).then("mark_price"), index_price=pl.col("mark_price") + 1.0
        ),
    )
    data = provider_from_lake(lake_settings, setting())
    panel, venues = data.panel, data.instruments["venue"]
    for number in range(len(venues)):
        rows = market.filter(
            pl.col("venue") == venues[number],
            pl.col("venue_symbol") == data.instruments["venue_symbol"][number],
        )
        has_mark = venues[number] != "venue1"
        begin, end = panel.prices.first[number : number + 2]
        assert set(panel.prices.kind[begin:end]) == {
            PRICE_KINDS.index("mark" if has_mark else "index")
        }
        shown = rows["mark_price"] + (0.0 if has_mark else 1.0)
        assert panel.prices.price[begin:end].tolist() == shown.to_list()


def test_without_a_lake_it_is_said(tmp_path: Path) -> None:
    with pytest.raises(LakeMissingError):
        provider_from_lake(Settings(data_dir=tmp_path / "nothing"), setting())


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_files_give_what_frames_give(tmp_path: Path, suffix: str) -> None:
    market, path = drawn_market(4), tmp_path / f"rates{suffix}"
    if suffix == ".csv":
        market.write_csv(path)
    else:
        market.write_parquet(path)
    data = provider_from_files(funding_rates=path)
    assert data.funding_rates["funding_time"].min() == START
    assert data.funding_rates.height == market.height
    with pytest.raises(DataError, match="neither"):
        provider_from_files(funding_rates=tmp_path / "rates.xlsx")


def test_coins_that_quanto_contracts_pay_in_are_worth_their_reference_price(
    lake_settings: Settings,
) -> None:
    fill(lake_settings, drawn_market(3))
    price = {"time": START, "price": 50_000.0, "available_at": START + HOUR, "sources": ["a"]}
    prices = [
        {**price, "base": base, "asset": f"{base} {kind}"}
        for base, kind in (("BTC", "crypto"), ("BTC", "equity"), ("ETH", "crypto"))
    ]
    with connect(lake_settings, read_only=False) as lake:
        assert provider_from_lake(lake_settings, setting()).panel.coins.time_us.tolist() == []
        given = pl.DataFrame(prices, schema=REFERENCE_PRICES.polars_schema)
        lake.register("given", given)
        lake.execute("CREATE TABLE marts.reference_prices AS FROM given")
        lake.execute(
            "UPDATE core.instruments SET contract_type = 'quanto', settle = 'XBT' "
            "WHERE venue = 'venue1'"
        )
    coins = provider_from_lake(lake_settings, setting()).panel.coins
    assert (coins.time_us.tolist(), coins.price.tolist()) == ([to_us(START + HOUR)], [50_000.0])
    assert sorted(set(coins.of.tolist())) == [-1, 0]
