"""Documented limits, counted by a clock that the test moves, and their headers over the wire."""

import httpx
import pytest

from funding_platform.sandbox.limits import Limiter
from funding_platform.sandbox.markets.market import Market
from funding_platform.sandbox.server import running_sandbox
from funding_platform.sandbox.wire.registry import WIRES


class Clock:
    def __init__(self) -> None:
        self.seconds = 1_000_000_020.0

    def __call__(self) -> float:
        return self.seconds


def test_binance_refuses_then_bans() -> None:
    clock, limits = Clock(), WIRES["binance"].limits
    limiter = Limiter(clock)
    passed = [limiter.admit("binance", "me", limits, {"1M": 40}) for _ in range(60)]
    assert {verdict.status for verdict in passed} == {None}
    assert passed[-1].headers == {"X-MBX-USED-WEIGHT-1M": "2400"}
    refused = [limiter.admit("binance", "me", limits, {"1M": 1}) for _ in range(6)]
    assert [verdict.status for verdict in refused] == [429] * 5 + [418]
    assert refused[0].headers == {"Retry-After": "60"}
    assert refused[-1].headers == {"Retry-After": "120"}
    clock.seconds += 61
    assert limiter.admit("binance", "me", limits, {"1M": 1}).headers == {"Retry-After": "59"}
    assert limiter.admit("binance", "other", limits, {"1M": 1}).status is None
    clock.seconds += 60
    assert limiter.admit("binance", "me", limits, {"1M": 1}).status is None


def test_binance_funding_calls_share_a_bucket_of_their_own() -> None:
    clock, limits = Clock(), WIRES["binance"].limits
    limiter = Limiter(clock)
    for _ in range(500):
        assert limiter.admit("binance", "me", limits, {"funding": 1}).status is None
    assert limiter.admit("binance", "me", limits, {"funding": 1}).status == 429
    assert limiter.admit("binance", "me", limits, {"1M": 1}).status is None


def test_bybit_bans_at_once_for_ten_minutes() -> None:
    clock, limits = Clock(), WIRES["bybit"].limits
    limiter = Limiter(clock)
    first = limiter.admit("bybit", "me", limits, {"ip": 1})
    assert first.headers["X-Bapi-Limit"] == "600"
    assert first.headers["X-Bapi-Limit-Status"] == "599"
    assert first.headers["X-Bapi-Limit-Reset-Timestamp"] == "1000000025000"
    for _ in range(599):
        limiter.admit("bybit", "me", limits, {"ip": 1})
    assert limiter.admit("bybit", "me", limits, {"ip": 1}).status == 403
    clock.seconds += 599
    assert limiter.admit("bybit", "me", limits, {"ip": 1}).status == 403
    clock.seconds += 2
    assert limiter.admit("bybit", "me", limits, {"ip": 1}).status is None


def test_a_window_ends() -> None:
    clock, limits = Clock(), WIRES["okx"].limits
    limiter = Limiter(clock)
    cost = {"/api/v5/public/mark-price": 1}
    verdicts = [limiter.admit("okx", "me", limits, cost).status for _ in range(11)]
    assert verdicts == [None] * 10 + [429]
    clock.seconds += 2
    assert limiter.admit("okx", "me", limits, cost).status is None


def test_hyperliquid_charges_rows(market: Market) -> None:
    """A full page weighs 20 + 500 / 20 = 45, so 1200 are spent after 27 pages at the latest."""
    body = {"type": "fundingHistory", "coin": "BTC", "startTime": 0}
    with running_sandbox(market, enforce_limits=True) as strict, httpx.Client(timeout=60) as client:
        url = f"{strict.url_of('hyperliquid')}/info"
        statuses = [client.post(url, json=body).status_code for _ in range(60)]
        stats = strict.stats()["hyperliquid"]["/info#fundingHistory"]
    # A minute may turn over while the test runs, and then twice as many pass.
    passed = statuses.count(200)
    assert passed in range(26, 55)
    assert statuses.count(429) == 60 - passed == stats["refused"]


@pytest.mark.parametrize(
    ("path", "weight"),
    [
        ("fapi/v1/premiumIndex", 10),
        ("fapi/v1/premiumIndex?symbol=BTCUSDT", 1),
        ("fapi/v1/ticker/24hr", 40),
        ("fapi/v1/klines?symbol=BTCUSDT&interval=1h", 5),
        ("fapi/v1/klines?symbol=BTCUSDT&interval=1h&limit=99", 1),
        ("fapi/v1/markPriceKlines?symbol=BTCUSDT&interval=1h&limit=100", 2),
        ("fapi/v1/markPriceKlines?symbol=BTCUSDT&interval=1h&limit=499", 2),
        ("fapi/v1/indexPriceKlines?pair=BTCUSDT&interval=1h&limit=1000", 5),
        ("fapi/v1/indexPriceKlines?pair=BTCUSDT&interval=1h&limit=1001", 10),
        ("api/v3/klines?symbol=BTCUSDT&interval=1h", 2),
        ("api/v3/exchangeInfo", 20),
    ],
)
def test_weight_headers(market: Market, path: str, weight: int) -> None:
    with running_sandbox(market, enforce_limits=True) as strict:
        reply = httpx.get(f"{strict.url_of('binance')}/{path}", timeout=60)
        assert reply.headers["X-MBX-USED-WEIGHT-1M"] == str(weight)


def test_hyperliquid_charges_candles_by_sixty(market: Market) -> None:
    """5,000 candles weigh 20 + 83, so 1200 are spent after 12 answers at the latest."""
    wanted = {"coin": "BTC", "interval": "1h", "startTime": 0}
    body = {"type": "candleSnapshot", "req": wanted}
    with running_sandbox(market, enforce_limits=True) as strict, httpx.Client(timeout=60) as client:
        url = f"{strict.url_of('hyperliquid')}/info"
        statuses = [client.post(url, json=body).status_code for _ in range(26)]
    # A minute may turn over while the test runs, and then twice as many pass.
    assert statuses.count(200) in range(12, 25)


def test_okx_counts_each_call_on_its_own() -> None:
    limiter, limits = Limiter(Clock()), WIRES["okx"].limits
    for path, count in (("candles", 40), ("history-candles", 20)):
        cost = {f"/api/v5/market/{path}": 1}
        statuses = [limiter.admit("okx", "me", limits, cost).status for _ in range(count + 1)]
        assert statuses == [None] * count + [429]


def test_lighter_counts_requests_by_the_minute(market: Market) -> None:
    with running_sandbox(market, enforce_limits=True) as strict, httpx.Client(timeout=60) as client:
        url = f"{strict.url_of('lighter')}/api/v1/orderBooks"
        replies = [client.get(url) for _ in range(130)]
    refused = [reply.json() for reply in replies if reply.status_code == 429]
    # A minute may turn over while the test runs, and then twice as many pass.
    assert len(refused) >= 10
    assert refused[0] == {"code": 23000, "message": "Too Many Requests!"}


def test_backpack_has_a_budget_of_its_own_for_history() -> None:
    limits = WIRES["backpack"].limits
    limiter = Limiter(Clock())
    statuses = [limiter.admit("backpack", "me", limits, {"history": 1}).status for _ in range(31)]
    assert statuses == [None] * 30 + [429]
    assert limiter.admit("backpack", "me", limits, {"requests": 1}).status is None


def test_limits_are_off_by_default(client: httpx.Client) -> None:
    path = "/okx/api/v5/public/mark-price?instType=SWAP"
    assert {client.get(path).status_code for _ in range(30)} == {200}
