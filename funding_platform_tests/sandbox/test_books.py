"""The sandbox's order books: one ladder behind every venue's format, read back by the adapters."""

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import polars as pl
import pytest

from funding_platform.core.books.walk import walk_books
from funding_platform.core.symbols import canonical_base
from funding_platform.sandbox.books.ladder import OrderBook, order_book
from funding_platform.sandbox.markets.market import Instrument, Market
from funding_platform.sandbox.server import RunningSandbox, build_market, running_sandbox
from funding_platform.sandbox.wire.registry import BOOKS as ROUTES
from funding_platform.settings import Settings
from funding_platform.venues.registry import open_venue, venue_spec
from funding_platform_tests.sandbox.conftest import NOW

VENUES = sorted(ROUTES)


@pytest.fixture(scope="module")
def market() -> Market:
    return build_market(symbols=60, seed=11, now=NOW)


@pytest.fixture(scope="module")
def running(market: Market) -> Iterator[RunningSandbox]:
    with running_sandbox(market) as sandbox:
        yield sandbox


def some(market: Market, venue: str) -> list[Instrument]:
    """The most popular contracts, and one of each kind that a venue has."""
    quotes = market.quotes(venue)
    trading = [i for i in market.instruments(venue) if i.venue_symbol in quotes]
    kinds = {(i.contract.contract_type, i.contract.quote): i for i in reversed(trading)}
    multiplied = [i for i in trading if canonical_base(i.contract.base).multiplier != 1]
    chosen = [*trading[:2], *kinds.values(), *multiplied[:1], trading[-1]]
    return list({i.venue_symbol: i for i in chosen}.values())


def read(running: RunningSandbox, venue: str, symbols: list[str], depth: int | None) -> Any:
    async def asked() -> pl.DataFrame:
        url = running.url_of(venue)
        async with open_venue(venue, url, settings=Settings(), clock=lambda: NOW) as opened:
            return await opened.order_book(symbols, depth)

    return asyncio.run(asked())


def expected(
    ladder: OrderBook, instrument: Instrument, depth: int
) -> list[tuple[str, float, float]]:
    multiplier = canonical_base(instrument.contract.base).multiplier
    return [
        (side, level.price / multiplier, level.base * multiplier)
        for side, levels in (("bid", ladder.bids), ("ask", ladder.asks))
        for level in levels[:depth]
    ]


def without_the_last(
    wanted: list[tuple[str, float, float]], found: list[tuple[str, float, float]]
) -> list[tuple[str, float, float]]:
    """The levels that were read whole: of the last of a side an order may have been cut off."""
    counts = {side: sum(row[0] == side for row in found) for side in ("bid", "ask")}
    return [
        row
        for side, count in counts.items()
        for row in [one for one in wanted if one[0] == side][: count - 1]
    ]


@pytest.mark.sampled(3)
@pytest.mark.parametrize("venue", VENUES)
def test_every_adapter_reads_the_ladder_behind_the_wire(
    market: Market, running: RunningSandbox, venue: str
) -> None:
    instruments = some(market, venue)
    books = read(running, venue, [i.venue_symbol for i in instruments], None)
    spec = venue_spec(venue).books
    assert spec is not None
    most = 10_000 if venue == "extended" else spec.usual  # which sends all that it has
    for instrument in instruments:
        ladder = order_book(market, venue, instrument.venue_symbol)
        rows = books.filter(venue_symbol=instrument.venue_symbol)
        found = rows.select("side", "price", "size").rows()
        wanted = expected(ladder, instrument, most)
        if venue == "lighter":  # so many orders, of which some share a level
            wanted = without_the_last(wanted, found)
            found = without_the_last(found, found)
            assert len(found) > 2 * 30
        assert len(found) == len(wanted)
        for (side, price, size), (of, at, much) in zip(found, wanted, strict=True):
            assert side == of
            assert price == pytest.approx(at, rel=1e-12)
            assert size == pytest.approx(much, rel=1e-6)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("venue", VENUES)
