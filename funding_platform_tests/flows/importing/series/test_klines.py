"""The public data of Binance: whose prices a file has is said by where it lies."""

from pathlib import Path

import pytest

from funding_platform.flows.errors import DumpError, MappingError
from funding_platform.settings import Settings
from funding_platform_tests.flows.importing.series.bars import (
    FIRST,
    bars,
    candles,
    imported,
    kline_rows,
    kline_zip,
    stored,
)

NAME = "BTCUSDT-1h-2025-01"


@pytest.mark.sampled(1)
@pytest.mark.parametrize("header", [True, False])
def test_klines_of_a_perpetual(tmp_path: Path, lake: Settings, header: bool) -> None:
    folder = tmp_path / "futures/um/monthly/klines/BTCUSDT/1h"
    path = kline_zip(folder, NAME, kline_rows(bars(3)), header=header)
    instruments = tmp_path / "instruments.csv"
    instruments.write_text(
        "venue,symbol,base,quote,settle\nbinance,BTCUSDT,BTC,USDT,USDT\n", encoding="utf-8"
    )
    imported(lake, instruments, table="instruments")
    imported(lake, path)
    rows = candles(lake)
    assert rows.select("venue", "venue_symbol", "kind").unique().rows() == [
        ("binance", "BTCUSDT", "trade")
    ]
    assert rows["open_time"][0] == FIRST
    assert rows["volume_base"].to_list() == [2.0, 2.0, 2.0]
    assert rows["volume_usd"].to_list() == [202.0, 204.0, 206.0]


@pytest.mark.parametrize(("folder", "kind"), [("markPriceKlines", "mark"), ("klines", "trade")])
def test_mark_prices_have_no_volume(tmp_path: Path, lake: Settings, folder: str, kind: str) -> None:
    path = kline_zip(tmp_path / "um" / folder, NAME, kline_rows(bars(3), volume=0.0))
    imported(lake, path)
    rows = candles(lake)
    assert set(rows["kind"]) == {kind}
    assert rows["volume_base"].null_count() == (3 if kind == "mark" else 0)


def test_index_prices_of_coin_margined_pairs(tmp_path: Path, lake: Settings) -> None:
    path = kline_zip(
        tmp_path / "futures/cm/monthly/indexPriceKlines/BTCUSD/1h",
        "BTCUSD-1h-2025-01",
        kline_rows(bars(3), volume=0.0),
    )
    imported(lake, path)
    rows = candles(lake)
    assert rows.select("venue", "venue_symbol", "kind").unique().rows() == [
        ("binance_coinm", "BTCUSD_PERP", "index")
    ]


def test_contracts_become_dollars_where_their_size_is_known(tmp_path: Path, lake: Settings) -> None:
    facts = tmp_path / "instruments.csv"
    facts.write_text(
        "venue,symbol,base,quote,settle,contract_size\nbinance_coinm,BTCUSD_PERP,BTC,USD,BTC,100\n",
        encoding="utf-8",
    )
    imported(lake, facts, table="instruments")
    folder = tmp_path / "futures/cm/monthly/klines/BTCUSD_PERP/1h"
    rows = kline_rows(bars(2), volume=7.0)
    imported(lake, kline_zip(folder, "BTCUSD_PERP-1h-2025-01", rows))
    assert candles(lake).select("volume_base", "volume_usd").row(0) == (707.0, 700.0)


def test_spot_klines_in_microseconds(tmp_path: Path, lake: Settings) -> None:
    rows = kline_rows(bars(3), per_ms=1000)
    path = kline_zip(
        tmp_path / "spot/monthly/klines/ETHUSDC/1h", "ETHUSDC-1h-2025-01", rows, header=False
    )
    imported(lake, path)
    found = candles(lake, "spot_candles")
    assert found.select("venue", "venue_symbol", "base", "quote").unique().rows() == [
        ("binance", "ETHUSDC", "ETH", "USDC")
    ]
    assert found["open_time"][0] == FIRST
    assert found["volume_usd"][0] == 202.0


@pytest.mark.world
def test_without_its_folders_the_market_must_be_told(tmp_path: Path, lake: Settings) -> None:
    path = kline_zip(tmp_path, NAME, kline_rows(bars(3)))
    with pytest.raises(MappingError, match="whether of spot or of a perpetual") as caught:
        imported(lake, path)
    assert caught.value.hint is not None
    assert "table=spot_candles" in caught.value.hint
    with pytest.raises(MappingError, match="does not say kind"):
        imported(lake, path, table="price_candles")
    assert imported(lake, path, table="price_candles", kind="trade").rows == 3
    assert imported(lake, path, table="spot_candles").rows == 3


def test_the_premium_index_is_no_price(tmp_path: Path, lake: Settings) -> None:
    path = kline_zip(tmp_path / "um/premiumIndexKlines", NAME, kline_rows(bars(3)))
    with pytest.raises(DumpError, match="no price"):
        imported(lake, path)


def test_daily_klines_are_refused(tmp_path: Path, lake: Settings) -> None:
    path = kline_zip(tmp_path / "um/klines", "BTCUSDT-1d-2025-01", kline_rows(bars(3)))
    with pytest.raises(DumpError, match="bars of 1d"):
        imported(lake, path)


def test_a_folder_may_hold_rates_and_candles(tmp_path: Path, lake: Settings) -> None:
    kline_zip(tmp_path / "dumps/um/klines", NAME, kline_rows(bars(3)))
    kline_zip(tmp_path / "dumps/um/markPriceKlines", NAME, kline_rows(bars(3), volume=0.0))
    rates = tmp_path / "dumps/um/fundingRate/BTCUSDT-fundingRate-2025-01.csv"
    rates.parent.mkdir()
    rates.write_text(
        "calc_time,funding_interval_hours,last_funding_rate\n1735689600000,8,0.0001\n",
        encoding="utf-8",
    )
    report = imported(lake, tmp_path / "dumps")
    assert sorted(report.files.select("table", "rows").rows()) == [
        ("funding_rates", 1),
        ("price_candles", 3),
        ("price_candles", 3),
    ]
    log = stored(lake, "SELECT dataset, rows_written FROM core.collection_log ORDER BY dataset")
    assert log == [("core.funding_rates", 1), ("core.price_candles", 6)]


def test_the_archive_of_okx(tmp_path: Path, lake: Settings) -> None:
    path = tmp_path / "candles.csv"
    lines = [
        f"BTC-USDT-SWAP,{o},{h},{low},{c},500,5,{5 * c},{time},1" for time, o, h, low, c in bars(3)
    ]
    head = "instrument_name,open,high,low,close,vol,vol_ccy,vol_quote,open_time,confirm"
    path.write_text("\n".join([head, *lines, ""]), encoding="utf-8")
    imported(lake, path)
    assert candles(lake)["volume_base"].to_list() == [5.0, 5.0, 5.0]
