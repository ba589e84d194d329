"""Each venue's paging rule at its edges, over the wire, against the market behind it."""

from itertools import chain
from typing import Any

import httpx
import pytest

from funding_platform.sandbox.market import Market

BINANCE = "/binance/fapi/v1/fundingRate"
BYBIT = "/bybit/v5/market/funding/history"
OKX = "/okx/api/v5/public/funding-rate-history"


def times(market: Market, venue: str, symbol: str) -> list[int]:
    return market.settlements(venue, symbol).times_ms.tolist()


def binance(client: httpx.Client, **params: Any) -> list[int]:
    reply = client.get(BINANCE, params={"symbol": "BTCUSDT", **params})
    return [row["fundingTime"] for row in reply.json()]


def bybit(client: httpx.Client, **params: Any) -> list[int]:
    query = {"category": "linear", "symbol": "BTCUSDT", **params}
    rows = client.get(BYBIT, params=query).json()["result"]["list"]
    return [int(row["fundingRateTimestamp"]) for row in rows]


def okx(client: httpx.Client, **params: Any) -> list[int]:
    rows = client.get(OKX, params={"instId": "BTC-USDT-SWAP", **params}).json()["data"]
    return [int(row["fundingTime"]) for row in rows]


def hyperliquid(client: httpx.Client, **params: Any) -> list[int]:
    body = {"type": "fundingHistory", "coin": "BTC", **params}
    return [row["time"] for row in client.post("/hyperliquid/info", json=body).json()]


def test_binance_window_is_inclusive_and_ascends(client: httpx.Client, market: Market) -> None:
    known = times(market, "binance", "BTCUSDT")
    assert binance(client, startTime=known[5], endTime=known[9]) == known[5:10]
    assert binance(client, startTime=known[5] + 1, endTime=known[9] - 1) == known[6:9]
    assert binance(client, startTime=known[9], endTime=known[5]) == []


def test_binance_cuts_a_wide_window_at_its_end(client: httpx.Client, market: Market) -> None:
    known = times(market, "binance", "BTCUSDT")
    assert binance(client, startTime=0) == known[:100]
    assert binance(client, startTime=0, limit=1_000) == known[:1_000]
    assert binance(client, startTime=0, limit=5_000) == known[:1_000]
    assert binance(client, startTime=known[99] + 1, limit=3) == known[100:103]


def test_binance_without_bounds_gives_the_latest(client: httpx.Client, market: Market) -> None:
    known = times(market, "binance", "BTCUSDT")
    assert binance(client) == known[-200:]
    assert binance(client, limit=3) == known[-3:]
    assert binance(client, endTime=known[-2], limit=3) == known[-4:-1]


def test_bybit_comes_newest_first_and_inclusive(client: httpx.Client, market: Market) -> None:
    known = times(market, "bybit", "BTCUSDT")
    assert bybit(client) == known[:-201:-1]
    assert bybit(client, startTime=known[5], endTime=known[9]) == known[9:4:-1]
    assert bybit(client, startTime=known[5] + 1, endTime=known[9] - 1) == known[8:5:-1]
    assert bybit(client, endTime=known[300]) == known[300:100:-1]
    assert bybit(client, startTime=0, endTime=known[300], limit=2) == [known[300], known[299]]


def test_bybit_refuses_a_start_alone(client: httpx.Client) -> None:
    query = {"category": "linear", "symbol": "BTCUSDT", "startTime": 1}
    reply = client.get(BYBIT, params=query)
    assert (reply.status_code, reply.json()["retCode"]) == (200, 10001)
    assert reply.json()["result"] == {}


@pytest.mark.parametrize("limit", ["0", "201", "many"])
def test_bybit_refuses_a_limit_out_of_range(client: httpx.Client, limit: str) -> None:
    query = {"category": "linear", "symbol": "BTCUSDT", "limit": limit}
    assert client.get(BYBIT, params=query).json()["retCode"] == 10001


def test_bybit_categories_keep_their_contracts(client: httpx.Client) -> None:
    for category, symbol, code in (
        ("inverse", "BTCUSD", 0),
        ("linear", "BTCUSD", 10001),
        ("inverse", "BTCUSDT", 10001),
        ("spot", "BTCUSDT", 10001),
    ):
        reply = client.get(BYBIT, params={"category": category, "symbol": symbol})
        assert reply.json()["retCode"] == code, (category, symbol)


