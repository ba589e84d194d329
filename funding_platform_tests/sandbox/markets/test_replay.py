"""A replayed folder comes back row for row, and a broken one is refused by file and line."""

import csv
import gzip
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from funding_platform.sandbox.errors import ReplayError
from funding_platform.sandbox.server import build_market, running_sandbox

HEADER = "funding_time_ms,funding_rate,interval_hours,mark_price\n"
Rows = list[tuple[int, float, str]]


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text)
    return path


def rows_of(path: Path) -> Rows:
    packed = path.read_bytes()
    text = (gzip.decompress(packed) if path.suffix == ".gz" else packed).decode()
    return [
        (int(r["funding_time_ms"]), float(r["funding_rate"]), r["mark_price"])
        for r in csv.DictReader(text.splitlines())
    ]


@contextmanager
def replayed(folder: Path) -> Iterator[httpx.Client]:
    market = build_market(replay=folder)
    with (
        running_sandbox(market) as sandbox,
        httpx.Client(base_url=sandbox.url, timeout=60) as client,
    ):
        yield client


def binance_history(client: httpx.Client, symbol: str) -> Rows:
    found, start = [], 0
    while True:
        query: dict[str, Any] = {"symbol": symbol, "startTime": start, "limit": 1_000}
        page = client.get("/binance/fapi/v1/fundingRate", params=query).json()
        found += [(r["fundingTime"], float(r["fundingRate"]), r["markPrice"]) for r in page]
        if len(page) < 1_000:
            return found
        start = page[-1]["fundingTime"] + 1


def bybit_history(client: httpx.Client, symbol: str, category: str) -> Rows:
    found, end = [], 10**14
    while True:
        query: dict[str, Any] = {"category": category, "symbol": symbol, "endTime": end}
        page = client.get("/bybit/v5/market/funding/history", params=query).json()["result"]["list"]
        found += [(int(r["fundingRateTimestamp"]), float(r["fundingRate"]), "") for r in page]
        if len(page) < 200:
            return found[::-1]
        end = found[-1][0] - 1


def okx_history(client: httpx.Client, symbol: str) -> Rows:
    found, after = [], 10**14
    while True:
        query: dict[str, Any] = {"instId": symbol, "after": after}
        page = client.get("/okx/api/v5/public/funding-rate-history", params=query).json()["data"]
        found += [(int(r["fundingTime"]), float(r["realizedRate"]), "") for r in page]
        if len(page) < 100:
            return found[::-1]
        after = found[-1][0]


def hyperliquid_history(client: httpx.Client, coin: str) -> Rows:
    found: Rows = []
    while True:
        start = found[-1][0] + 1 if found else 0
        body = {"type": "fundingHistory", "coin": coin, "startTime": start}
        page = client.post("/hyperliquid/info", json=body).json()
        found += [(r["time"], float(r["fundingRate"]), "") for r in page]
        if len(page) < 500:
            return found


@pytest.mark.world
def test_real_history_comes_back_exactly(shared_dir: Path) -> None:
    data = shared_dir / "data"
    funding = data / "funding"
    with replayed(data) as client:
        for symbol in ("BTCUSDT", "OMUSDT", "SOLUSDT"):
            expected = rows_of(funding / "binance" / f"{symbol}.csv")
            found = binance_history(client, symbol)
            assert [row[:2] for row in found] == [row[:2] for row in expected]
            assert [m and float(m) for *_, m in found] == [m and float(m) for *_, m in expected]
        for symbol, category in (("BTCUSD", "inverse"), ("INJUSDT", "linear")):
            found = bybit_history(client, symbol, category)
            assert found == rows_of(funding / "bybit" / f"{symbol}.csv")
        found = okx_history(client, "SOL-USDT-SWAP")
        assert found == rows_of(funding / "okx" / "SOL-USDT-SWAP.csv")
        for coin, name in (("SOL", "SOL.csv.gz"), ("TON", "TON.csv")):
            assert hyperliquid_history(client, coin) == rows_of(funding / "hyperliquid" / name)


def test_digits_beyond_the_venues_own_are_kept(tmp_path: Path) -> None:
    rates = ["0.000012000000000000003754", "-1e-7", "0", "0.1", "-0.00000001"]
    lines = "".join(f"{hour * 3_600_000},{rate},1,\n" for hour, rate in enumerate(rates, 1))
    write(tmp_path, "funding/binance/BTCUSDT.csv", HEADER + lines)
    write(tmp_path, "funding/hyperliquid/BTC.csv.gz", HEADER + lines)
    with replayed(tmp_path) as client:
        expected = [float(rate) for rate in rates]
        assert [rate for _, rate, _ in binance_history(client, "BTCUSDT")] == expected
        assert [rate for _, rate, _ in hyperliquid_history(client, "BTC")] == expected


