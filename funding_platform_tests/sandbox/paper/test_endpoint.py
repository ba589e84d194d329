"""The endpoint as it is on the wire: the words, the tokens, the faults."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import httpx
import pytest

from funding_platform.core.symbols import canonical_base, is_dollar
from funding_platform.core.trading import Side
from funding_platform.sandbox.faults import Connection, Latency, Order, Status
from funding_platform.sandbox.markets.market import Market
from funding_platform.sandbox.paper.market import SandboxPaperMarket
from funding_platform.sandbox.server import RunningSandbox
from funding_platform.sandbox.wire.registry import WIRES
from funding_platform_tests.sandbox.conftest import NOW

VENUE = "binance"
ORDER = {
    "client_id": "mine-1",
    "venue_symbol": "BTCUSDT",
    "side": "buy",
    "quantity": "0.5",
    "kind": "market",
    "time_in_force": "ioc",
}


@pytest.fixture
def trader(sandbox: RunningSandbox) -> Iterator[httpx.Client]:
    token = sandbox.open_account(deposit_usd=1_000_000)
    headers = {"Authorization": f"Bearer {token}"}
    url = sandbox.paper_url_of(VENUE)
    with httpx.Client(base_url=url, headers=headers, timeout=60) as client:
        yield client


def get(client: httpx.Client, path: str, **params: str) -> Any:
    return client.get(path, params=params).raise_for_status().json()


def test_the_words_of_an_order(trader: httpx.Client) -> None:
    ask = get(trader, "/book", symbol="BTCUSDT", depth="1")["asks"][0]
    report = trader.post("/orders", json=ORDER).raise_for_status().json()
    assert report == {
        "client_id": "mine-1",
        "venue_symbol": "BTCUSDT",
        "state": "filled",
        "side": "buy",
        "quantity": "0.5",
        "filled": report["filled"],
        "average_price": report["average_price"],
        "venue_order_id": "1",
        "reduce_only": False,
        "reason": None,
        "message": "",
        "updated_at": "2026-03-01T12:34:56.789000Z",
    }
    assert Decimal(report["filled"]) == Decimal("0.5")
    assert Decimal(report["average_price"]) >= Decimal(ask["price"])
    assert get(trader, "/order", symbol="BTCUSDT", client_id="mine-1") == report
    fill = get(trader, "/fills", since=NOW.isoformat())[0]
    assert (fill["fill_id"], fill["client_id"], fill["maker"]) == ("f1", "mine-1", False)
    holding = get(trader, "/holdings")["BTCUSDT"]
    assert Decimal(holding["quantity"]) == Decimal("0.5")
    assert set(get(trader, "/balance")) == {
        "cash_usd",
        "equity_usd",
        "free_usd",
        "maintenance_usd",
    }
    assert get(trader, "/clock") == {"now": "2026-03-01T12:34:56.789000Z"}
    assert get(trader, "/funding_payments", since=NOW.isoformat()) == []
    assert get(trader, "/open_orders") == []


def test_an_inverse_contract_is_ordered_in_dollars(sandbox: RunningSandbox) -> None:
    token = sandbox.open_account(deposit_usd=1_000_000, coin_collateral="0.2")
    headers = {"Authorization": f"Bearer {token}"}
    order = ORDER | {"venue_symbol": "BTC-USD-SWAP", "quantity": "1000"}
    with httpx.Client(base_url=sandbox.paper_url_of("okx"), headers=headers, timeout=60) as client:
        report = client.post("/orders", json=order).raise_for_status().json()
        assert (report["state"], Decimal(report["filled"])) == ("filled", Decimal(1_000))
        (fill,) = get(client, "/fills", since=NOW.isoformat())
        assert Decimal(fill["fee_usd"]) == Decimal("0.5")
        holding = get(client, "/holdings")["BTC-USD-SWAP"]
        entry, ends = Decimal(holding["entry_price"]), Decimal(holding["liquidation_price"])
        assert holding["contract_type"] == "inverse"
        assert Decimal(holding["margin_usd"]) == 200
        # A long at 5x and 3 %: e (1 + m) L / (L + 1).
        assert float(ends) == pytest.approx(float(entry) * 1.03 * 5 / 6)


def test_a_declined_order_is_a_report_that_says_why(trader: httpx.Client) -> None:
    report = trader.post("/orders", json=ORDER | {"quantity": "0.50001"}).json()
    assert (report["state"], report["reason"]) == ("rejected", "off_step")
    assert get(trader, "/order", symbol="BTCUSDT", client_id="mine-1") is None


@pytest.mark.parametrize(
    ("method", "path", "sent", "status", "code"),
    [
        ("GET", "/book", {"symbol": "NOPE"}, 404, "unknown_symbol"),
        ("GET", "/book", {}, 400, "bad_parameter"),
        ("GET", "/book", {"symbol": "BTCUSDT", "depth": "deep"}, 400, "bad_parameter"),
        ("GET", "/fills", {"since": "yesterday"}, 400, "bad_parameter"),
        ("GET", "/fills", {"since": "2026-03-01T12:00:00"}, 400, "bad_parameter"),
        ("POST", "/orders", {"side": "buy"}, 400, "bad_parameter"),
        ("POST", "/orders", ORDER | {"quantity": "many"}, 400, "bad_parameter"),
        ("GET", "/nothing", {}, 404, "no_such_call"),
    ],
)
def test_calls_that_cannot_be_answered(
    trader: httpx.Client, method: str, path: str, sent: dict[str, str], status: int, code: str
) -> None:
    how: dict[str, Any] = {"params": sent} if method == "GET" else {"json": sent}
    answer = trader.request(method, path, **how)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize("price", [None, "0", "-1", "NaN", "Infinity", "1e-30", "1e40"])
@pytest.mark.parametrize("quantity", ["NaN", "-Infinity", "Infinity", "1e40", "-1", 1e300, "0"])
def test_numbers_that_are_none_are_declined(
    trader: httpx.Client, quantity: Any, price: Any
) -> None:
    order = ORDER | {"kind": "limit" if price else "market", "limit_price": price}
    answer = trader.post("/orders", json=order | {"quantity": quantity})
    assert answer.status_code in {200, 400}, answer.text
    if answer.status_code == 200:
        assert answer.json()["state"] == "rejected"
    assert get(trader, "/holdings") == {}


def test_an_account_is_behind_its_token(trader: httpx.Client, sandbox: RunningSandbox) -> None:
    trader.post("/orders", json=ORDER)
    for headers in ({}, {"Authorization": "Bearer guessed-token"}):
        answer = httpx.get(f"{sandbox.paper_url_of(VENUE)}/balance", headers=headers, timeout=60)
        assert (answer.status_code, answer.json()["code"]) == (401, "no_such_token")
    own = sandbox.open_account(token="chosen-by-me", deposit_usd=5)
    assert own == "chosen-by-me" == sandbox.open_account(token="chosen-by-me", deposit_usd=99)
    headers = {"Authorization": f"Bearer {own}"}
    url = sandbox.paper_url_of(VENUE)
    balance = httpx.get(f"{url}/balance", headers=headers, timeout=60).json()
    assert Decimal(balance["cash_usd"]) == 5
    assert httpx.get(f"{url}/holdings", headers=headers, timeout=60).json() == {}


def test_an_account_has_a_part_on_every_venue(sandbox: RunningSandbox) -> None:
    token = sandbox.open_account(token="on-all-venues")
    headers = {"Authorization": f"Bearer {token}"}
    for venue in WIRES:
        url = f"{sandbox.paper_url_of(venue)}/balance"
        answer = httpx.get(url, headers=headers, timeout=60).raise_for_status()
        assert Decimal(answer.json()["cash_usd"]) == 100_000
    assert httpx.get(f"{sandbox.paper_url_of('nowhere')}/balance", timeout=60).status_code == 404


@pytest.mark.parametrize("document", ['{"deposit_usd": "much"}', "{", '{"tokn": "a"}'])
def test_a_bad_opening_says_what_is_wrong(sandbox: RunningSandbox, document: str) -> None:
    url = f"{sandbox.url}/_control/paper/accounts"
    answer = httpx.post(url, content=document, timeout=60)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_document")


def test_faults_before_the_effect(trader: httpx.Client, sandbox: RunningSandbox) -> None:
    sandbox.inject(
        Status(status=503, path="/paper/orders", count=1),
        Connection(action="reset", path="/paper/orders", venue=VENUE, count=1),
    )
    assert trader.post("/orders", json=ORDER).status_code == 503
    sandbox.clear()
    sandbox.inject(Connection(action="reset", path="/paper/orders", venue=VENUE, count=1))
    with pytest.raises(httpx.NetworkError):
        trader.post("/orders", json=ORDER)
    assert get(trader, "/order", symbol="BTCUSDT", client_id="mine-1") is None


@pytest.mark.parametrize("action", ["cut", "unavailable"])
def test_an_answer_that_is_lost_after_the_effect(
    trader: httpx.Client, sandbox: RunningSandbox, action: Any
) -> None:
    sandbox.inject(Order(action=action, venue=VENUE, count=1))
    if action == "cut":
        with pytest.raises(httpx.NetworkError):
            trader.post("/orders", json=ORDER)
    else:
        assert trader.post("/orders", json=ORDER).status_code == 503
    assert get(trader, "/order", symbol="BTCUSDT", client_id="mine-1")["state"] == "filled"


def test_faults_of_orders_meet_orders_alone(trader: httpx.Client, sandbox: RunningSandbox) -> None:
    sandbox.inject(Order(action="reject", reason="position_limit", count=1), Latency(seconds=0))
    assert get(trader, "/holdings") == {}
    report = trader.post("/orders", json=ORDER).json()
    assert (report["state"], report["reason"]) == ("rejected", "position_limit")
    counted = sandbox.stats()[VENUE]
    assert counted["/paper/orders"]["faults"] >= 2


def test_a_position_that_the_venue_takes(trader: httpx.Client, sandbox: RunningSandbox) -> None:
    token = trader.headers["Authorization"].removeprefix("Bearer ")
    trader.post("/orders", json=ORDER)
    where = {"token": token, "venue": VENUE, "symbol": "BTCUSDT"}
    sandbox.take_position(**where, quantity="0.2")
    assert Decimal(get(trader, "/holdings")["BTCUSDT"]["quantity"]) == Decimal("0.3")
    sandbox.take_position(**where)
    assert get(trader, "/holdings") == {}
    with pytest.raises(httpx.HTTPStatusError):
        sandbox.take_position(token="nobody-has-it", venue=VENUE, symbol="BTCUSDT")


@pytest.mark.sampled(3)
@pytest.mark.parametrize("venue", sorted(set(WIRES) - {"coingecko"}))
def test_every_venue_is_traded_in_canonical_units(market: Market, venue: str) -> None:
    paper = SandboxPaperMarket(market, venue)
    traded = 0
    for symbol, quote in market.quotes(venue).items():
        contract, limits = quote.instrument.contract, paper.limits(symbol)
        assert (limits is not None) == is_dollar(contract.quote)
        if limits is None:
            continue
        traded += 1
        assert limits.contract_type == contract.contract_type
        multiplier = canonical_base(contract.base).multiplier
        book, mark = paper.book(symbol, NOW), paper.mark(symbol, NOW)
        assert book is not None
        assert book.ask is not None
        assert quote.ask is not None
        assert quote.mark is not None
        assert float(book.ask.price) == pytest.approx(quote.ask / multiplier)
        assert float(mark or 0) == pytest.approx(quote.mark / multiplier)
        assert book.ask.quantity % limits.quantity_step == 0
        assert limits.round_price(book.ask.price, Side.BUY) == book.ask.price
    assert traded > 0