def test_bybit_instruments_page_by_cursor(client: httpx.Client) -> None:
    path = "/bybit/v5/market/instruments-info"
    query = {"category": "linear", "limit": "25"}
    whole = client.get(path, params=query | {"limit": "1000"}).json()["result"]
    pages, cursor = [], ""
    while True:
        result = client.get(path, params=query | {"cursor": cursor}).json()["result"]
        pages.append([row["symbol"] for row in result["list"]])
        cursor = result["nextPageCursor"]
        if not cursor:
            break
    assert [len(page) for page in pages[:-1]] == [25] * (len(pages) - 1)
    assert list(chain(*pages)) == [row["symbol"] for row in whole["list"]]
    assert whole["nextPageCursor"] == ""


def test_okx_bounds_are_exclusive_and_after_means_older(
    client: httpx.Client, market: Market
) -> None:
    known = times(market, "okx", "BTC-USDT-SWAP")
    assert okx(client) == known[:-101:-1]
    assert okx(client, limit=400) == known[:-101:-1]
    assert okx(client, after=known[-5], limit=2) == [known[-6], known[-7]]
    assert okx(client, after=known[-5] + 1, limit=1) == [known[-5]]
    assert okx(client, before=known[-3]) == [known[-1], known[-2]]
    assert okx(client, after=known[9], before=known[5]) == known[8:5:-1]
    assert okx(client, after=known[0]) == []


def test_hyperliquid_ascends_from_an_inclusive_start(client: httpx.Client, market: Market) -> None:
    known = times(market, "hyperliquid", "BTC")
    assert hyperliquid(client, startTime=0) == known[:500]
    assert hyperliquid(client, startTime=known[499] + 1) == known[500:1_000]
    assert hyperliquid(client, startTime=known[7], endTime=known[9]) == known[7:10]
    assert hyperliquid(client, startTime=known[-1]) == known[-1:]
    assert hyperliquid(client, startTime=known[-1] + 1) == []


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        (f"{BINANCE}?symbol=NOPE", 400, {"code": -1121, "msg": "Invalid symbol."}),
        ("/binance/fapi/v1/openInterest?symbol=NOPE", 400, {"code": -1121}),
        ("/binance/fapi/v1/openInterest", 400, {"code": -1102}),
        (f"{BINANCE}?symbol=BTCUSDT&startTime=soon", 400, {"code": -1102}),
        (f"{BYBIT}?category=linear&symbol=NOPE", 200, {"retCode": 10001}),
        (f"{BYBIT}?symbol=BTCUSDT", 200, {"retCode": 10001}),
        (f"{OKX}?instId=NOPE-USDT-SWAP", 200, {"code": "51001", "data": []}),
        ("/okx/api/v5/public/funding-rate?instId=NOPE-USDT-SWAP", 200, {"code": "51001"}),
        ("/okx/api/v5/public/instruments", 200, {"code": "50014", "data": []}),
        ("/okx/api/v5/nowhere", 404, {"code": "404"}),
    ],
)
def test_errors_in_the_venues_words(
    client: httpx.Client, path: str, status: int, body: dict[str, Any]
) -> None:
    reply = client.get(path)
    assert reply.status_code == status
    assert body.items() <= reply.json().items()


def test_hyperliquid_knows_no_such_coin(client: httpx.Client) -> None:
    body = {"type": "fundingHistory", "coin": "NOPE", "startTime": 0}
    reply = client.post("/hyperliquid/info", json=body)
    assert (reply.status_code, reply.text) == (500, "null")


@pytest.mark.parametrize(
    "body", [b"{}", b"no JSON", b'{"type":"unheardOf"}', b'{"type":"fundingHistory","coin":"BTC"}']
)
def test_hyperliquid_cannot_read_it(client: httpx.Client, body: bytes) -> None:
    assert client.post("/hyperliquid/info", content=body).status_code == 422


def test_an_unknown_venue_names_the_known_ones(client: httpx.Client) -> None:
    reply = client.get("/nowhere/api")
    assert reply.status_code == 404
    assert "binance" in reply.json()["venues"]