def test_quotes_hold_what_the_files_know_and_nothing_else(tmp_path: Path) -> None:
    day = 86_400_000
    lines = f"{day},0.0001,,\n{day + 14_400_000},0.0002,,\n"
    write(tmp_path, "funding/binance/BTCUSDT.csv", HEADER + lines)
    write(tmp_path, "funding/bybit/BTCUSDT.csv", HEADER + lines)
    candles = f"time_ms,open,high,low,close,volume\n{day},,,,101.5,\n{2 * day},,,,999,\n"
    write(tmp_path, "prices/bybit/BTCUSDT_1h.csv", candles)
    market = build_market(replay=tmp_path, now=datetime(1970, 1, 2, 5, tzinfo=UTC))
    with running_sandbox(market) as sandbox:
        url = sandbox.url_of("bybit")
        query: dict[str, Any] = {"category": "linear"}
        (bybit,) = httpx.get(f"{url}/v5/market/tickers", params=query, timeout=60).json()["result"][
            "list"
        ]
        url = sandbox.url_of("binance") + "/fapi/v1"
        binance = httpx.get(f"{url}/premiumIndex?symbol=BTCUSDT", timeout=60).json()
        interest = httpx.get(f"{url}/openInterest?symbol=BTCUSDT", timeout=60)
        intervals = httpx.get(f"{url}/fundingInfo", timeout=60).json()
    assert bybit["markPrice"] == "101.5"
    assert (bybit["fundingRate"], bybit["fundingIntervalHour"]) == ("0.0002", "4")
    assert bybit["nextFundingTime"] == str(day + 28_800_000)
    for absent in (
        "openInterest",
        "turnover24h",
        "bid1Price",
        "indexPrice",
        "prevPrice24h",
        "highPrice24h",
    ):
        assert bybit[absent] == "", absent
    assert (binance["markPrice"], binance["lastFundingRate"]) == ("", "0.00020000")
    assert (interest.status_code, interest.json()["code"]) == (400, -4108)
    assert intervals[0]["fundingIntervalHours"] == 4


def test_the_future_of_a_file_does_not_show(tmp_path: Path) -> None:
    write(tmp_path, "funding/okx/BTC-USDT-SWAP.csv", HEADER + "1000,0.1,8,\n9000,0.2,8,\n")
    market = build_market(replay=tmp_path, now=datetime(1970, 1, 1, 0, 0, 5, tzinfo=UTC))
    assert market.settlements("okx", "BTC-USDT-SWAP").rates.tolist() == [0.1]
    assert market.quotes("okx")["BTC-USDT-SWAP"].predicted_rate == 0.1


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (HEADER + "1,0.1,8,\n2,abc,8,\n", "line 3: 'abc' is not a number"),
        (HEADER + "1,nan,8,\n", "line 2: 'nan' is not a number"),
        (HEADER + "1,0.1,8,\n1,0.2,8,\n", "line 3: the time does not come after"),
        (HEADER + "soon,0.1,8,\n", "line 2: 'soon' is not a time"),
        (HEADER + "1,0.1\n", "line 2: 2 fields, the header has 4"),
        (HEADER, "line 1: there are no rows"),
        ("", "line 1: the header lacks funding_time_ms, funding_rate"),
        ("time,rate\n1,2\n", "line 1: the header lacks"),
        (HEADER + '1,"0.1,8,\n', "line 2: unexpected end of data"),
    ],
)
def test_a_malformed_file_is_named_with_its_line(tmp_path: Path, text: str, complaint: str) -> None:
    path = write(tmp_path, "funding/binance/BTCUSDT.csv", text)
    with pytest.raises(ReplayError) as caught:
        build_market(replay=tmp_path)
    assert str(path) in caught.value.message
    assert complaint in caught.value.message


def test_a_broken_archive_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, "funding/binance/BTCUSDT.csv.gz", HEADER + "1,0.1,8,\n" * 99)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ReplayError, match=r"BTCUSDT\.csv\.gz, line"):
        build_market(replay=tmp_path)


def test_a_symbol_that_is_none(tmp_path: Path) -> None:
    write(tmp_path, "funding/okx/BTCUSDT.csv", HEADER + "1,0.1,8,\n")
    with pytest.raises(ReplayError, match="no perpetual contract of okx"):
        build_market(replay=tmp_path)


def test_unknown_venues_are_left_out_and_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path, "funding/mtgox/BTC.csv", "what is this")
    write(tmp_path, "funding/okx/BTC-USDT-SWAP.csv", HEADER + "1,0.1,8,\n")
    with caplog.at_level(logging.WARNING):
        market = build_market(replay=tmp_path)
    assert "mtgox" in caplog.text
    assert market.instruments("mtgox") == []
    assert len(market.instruments("okx")) == 1


def test_a_folder_without_data(tmp_path: Path) -> None:
    with pytest.raises(ReplayError, match="nothing to replay"):
        build_market(replay=tmp_path)
