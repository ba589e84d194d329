"""Hyperliquid: a list without names, and a socket that one bad coin closes."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec import UNSET

from funding_platform.core.time_grid import to_ms
from funding_platform.venues.adapters.hyperliquid.stream import HyperliquidStream
from funding_platform.venues.errors import ContractError, RequestError, UnknownSymbolError
from funding_platform_tests.venues.adapters.recorded_cases import FIXTURES
from funding_platform_tests.venues.streams.exchanges import listing, reader_of, stream_of

NOW = datetime(2026, 9, 13, 22, 30, tzinfo=UTC)
DUE = to_ms(datetime(2026, 9, 13, 23, tzinfo=UTC))


def context(**changes: Any) -> dict[str, Any]:
    row = {"funding": "0.0000125", "openInterest": "10", "markPx": "100", "oraclePx": "101",
           "dayNtlVlm": "7", "midPx": None, "premium": None, "impactPxs": None}  # fmt: skip
    return row | changes


def coin(name: str = "BTC", **changes: Any) -> str:
    data = {"coin": name, "ctx": context(**changes)}
    return json.dumps({"channel": "activeAssetCtx", "data": data})


def everything(*exchanges: tuple[str, list[dict[str, Any]]]) -> str:
    return json.dumps({"channel": "allDexsAssetCtxs", "data": {"ctxs": exchanges}})


def stream(*symbols: str, delisted: tuple[str, ...] = ()) -> HyperliquidStream:
    listed = [
        listing("hyperliquid", name, status="delisted" if name in delisted else "listed")
        for name in symbols
    ]
    return HyperliquidStream(listed, clock=lambda: NOW)


def read(of: HyperliquidStream, text: str) -> Any:
    return of.reader(of.sockets()[0])(text)


def test_a_coin_pays_by_the_hour_and_holds_dollars() -> None:
    [update] = read(stream("BTC"), coin()).updates
    assert (update.predicted_rate, update.interval_hours) == (0.0000125, 1.0)
    assert (update.next_funding_ms, update.event_ms) == (DUE, None)
    assert (update.open_interest_base, update.open_interest_usd) == (10.0, 1_000.0)
    assert (update.volume_24h_usd, update.best_bid) == (7.0, UNSET)


def test_contexts_belong_to_coins_by_their_position() -> None:
    of = stream("BTC", "MATIC", "ETH", "xyz:GOLD", delisted=("MATIC",))
    frame = read(
        of,
        everything(
            ("", [context(markPx="1"), context(funding="0.0", markPx=None), context(markPx="3")]),
            ("xyz", [context(markPx="4", oraclePx="4")]),
        ),
    )
    assert not [row for row in frame.updates if row.venue_symbol == "MATIC"]
    assert [row.venue_symbol for row in frame.updates] == ["BTC", "ETH", "xyz:GOLD"]
    assert frame.updates[2].mark_price == 4.0


def test_an_exchange_that_grew_costs_itself_and_has_to_be_listed_anew() -> None:
    of = stream("BTC", "xyz:GOLD", "flx:OIL")
    frame = read(
        of, everything(("", [context()]), ("xyz", [context(), context()]), ("flx", [context()]))
    )
    assert [row.venue_symbol for row in frame.updates] == ["BTC", "flx:OIL"]
    assert isinstance(frame.refused, UnknownSymbolError)
    assert not frame.refused.stops_venue
    assert "xyz has 2, not 1" in str(frame.refused)
    new = read(of, everything(("", [context(), context()]), ("new", [context()]))).refused
    assert "core has 2, not 1, new has 1, not 0" in str(new)


def test_a_context_without_a_rate_breaks_the_contract() -> None:
    with pytest.raises(ContractError, match="funding") as broken:
        read(stream("BTC"), coin(funding=None))
    assert (broken.value.endpoint, broken.value.path) == ("activeAssetCtx", "$.data.ctx.funding")


@pytest.mark.skipif(not FIXTURES.is_dir(), reason="the recorded frames are not on this machine")
def test_the_recorded_list_is_read_whole() -> None:
    text = (FIXTURES / "hyperliquid" / "ws-allDexsAssetCtxs-slice.json").read_text()
    exchanges = json.loads(text)["data"]["ctxs"]
    names = [f"{dex}:{n}" if dex else f"C{n}" for dex, rows in exchanges for n in range(len(rows))]
    frame = read(stream(*names), text)
    assert [row.venue_symbol for row in frame.updates] == names
    assert (frame.updates[0].predicted_rate, frame.updates[0].mark_price) == (-1.5186e-6, 77_562.0)
    assert frame.updates[0].open_interest_base == 27_353.17682


def test_a_side_without_quotes_is_none_and_a_side_left_out_is_unknown() -> None:
    def quotes(*levels: Any) -> Any:
        data = {"coin": "BTC", "time": 1_790_232_237_145, "bbo": levels}
        [update] = read(stream("BTC"), json.dumps({"channel": "bbo", "data": data})).updates
        return update.best_bid, update.best_ask

    level = {"px": "99.5", "sz": "1", "n": 1}
    assert quotes(level, {**level, "px": "100"}) == (99.5, 100.0)
    assert quotes(None, level) == (None, 99.5)
    assert quotes(level) == (99.5, UNSET)


def test_a_second_subscription_is_no_refusal_and_any_other_error_is() -> None:
    def error(said: str) -> Any:
        return reader_of("hyperliquid")(json.dumps({"channel": "error", "data": said})).refused

    assert error('Already subscribed: {"type":"bbo","coin":"BTC"}') is None
    assert isinstance(error("Invalid subscription"), RequestError)


def test_the_list_has_a_socket_that_no_coin_can_close() -> None:
    first, *others = stream("BTC", "ETH", "OLD", delisted=("OLD",)).sockets()
    assert [json.loads(text)["subscription"] for text in first.messages] == [
        {"type": "allDexsAssetCtxs"}
    ]
    wanted = [json.loads(text)["subscription"] for one in others for text in one.messages]
    assert {(one["type"], one["coin"]) for one in wanted} == {
        (kind, name) for kind in ("activeAssetCtx", "bbo") for name in ("BTC", "ETH")
    }


@pytest.mark.parametrize("coins", [1, 499, 700, 1_500])
def test_the_address_has_no_more_subscriptions_and_sockets_than_it_may(coins: int) -> None:
    of = stream(*(f"C{number}" for number in range(coins)))
    sockets = of.sockets()
    assert len(sockets) <= 10
    assert sum(len(one.messages) for one in sockets) <= 1_000
    assert all(len(one.messages) <= of.spec.subscriptions for one in sockets)


def test_the_ping_is_json() -> None:
    heartbeat = stream_of("hyperliquid").spec.heartbeat
    assert heartbeat is not None
    assert json.loads(heartbeat.message) == {"method": "ping"}
