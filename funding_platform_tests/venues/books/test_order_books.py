"""Order books through the venue contract, over a socket: units, depths, and what goes wrong."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest

from funding_platform.core.tables.books.levels import ORDER_BOOK
from funding_platform.settings import Settings
from funding_platform.venues import open_venue
from funding_platform.venues.errors import (
    ContractError,
    ImpossibleBookError,
    NotOfferedError,
    RequestError,
    ServerError,
    UnknownSymbolError,
    VenueError,
)
from funding_platform_tests.venues.listings import LISTINGS
from funding_platform_tests.venues.server import Answer, Params, Router, Routes, serve

NOW = datetime(2026, 9, 1, tzinfo=UTC)
DEPTH = "/fapi/v1/depth"


def listed(*bases: str) -> Answer:
    return Answer(
        {
            "symbols": [
                {"symbol": f"{base}USDT", "status": "TRADING", "contractType": "PERPETUAL",
                 "baseAsset": base, "quoteAsset": "USDT"}
                for base in bases
            ]
        }
    )  # fmt: skip


def book(*, bid: str = "99", ask: str = "101", size: str = "1") -> Answer:
    return Answer({"bids": [[bid, size]], "asks": [[ask, size]], "E": 1_788_000_000_000})


def binance(handle: Any, *bases: str) -> Routes:
    return {
        **LISTINGS["binance"],
        "/fapi/v1/exchangeInfo": listed(*bases),
        DEPTH: handle,
    }


def run(venue: str, routes: Routes, work: Any) -> tuple[Any, Router]:
    async def opened() -> tuple[Any, Router]:
        async with (
            serve(routes) as router,
            open_venue(venue, router.url, settings=Settings(), clock=lambda: NOW) as opened,
        ):
            return await work(opened), router

    return asyncio.run(opened())


def test_prices_and_sizes_are_of_the_canonical_base() -> None:
    """A book of 1000PEPE at 5 is one of PEPE at 0.005, with a thousand times as many."""
    routes = binance(book(bid="4", ask="5", size="3"), "1000PEPE")
    found, _ = run("binance", routes, lambda venue: venue.order_book(["1000PEPEUSDT"], 5))
    assert found.schema == ORDER_BOOK.polars_schema
    assert found.select("base", "side", "level", "price", "size").rows() == [
        ("PEPE", "bid", 0, 0.004, 3000.0),
        ("PEPE", "ask", 0, 0.005, 3000.0),
    ]


@pytest.mark.parametrize(("depth", "asked"), [(None, 1000), (1, 5), (6, 10), (1000, 1000)])
def test_the_smallest_depth_that_is_enough_is_asked_for(depth: int | None, asked: int) -> None:
    _, router = run(
        "binance", binance(book(), "BTC"), lambda venue: venue.order_book(["BTCUSDT"], depth)
    )
    (request,) = [request for request in router.requests if request.path == DEPTH]
    assert request.params == {"symbol": "BTCUSDT", "limit": str(asked)}


def test_no_more_levels_come_than_were_asked_for() -> None:
    deep = {"bids": [[str(9 - n), "1"] for n in range(5)], "asks": [["10", "1"], ["11", "1"]]}
    found, _ = run(
        "binance", binance(Answer(deep), "BTC"), lambda venue: venue.order_book(["BTCUSDT"], 2)
    )
    assert found["price"].to_list() == [9.0, 8.0, 10.0, 11.0]
    assert found["book_time"].to_list() == [None] * 4


def test_a_depth_of_nothing_is_refused_before_anyone_is_asked() -> None:
    with pytest.raises(RequestError, match="at least 1 level, not 0"):
        run("binance", binance(book(), "BTC"), lambda venue: venue.order_book(["BTCUSDT"], 0))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (book(bid="101", ask="100"), "bids 101 over asks 100"),
        (book(bid="100", ask="100"), "bids 100 over asks 100"),
        (book(size="-1"), "has -1 at a price of 99 among its bids"),
        (book(bid="0"), "has 1 at a price of 0 among its bids"),
        (book(size="1e200"), r"has 1e\+200 at a price of 99 among its bids"),
        (book(ask="1e101"), r"has 1 at a price of 1e\+101 among its asks"),
    ],
)
def test_an_impossible_book_is_refused_with_what_it_held(answer: Answer, said: str) -> None:
    with pytest.raises(ImpossibleBookError, match=said) as caught:
        run("binance", binance(answer, "BTC"), lambda venue: venue.order_book(["BTCUSDT"]))
    assert caught.value.payload is not None
    assert '"symbol":"BTCUSDT"' in caught.value.payload


def test_a_level_of_no_size_is_none() -> None:
    found, _ = run(
        "binance",
        binance(Answer({"bids": [["99", "0"], ["98", "2"]], "asks": []}), "BTC"),
        lambda venue: venue.order_book(["BTCUSDT"]),
    )
    assert found.select("side", "level", "price").rows() == [("bid", 0, 98.0)]


def test_trouble_of_one_symbol_costs_only_that_symbol() -> None:
    answers = {
        "AUSDT": book(),
        "BUSDT": book(bid="102"),
        "CUSDT": Answer({"bids": [["x", "1"]], "asks": []}),
        "DUSDT": Answer({"code": -1121, "msg": "Invalid symbol."}, 400),
        "EUSDT": Answer({"bids": [], "asks": []}),
    }

    def handle(params: Params) -> Answer:
        return answers[params["symbol"]]

    symbols = [*answers, "ZUSDT"]
    found, _ = run(
        "binance",
        binance(handle, *"ABCDE"),
        lambda venue: venue.order_books(symbols),
    )
    kinds: dict[str, type[VenueError]] = {s: type(e) for s, e in found.failures.items()}
    assert kinds == {
        "BUSDT": ImpossibleBookError,
        "CUSDT": ContractError,
        "DUSDT": UnknownSymbolError,
        "ZUSDT": UnknownSymbolError,
    }
    assert found.frame["venue_symbol"].unique().to_list() == ["AUSDT"]
    assert set(found.observed_at) == {"AUSDT", "EUSDT"}


def test_a_book_of_another_perpetual_is_a_broken_contract() -> None:
    other = {"retCode": 0, "result": {"s": "ETHUSDT", "b": [], "a": [], "ts": 1_788_000_000_000}}
    routes: Routes = {**LISTINGS["bybit"], "/v5/market/orderbook": Answer(other)}
    with pytest.raises(ContractError, match="asked for the book of BTCUSDT, got ETHUSDT"):
        run("bybit", routes, lambda venue: venue.order_book(["BTCUSDT"]))


def test_orders_at_one_price_are_one_level_of_lighter() -> None:
    def orders(*rows: tuple[str, str]) -> Any:
        return [{"price": price, "remaining_base_amount": size} for price, size in rows]

    answer = {
        "code": 200,
        "bids": orders(("99.0", "1"), ("99", "2"), ("98", "4")),
        "asks": orders(("101", "1")),
    }
    routes: Routes = {**LISTINGS["lighter"], "/api/v1/orderBookOrders": Answer(answer)}
    found, router = run("lighter", routes, lambda venue: venue.order_book(["BTC"], 1))
    assert found.select("side", "price", "size", "book_time").rows() == [
        ("bid", 99.0, 3.0, None),
        ("ask", 101.0, 1.0, None),
    ]
    assert router.requests[-1].params == {"market_id": "7", "limit": "250"}


def test_an_unknown_contract_of_edgex_is_success_with_nothing() -> None:
    routes: Routes = {
        **LISTINGS["edgex"],
        "/api/v2/public/quote/getDepth": Answer({"code": "SUCCESS", "data": []}),
    }
    with pytest.raises(UnknownSymbolError, match="has no book of BTCUSD"):
        run("edgex", routes, lambda venue: venue.order_book(["BTCUSD"]))


def test_an_outage_concerns_the_whole_venue() -> None:
    symbols = [f"{letter}USDT" for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"]
    with pytest.raises(VenueError) as caught:
        run(
            "binance",
            binance(Answer({}, 503), *"ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
            lambda venue: venue.order_book(symbols),
        )
    assert isinstance(caught.value, ServerError) or caught.value.stops_venue


def test_an_aggregator_has_no_books() -> None:
    with pytest.raises(NotOfferedError, match=r"offers no core\.order_book|offers no order_book"):
        run("coingecko", {}, lambda venue: venue.order_book(["BTC"]))


def test_no_symbols_make_an_empty_table() -> None:
    found, _ = run("binance", binance(book(), "BTC"), lambda venue: venue.order_book([]))
    assert isinstance(found, pl.DataFrame)
    assert found.schema == ORDER_BOOK.polars_schema
    assert found.is_empty()
