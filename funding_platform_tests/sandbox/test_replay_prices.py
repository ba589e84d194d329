"""Bars, spot markets and open interest of a replayed folder come back as its files have them."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from funding_platform.sandbox.errors import ReplayError
from funding_platform.sandbox.server import build_market, running_sandbox
from funding_platform_tests.sandbox.markets.test_replay import HEADER, replayed, write

PRICES = "time_ms,open,high,low,close,volume\n"
HOUR = 3_600_000
FIRST = 1_735_689_600_000  # 2025-01-01
CANDLES = PRICES + "".join(
    f"{FIRST + hour * HOUR},{100 + hour},{103 + hour}.5,{99 + hour},{101 + hour},{volume}\n"
    for hour, volume in enumerate(("1.5", "", "3"))
)
AT_FOUR = datetime(2025, 1, 1, 4, tzinfo=UTC)


def settled(folder: Path, venue: str, symbol: str) -> None:
    write(folder, f"funding/{venue}/{symbol}.csv", HEADER + f"{FIRST},0.0001,8,\n")


@contextmanager
def replayed_at(folder: Path, now: datetime) -> Iterator[httpx.Client]:
    market = build_market(replay=folder, now=now)
    with (
        running_sandbox(market) as sandbox,
        httpx.Client(base_url=sandbox.url, timeout=60) as client,
    ):
        yield client


def test_bars_of_the_files_come_back(tmp_path: Path) -> None:
    settled(tmp_path, "binance", "BTCUSDT")
    write(tmp_path, "prices/binance/BTCUSDT_1h.csv.gz", CANDLES)
    write(tmp_path, "prices/binance/BTCUSDT-mark_1h.csv", CANDLES.replace("103.5", "103.123456789"))
    write(tmp_path, "prices/binance_spot/ETHUSDT_1h.csv", CANDLES)
    path, query = "/binance/fapi/v1", "interval=1h&startTime=0"
    with replayed_at(tmp_path, AT_FOUR) as client:
        rows = client.get(f"{path}/klines?symbol=BTCUSDT&{query}").json()
        assert [row[0] for row in rows] == [FIRST + hour * HOUR for hour in range(3)]
        assert [float(text) for text in rows[0][1:5]] == [100, 103.5, 99, 101]
        assert [(row[5], row[7]) for row in rows] == [("1.500", ""), ("", ""), ("3.000", "")]
        marks = client.get(f"{path}/markPriceKlines?symbol=BTCUSDT&{query}").json()
        assert (len(marks), marks[0][2]) == (3, "103.123456789")
        assert client.get(f"{path}/indexPriceKlines?pair=BTCUSDT&{query}").json() == []
        spot = client.get(f"/binance/api/v3/klines?symbol=ETHUSDT&{query}").json()
        assert len(spot) == 3
        listed = client.get("/binance/api/v3/exchangeInfo").json()["symbols"]
        named = [(row["symbol"], row["baseAsset"], row["quoteAsset"]) for row in listed]
        assert named == [("ETHUSDT", "ETH", "USDT")]
        premium = client.get(f"{path}/premiumIndex?symbol=BTCUSDT").json()
        assert float(premium["markPrice"]) == 103


def test_a_bar_shows_when_it_has_ended(tmp_path: Path) -> None:
    settled(tmp_path, "bybit", "BTCUSDT")
    write(tmp_path, "prices/bybit/BTCUSDT_1h.csv", CANDLES)
    query: dict[str, Any] = {"category": "linear", "symbol": "BTCUSDT", "interval": "60"}
    for minutes, expected in ((59, 0), (60, 1), (179, 2), (180, 3)):
        now = datetime(2025, 1, 1, minutes // 60, minutes % 60, tzinfo=UTC)
        with replayed_at(tmp_path, now) as client:
            found = client.get("/bybit/v5/market/kline", params=query).json()["result"]["list"]
        assert len(found) == expected


def test_closes_alone_are_no_bars(tmp_path: Path) -> None:
    settled(tmp_path, "okx", "BTC-USDT-SWAP")
    write(tmp_path, "prices/okx/BTC-USDT-SWAP_1h.csv", f"time_ms,close\n{FIRST},101\n")
    with replayed_at(tmp_path, AT_FOUR) as client:
        path = "/okx/api/v5/market/history-candles?bar=1H&instId=BTC-USDT-SWAP"
        assert client.get(path).json() == {"code": "0", "data": [], "msg": ""}
        marks = client.get("/okx/api/v5/public/mark-price?instType=SWAP").json()["data"]
    assert float(marks[0]["markPx"]) == 101


EMPTY: list[tuple[str, str, str, dict[str, Any], Any]] = [
    ("aster", "BTCUSDT", "fapi/v3/klines", {"symbol": "BTCUSDT", "interval": "1h"}, []),
    ("lighter", "BTC", "api/v1/candles", {"market_id": 0, "resolution": "1h", "count_back": 0,
     "start_timestamp": 0, "end_timestamp": 10**12}, {"c": None}),
    ("extended", "BTC-USD", "api/v1/info/candles/BTC-USD/trades",
     {"interval": "PT1H", "limit": 9}, {"data": []}),
    ("paradex", "BTC-USD-PERP", "v1/markets/klines", {"symbol": "BTC-USD-PERP", "resolution": 60,
     "start_at": 0, "end_at": 10**13}, {"results": []}),
    ("deribit", "BTC-PERPETUAL", "api/v2/public/get_tradingview_chart_data",
     {"instrument_name": "BTC-PERPETUAL", "resolution": 60, "start_timestamp": 0,
      "end_timestamp": 10**13}, {"status": "no_data"}),
    ("backpack", "BTC_USDC_PERP", "api/v1/klines",
     {"symbol": "BTC_USDC_PERP", "interval": "1h", "startTime": 0}, []),
    ("drift", "BTC-PERP", "market/BTC-PERP/candles/60", {}, {"records": []}),
    ("bybit", "BTCUSDT", "v5/market/open-interest",
     {"category": "linear", "symbol": "BTCUSDT", "intervalTime": "1h"}, {"list": []}),
    ("binance", "BTCUSDT", "futures/data/openInterestHist",
     {"symbol": "BTCUSDT", "period": "1h"}, []),
]  # fmt: skip


@pytest.mark.parametrize(("venue", "symbol", "path", "query", "answer"), EMPTY)
def test_without_files_there_are_no_bars(
    tmp_path: Path, venue: str, symbol: str, path: str, query: dict[str, Any], answer: Any
) -> None:
    settled(tmp_path, venue, symbol)
    with replayed_at(tmp_path, AT_FOUR) as client:
        found = client.get(f"/{venue}/{path}", params=query).json()
    found = found.get("result", found) if isinstance(found, dict) else found
    assert found == answer if isinstance(answer, list) else answer.items() <= found.items()


def test_open_interest_of_the_files_comes_back(tmp_path: Path) -> None:
    settled(tmp_path, "bybit", "BTCUSDT")
    held = "time_ms,open_interest,unit\n" + "".join(
        f"{FIRST + hour * HOUR},{10 + hour}.5,{unit}\n"
        for hour, unit in enumerate(("BTC", "BTC", "USD"))
    )
    write(tmp_path, "open_interest/bybit/BTCUSDT_1h.csv", held)
    query = {"category": "linear", "symbol": "BTCUSDT", "intervalTime": "1h"}
    with replayed_at(tmp_path, AT_FOUR) as client:
        rows = client.get("/bybit/v5/market/open-interest", params=query).json()["result"]["list"]
    known = [(int(r["timestamp"]), r["openInterest"], r["singleOpenInterest"]) for r in rows]
    assert known == [(FIRST + HOUR, "23", "11.5"), (FIRST, "21", "10.5")]


def test_a_unit_that_is_none_of_the_contract(tmp_path: Path) -> None:
    settled(tmp_path, "bybit", "BTCUSDT")
    wrong = f"time_ms,open_interest,unit\n{FIRST},1,ETH\n"
    write(tmp_path, "open_interest/bybit/BTCUSDT_1h.csv", wrong)
    with pytest.raises(ReplayError, match="line 2: 'ETH' is no unit of BTCUSDT"):
        build_market(replay=tmp_path)


@pytest.mark.world
def test_real_bars_come_back_exactly(shared_dir: Path) -> None:
    path = shared_dir / "data" / "prices" / "bybit" / "SOLUSDT_1h.csv"
    expected = [
        (int(r["time_ms"]), *(float(r[c]) for c in ("open", "high", "low", "close", "volume")))
        for r in csv.DictReader(path.read_text().splitlines())
    ][-1_500:]
    found: list[tuple[Any, ...]] = []
    query: dict[str, Any] = {"category": "linear", "symbol": "SOLUSDT", "interval": "60"}
    with replayed(shared_dir / "data") as client:
        while len(found) < 1_500:
            end = found[-1][0] - 1 if found else 10**13
            edges = {"end": end, "limit": min(1_000, 1_500 - len(found))}
            reply = client.get("/bybit/v5/market/kline", params=query | edges).json()
            rows = reply["result"]["list"]
            found += [(int(row[0]), *map(float, row[1:6])) for row in rows]
    assert found[::-1] == expected
