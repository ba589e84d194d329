"""What the sandbox refuses, in the words of each venue."""

from typing import Any

import httpx
import pytest

from funding_platform_tests.sandbox.paths import BINANCE, BYBIT, OKX, Query


def test_bybit_refuses_a_start_alone(client: httpx.Client) -> None:
    query: Query = {"category": "linear", "symbol": "BTCUSDT", "startTime": 1}
    reply = client.get(BYBIT, params=query)
    assert (reply.status_code, reply.json()["retCode"]) == (200, 10001)
    assert reply.json()["result"] == {}


@pytest.mark.parametrize("limit", ["0", "201", "many"])
def test_bybit_refuses_a_limit_out_of_range(client: httpx.Client, limit: str) -> None:
    query = {"category": "linear", "symbol": "BTCUSDT", "limit": limit}
    assert client.get(BYBIT, params=query).json()["retCode"] == 10001


def test_extended_refuses_clients_without_a_name(client: httpx.Client) -> None:
    reply = client.get("/extended/api/v1/info/markets", headers={"User-Agent": ""})
    assert (reply.status_code, reply.headers["content-type"][:10]) == (403, "text/plain")


def test_edgex_knows_no_such_contract(client: httpx.Client) -> None:
    for path in ("funding/getFundingRatePage", "funding/getLatestFundingRate", "quote/getTicker"):
        reply = client.get(f"/edgex/api/v2/public/{path}?contractId=10000001").json()
        assert (reply["code"], reply["data"]) == ("SUCCESS", [])


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        ("/lighter/api/v1/orderBookDetails?market_id=999", 400, {"code": 20001}),
        ("/lighter/api/v1/fundings?market_id=0", 400, {"code": 20001}),
        ("/extended/api/v1/info/NOPE-USD/funding", 404, {"status": "ERROR"}),
        ("/extended/api/v1/info/BTC-USD/funding", 400, {"status": "ERROR"}),
        ("/backpack/api/v1/fundingRates?symbol=NOPE", 400, {"code": "INVALID_SYMBOL"}),
        ("/backpack/api/v1/fundingRates", 400, {"code": "INVALID_CLIENT_REQUEST"}),
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
        ("/binance/fapi/v1/klines?symbol=NOPE&interval=1h", 400, {"code": -1121}),
        ("/binance/fapi/v1/klines?symbol=BTCUSDT&interval=7h", 400, {"code": -1102}),
        ("/binance/fapi/v1/indexPriceKlines?symbol=BTCUSDT&interval=1h", 400, {"code": -1102}),
        ("/binance/api/v3/klines?symbol=1000PEPEUSDT&interval=1h", 400, {"code": -1121}),
        ("/binance/futures/data/openInterestHist?symbol=BTCUSDT", 400, {"code": -1102}),
        ("/bybit/v5/market/kline?category=linear&symbol=BTCUSD&interval=60", 200,
         {"retCode": 10001}),
        ("/bybit/v5/market/kline?category=linear&symbol=BTCUSDT&interval=1h", 200,
         {"retCode": 10001}),
        ("/bybit/v5/market/kline?category=linear&symbol=BTCUSDT&interval=60&limit=1001", 200,
         {"retCode": 10001}),
        ("/okx/api/v5/market/history-candles?bar=1H", 200, {"code": "50014"}),
        ("/okx/api/v5/market/history-candles?bar=1h&instId=BTC-USDT-SWAP", 200, {"code": "51000"}),
        ("/okx/api/v5/market/candles?bar=1H&instId=NOPE-USDT", 200, {"code": "51001"}),
        ("/lighter/api/v1/candles?market_id=0&resolution=1h", 400, {"code": 20001}),
        ("/lighter/api/v1/candles?market_id=999&resolution=1h&count_back=1", 400, {"code": 20001}),
        ("/extended/api/v1/info/candles/BTC-USD/trades?interval=PT1H", 400, {"status": "ERROR"}),
        ("/extended/api/v1/info/candles/NOPE-USD/trades?interval=PT1H", 404, {"status": "ERROR"}),
        ("/paradex/v1/markets/klines?symbol=BTC-USD-PERP&resolution=60&start_at=1", 400,
         {"error": "INVALID_REQUEST_PARAMETER"}),
        ("/paradex/v1/markets/klines?symbol=NOPE", 404, {"error": "NOT_FOUND"}),
        ("/edgex/api/v2/public/quote/getKline?contractId=1&klineType=HOUR_1", 200,
         {"code": "INVALID_ARGUMENT"}),
        ("/backpack/api/v1/klines?symbol=BTC_USDC_PERP&interval=1h", 400,
         {"code": "INVALID_CLIENT_REQUEST"}),
        ("/backpack/api/v1/klines?symbol=NOPE&interval=1h", 400, {"code": "INVALID_SYMBOL"}),
        ("/drift/market/NOPE-PERP/candles/60", 404, {"message": "Not Found"}),
    ],
)  # fmt: skip
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
    ("method", "body", "code"),
    [
        ("funding", {"instrument": "NOPE_USDT_Perp"}, 1004),
        ("ticker", {}, 1003),
        ("funding", {"instrument": "BTC_USDT_Perp", "cursor": "?"}, 1003),
        ("nothing", {}, 1004),
        ("kline", {"instrument": "NOPE_USDT_Perp", "type": "MARK"}, 1004),
        ("kline", {"instrument": "BTC_USDT_Perp", "type": "MARK", "interval": "CI_1_D"}, 1003),
        ("kline", {"instrument": "BTC_USDT_Perp", "type": "MID", "interval": "CI_1_H"}, 1003),
    ],
)
def test_grvt_answers_with_a_code(
    client: httpx.Client, method: str, body: dict[str, Any], code: int
) -> None:
    reply = client.post(f"/grvt/full/v1/{method}", json=body)
    assert reply.json()["code"] == code
    assert reply.status_code == reply.json()["status"]


@pytest.mark.parametrize("coin", ["NOPE", "@99"])
def test_hyperliquid_has_no_candles_of_such_a_coin(client: httpx.Client, coin: str) -> None:
    wanted = {"coin": coin, "interval": "1h", "startTime": 0}
    reply = client.post("/hyperliquid/info", json={"type": "candleSnapshot", "req": wanted})
    assert (reply.status_code, reply.text) == (500, "null")


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"no JSON",
        b'{"type":"unheardOf"}',
        b'{"type":"fundingHistory","coin":"BTC"}',
        b'{"type":"candleSnapshot","coin":"BTC","interval":"1h","startTime":0}',
        b'{"type":"candleSnapshot","req":{"coin":"BTC","interval":"1h"}}',
    ],
)
def test_hyperliquid_cannot_read_it(client: httpx.Client, body: bytes) -> None:
    assert client.post("/hyperliquid/info", content=body).status_code == 422


def test_an_unknown_venue_names_the_known_ones(client: httpx.Client) -> None:
    reply = client.get("/nowhere/api")
    assert reply.status_code == 404
    assert "binance" in reply.json()["venues"]
