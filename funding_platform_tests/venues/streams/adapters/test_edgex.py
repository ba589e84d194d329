"""edgeX: whole tickers first, then what changed; pongs with the venue's own time; zero quotes."""

import json
from typing import Any

import pytest

from funding_platform.venues.errors import ContractError, RequestError
from funding_platform.venues.streams.contract import NOTHING, Frame, Reader
from funding_platform_tests.venues.streams.chains import STREAMS, listing, only, reader_of

HOUR = 3_600_000
DUE = 1_789_142_400_000
TICKER, QUOTES = "ticker.all.1s", "bookTicker.all.1s"


def ticker(**changes: Any) -> dict[str, Any]:
    return {
        "contractId": "30000001",
        "contractName": "BTCUSDC",
        "value": "700",
        "indexPrice": "101",
        "markPrice": "100",
        "openInterest": "3",
        "fundingRate": "-0.00005",
        "fundingTime": str(DUE - 4 * HOUR),
        "nextFundingTime": str(DUE),
        "bestAskPrice": "100.5",
        "bestBidPrice": "99.5",
        "marketOpen": True,
    } | changes


def event(*rows: dict[str, Any], kind: str = "Snapshot", channel: str = TICKER) -> str:
    content = {"channel": channel, "dataType": kind, "data": rows}
    return json.dumps({"type": "quote-event", "channel": channel, "content": content})


@pytest.fixture
def read() -> Reader:
    return reader_of("edgex", ["BTCUSDC", "ETHUSDC"])


def test_the_rate_of_a_ticker_is_the_forecast_for_its_interval(read: Reader) -> None:
    update = only(read(event(ticker())).updates)
    assert (update.predicted_rate, update.interval_hours) == (-0.00005, 4.0)
    assert (update.next_funding_ms, update.event_ms) == (DUE, None)
    assert (update.open_interest_base, update.open_interest_usd) == (3.0, 300.0)
    assert (update.volume_24h_usd, update.best_bid, update.best_ask) == (700.0, 99.5, 100.5)


def test_the_settled_rate_of_another_channel_is_not_taken(read: Reader) -> None:
    frame = read(event({"fundingRate": "0.01"}, channel="fundingRate.all"))
    assert (frame.updates, len(frame.unread)) == ((), 1)


@pytest.mark.parametrize("kind", ["changed", "Changed", "CHANGED"])
def test_what_a_change_leaves_out_is_as_it_was(read: Reader, kind: str) -> None:
    whole = only(read(event(ticker())).updates)
    change = {"contractId": "30000001", "markPrice": "99"}
    update = only(read(event(change, kind=kind)).updates)
    assert (whole.mark_price, update.mark_price) == (100.0, 99.0)
    assert (update.predicted_rate, update.open_interest_usd) == (-0.00005, 297.0)


def test_a_change_of_what_never_came_whole_costs_itself(read: Reader) -> None:
    frame = read(event({"contractId": "30000009", "markPrice": "99"}, ticker(), kind="changed"))
    assert [row.venue_symbol for row in frame.updates] == ["BTCUSDC"]
    assert "30000009" in str(frame.unread[0])


def test_what_is_remembered_ends_with_the_connection() -> None:
    stream = STREAMS["edgex"]([listing("edgex", "BTCUSDC")])
    socket, _ = stream.sockets()
    stream.reader(socket)(event(ticker()))
    change = event({"contractId": "30000001", "markPrice": "99"}, kind="changed")
    assert stream.reader(socket)(change).updates == []


def test_a_contract_that_is_not_listed_speaks_but_is_not_remembered(read: Reader) -> None:
    new = {"contractId": "30000009", "contractName": "NEWUSDC"}
    update = only(read(event(ticker(**new), kind="changed")).updates)
    assert (update.venue_symbol, update.open_interest_usd) == ("NEWUSDC", None)
    assert read(event({"contractId": "30000009", "markPrice": "9"}, kind="changed")).updates == []


def test_a_market_says_nothing_while_it_is_closed(read: Reader) -> None:
    assert read(event(ticker(marketOpen=False))).updates == []
    change = {"contractId": "30000001", "markPrice": "99"}
    assert read(event(change, kind="changed")).updates == []
    reopened = only(read(event(change | {"marketOpen": True}, kind="changed")).updates)
    assert reopened.predicted_rate == -0.00005


@pytest.mark.parametrize("channel", [TICKER, QUOTES])
def test_a_contract_that_halted_is_left_out_and_one_that_is_new_is_not(channel: str) -> None:
    stream = STREAMS["edgex"]([listing("edgex", "BTCUSDC", status="restricted")])
    socket, _ = stream.sockets()
    new = ticker(contractId="30000009", contractName="NEWUSDC")
    frame = stream.reader(socket)(event(ticker(), new, channel=channel))
    assert [row.venue_symbol for row in frame.updates] == ["NEWUSDC"]


@pytest.mark.parametrize("price", ["0", "", None])
def test_a_quote_of_zero_is_none(read: Reader, price: str | None) -> None:
    row = {"contractId": "30000001", "contractName": "BTCUSDC", "time": str(DUE)}
    quotes = {"bestBidPrice": price, "bestAskPrice": "100.5"}
    update = only(read(event(row | quotes, kind="changed", channel=QUOTES)).updates)
    assert (update.best_bid, update.best_ask, update.event_ms) == (None, 100.5, DUE)


def test_a_dead_contract_has_no_quotes(read: Reader) -> None:
    row = {name: value for name, value in ticker().items() if not name.startswith("best")}
    assert only(read(event(row)).updates).best_bid is None


def test_one_bad_row_costs_itself_and_most_of_them_the_frame(read: Reader) -> None:
    good = [ticker(contractId=str(n), contractName=f"S{n}USDC") for n in range(3)]
    bad = ticker(fundingRate=None)
    frame = read(event(*good, bad))
    assert [row.venue_symbol for row in frame.updates] == ["S0USDC", "S1USDC", "S2USDC"]
    assert "BTCUSDC" in str(frame.unread[0])
    with pytest.raises(ContractError) as raised:
        read(event(good[0], bad, bad))
    assert (raised.value.endpoint, raised.value.path) == (TICKER, "$.content.data[1].fundingRate")
    assert raised.value.payload


def test_a_ping_is_answered_with_its_own_time(read: Reader) -> None:
    assert read('{"type":"ping","time":"1789136310001"}') == Frame(
        answer='{"type":"pong","time":"1789136310001"}'
    )


def test_greetings_say_nothing(read: Reader) -> None:
    said = {"type": "subscribed", "channel": TICKER, "request": "{}"}
    assert read(json.dumps(said)) == NOTHING
    assert read('{"sid":"a","type":"connected"}') == NOTHING


def test_what_is_declined_is_refused(read: Reader) -> None:
    content = {"code": "GATEWAY_INVALID_CONTRACT_ID", "msg": "invalid contractId : 99999999"}
    asked = '{"type":"subscribe","channel":"ticker.99999999"}'
    frame = read(json.dumps({"type": "error", "request": asked, "content": content}))
    assert isinstance(frame.refused, RequestError)
    assert "99999999" in str(frame.refused)


def test_each_channel_has_a_socket_of_its_own() -> None:
    sockets = STREAMS["edgex"]([listing("edgex", "X", status="restricted")]).sockets()
    sent = [[json.loads(message)["channel"] for message in one.messages] for one in sockets]
    assert sent == [[TICKER], [QUOTES]]
    assert [one.symbols for one in sockets] == [(), ()]