def test_a_book_agrees_with_the_quotes_of_its_moment(market: Market, venue: str) -> None:
    for symbol, quote in market.quotes(venue).items():
        ladder = order_book(market, venue, symbol)
        assert quote.bid is not None
        assert quote.ask is not None
        assert quote.mark is not None
        tick = quote.instrument.tick_size
        assert ladder.bids[0].price == pytest.approx(quote.bid, abs=tick / 1e3)
        assert ladder.asks[0].price == pytest.approx(quote.ask, abs=tick / 1e3)
        assert ladder.bids[0].price < quote.mark < ladder.asks[0].price + tick
        for side, sign in ((ladder.bids, -1), (ladder.asks, 1)):
            prices = [sign * level.price for level in side]
            assert prices == sorted(set(prices))
            assert all(level.contracts > 0 and level.base > 0 for level in side)


def test_a_book_is_the_same_for_the_same_seed_and_moment() -> None:
    def ladder(seed: int) -> OrderBook:
        return order_book(build_market(symbols=20, seed=seed, now=NOW), "binance", "BTCUSDT")

    assert ladder(11) == ladder(11)
    assert ladder(11) != ladder(12)


def test_depth_varies_from_contract_to_contract(market: Market, running: RunningSandbox) -> None:
    """A major takes twenty million; the last of the list does not."""
    symbols = [i.venue_symbol for i in market.instruments("binance")]
    quotes = market.quotes("binance")
    traded = sorted(
        (s for s in symbols if s in quotes),
        key=lambda s: (quotes[s].volume_24h or 0) * (quotes[s].mark or 0),
    )
    books = read(running, "binance", [traded[-1], traded[0]], None)
    walked = walk_books(books, (1_000.0, 20_000_000.0)).rows_by_key("venue_symbol", named=True)
    [busy], [quiet] = walked[traded[-1]], walked[traded[0]]
    assert busy["buy_1"] is not None
    assert quiet["buy_1"] is None
    assert quiet["ask_levels"] < busy["ask_levels"]


@pytest.mark.parametrize(
    ("venue", "path", "said"),
    [
        ("binance", "/fapi/v1/depth?symbol=BTCUSDT&limit=7", '"code":-4021'),
        ("aster", "/fapi/v3/depth?symbol=BTCUSDT&limit=7", '"code":-4021'),
        ("bybit", "/v5/market/orderbook?category=linear&symbol=BTCUSDT&limit=1001", "10001"),
        ("okx", "/api/v5/market/books?instId=BTC-USDT-SWAP&sz=401", '"code":"51000"'),
        (
            "deribit",
            "/api/v2/public/get_order_book?instrument_name=BTC-PERPETUAL&depth=7",
            '"code":-32602',
        ),
        ("lighter", "/api/v1/orderBookOrders?market_id=0&limit=251", '"code":20001'),
        ("backpack", "/api/v1/depth?symbol=BTC_USDC_PERP&limit=7", "DepthLimit"),
        ("binance", "/fapi/v1/depth?symbol=NOPE", '"code":-1121'),
    ],
)
def test_what_a_venue_does_not_grant_is_refused_in_its_words(
    running: RunningSandbox, venue: str, path: str, said: str
) -> None:
    assert said in httpx.get(running.url_of(venue) + path).text


def test_the_defaults_are_as_shallow_as_the_venues_own(running: RunningSandbox) -> None:
    okx = httpx.get(running.url_of("okx") + "/api/v5/market/books?instId=BTC-USDT-SWAP").json()
    assert len(okx["data"][0]["bids"]) == 1
    bybit = httpx.get(
        running.url_of("bybit") + "/v5/market/orderbook?category=linear&symbol=BTCUSDT"
    ).json()
    assert len(bybit["result"]["b"]) == 25


def test_an_unknown_coin_of_hyperliquid_is_null_with_200(running: RunningSandbox) -> None:
    asked = {"type": "l2Book", "coin": "xyz:NOPE"}
    answer = httpx.post(running.url_of("hyperliquid") + "/info", json=asked)
    assert (answer.status_code, answer.content) == (200, b"null")
