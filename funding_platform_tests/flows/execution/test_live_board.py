"""A paper account of a real venue: what the collector and the lake know, in canonical units."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from funding_platform.core.system.clock import Clock
from funding_platform.core.tables.books.depth import ORDER_BOOK_DEPTH
from funding_platform.core.tables.collected import FUNDING_RATES, INSTRUMENTS
from funding_platform.core.tables.schema import Table, Type
from funding_platform.core.trading import FeeRates, Fill, OrderKind, OrderRequest, Side
from funding_platform.execution.config import TradingConfig
from funding_platform.execution.pair.entry.preflight import look_at
from funding_platform.execution.pair.rules import ExecutionRules
from funding_platform.execution.paper.board import BoardMarket
from funding_platform.flows.execution.accounts import open_accounts
from funding_platform.flows.execution.live_board import LiveMarket, VenueBoard
from funding_platform.flows.fees import NewFees
from funding_platform.flows.live.latest import BOARD, LatestWriter
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings
from funding_platform.venues.orders.errors import OrderRejectedError
from funding_platform_tests.flows.fees import put

NOW = datetime.now(UTC).replace(microsecond=0)
HOUR = timedelta(hours=1)
SYMBOL = "1000PEPEUSDT"

_PLAIN: dict[Type, Any] = {
    Type.TEXT: "x",
    Type.REAL: 1.0,
    Type.INTEGER: 1,
    Type.FLAG: False,
    Type.TIME: NOW - HOUR,
    Type.TEXTS: [],
}


def row_of(table: Table, **stated: Any) -> pl.DataFrame:
    """A row with what is required, and what is stated."""
    row = {
        column.name: (column.values[0] if column.values else _PLAIN[column.type])
        for column in table.columns
        if not column.nullable
    }
    return table.typed(table.conform(pl.DataFrame([row | stated])))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = Settings(data_dir=tmp_path)
    list_market(made)
    return made


def list_market(settings: Settings, quote: str = "USDT", **facts: Any) -> None:
    """Store an instrument with its depth and a settlement."""
    key = {"venue": "binance", "venue_symbol": SYMBOL}
    listed = {
        "base": "PEPE",
        "quote": quote,
        "contract_type": "linear",
        "multiplier": 1000.0,
        "contract_size": 1.0,
        "tick_size": 0.0000001,
        "min_size": 1.0,
        "status": "trading",
    }
    frames = {
        INSTRUMENTS: row_of(INSTRUMENTS, **key, **(listed | facts)),
        FUNDING_RATES: row_of(
            FUNDING_RATES,
            **key,
            base="PEPE",
            funding_time=NOW - HOUR,
            funding_rate=0.0001,
            mark_price=0.01,
        ),
        ORDER_BOOK_DEPTH: row_of(
            ORDER_BOOK_DEPTH,
            **key,
            snapshot_hour=(NOW - HOUR / 2).replace(minute=0, second=0),
            observed_at=NOW - HOUR / 2,
            bid_within_5bps_usd=1_000.0,
            ask_within_5bps_usd=2_000.0,
            bid_within_10bps_usd=5_000.0,
            ask_within_10bps_usd=6_000.0,
        ),
    }
    with Lake(settings) as lake, lake.commit("test", "a market") as transaction:
        for table, frame in frames.items():
            transaction.append(table, frame)


def hand_out(settings: Settings, at: datetime = NOW) -> None:
    board = pl.DataFrame(
        [("binance", SYMBOL, 0.00999, 0.01001, 0.01, at)],
        schema={
            "venue": pl.String,
            "venue_symbol": pl.String,
            "best_bid": pl.Float64,
            "best_ask": pl.Float64,
            "mark_price": pl.Float64,
            "observed_at": pl.Datetime("us", "UTC"),
        },
        orient="row",
    )
    with LatestWriter(settings, NOW) as writer:
        writer.write({BOARD: board}, 1, at)


def board_of(settings: Settings) -> VenueBoard:
    clock = Clock(now=lambda: NOW)
    return VenueBoard(LiveMarket(settings, ["binance"], clock), "binance")


def test_everything_is_in_canonical_units(settings: Settings) -> None:
    hand_out(settings)
    board = board_of(settings)
    quote = board.quote(SYMBOL)
    assert quote is not None
    assert (quote.bid, quote.ask) == (Decimal("0.00000999"), Decimal("0.00001001"))
    assert quote.mark == Decimal("0.00001")
    limits = board.limits(SYMBOL)
    assert limits is not None
    assert limits.quantity_step == limits.min_quantity == Decimal(1_000)
    assert limits.price_step == Decimal("1E-10")
    assert limits.trading
    depth = board.depth(SYMBOL)
    assert depth is not None
    assert depth.ask_usd == {Decimal(5): Decimal(2_000), Decimal(10): Decimal(6_000)}


def test_a_step_is_of_what_orders_are_counted_in(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    facts = {"contract_type": "inverse", "contract_size": 10.0, "order_unit": 1.0, "min_size": 10.0}
    list_market(settings, "USD", **facts)
    hand_out(settings)
    limits = board_of(settings).limits(SYMBOL)
    assert limits is not None
    assert limits.quantity_step == limits.min_quantity == 10


def test_an_inverse_contract_is_dollars_whatever_the_unit_of_its_coin(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    list_market(settings, "USD", contract_type="inverse", contract_size=10.0, min_size=2.0)
    hand_out(settings)
    board = board_of(settings)
    limits = board.limits(SYMBOL)
    assert limits is not None
    assert limits.inverse
    assert limits.quantity_step == limits.min_quantity == 20
    assert limits.price_step == Decimal("1E-10")
    book = BoardMarket(board).book(SYMBOL, NOW)
    assert book is not None
    assert [level.quantity for level in book.asks] == [Decimal(6_000)]  # within 10 bps of mid


@pytest.mark.parametrize(
    "facts", [{"contract_type": "quanto"}, {"contract_type": "inverse", "contract_size": None}]
)
def test_what_nobody_can_say_the_worth_of_is_not_listed(
    tmp_path: Path, facts: dict[str, Any]
) -> None:
    settings = Settings(data_dir=tmp_path)
    list_market(settings, "USD", **facts)
    assert board_of(settings).limits(SYMBOL) is None


def test_a_settlement_is_known_once_the_lake_has_it_with_its_mark(settings: Settings) -> None:
    board = board_of(settings)
    (one,) = board.settlements(SYMBOL, NOW - 2 * HOUR, NOW)
    assert one.settled_at == NOW - HOUR
    assert (one.rate, one.mark) == (Decimal("0.0001"), Decimal("0.00001"))
    assert not board.settlements(SYMBOL, NOW - HOUR, NOW)


def test_what_is_not_known_is_none(settings: Settings) -> None:
    board = board_of(settings)
    assert board.quote(SYMBOL) is None  # no collector
    assert board.limits("NOPE") is None
    assert board.depth("NOPE") is None


def order(name: str) -> OrderRequest:
    return OrderRequest(
        client_id=name,
        venue_symbol=SYMBOL,
        side=Side.BUY,
        quantity=Decimal(1_000_000),
        kind=OrderKind.MARKET,
    )


@pytest.mark.world
def test_an_account_of_a_real_venue_trades_and_outlives_its_process(settings: Settings) -> None:
    config = TradingConfig(venues=("binance", "okx"))
    clock = Clock(now=lambda: NOW)

    async def bought(name: str) -> Decimal:
        async with open_accounts(settings, config, clock) as accounts:
            await accounts["binance"].place(order(name))
            return (await accounts["binance"].holdings())[SYMBOL].quantity

    hand_out(settings)
    assert asyncio.run(bought("one")) == 1_000_000
    assert asyncio.run(bought("two")) == 2_000_000


def test_coins_behind_a_leg_are_as_many_as_the_leverage_says(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    list_market(settings, "USD", contract_type="inverse", contract_size=10.0)
    hand_out(settings)
    config = TradingConfig.model_validate({"venues": ["binance", "okx"], "sizes": {"leverage": 4}})

    async def scenario() -> None:
        async with open_accounts(settings, config, Clock(now=lambda: NOW)) as accounts:
            await accounts["binance"].place(replace(order("one"), quantity=Decimal(2_000)))
            held = (await accounts["binance"].holdings())[SYMBOL]
            assert (held.contract_type, held.margin_usd) == ("inverse", Decimal(500))

    asyncio.run(scenario())


def test_what_is_not_quoted_in_dollars_is_not_listed(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    list_market(settings, quote="EUR")
    hand_out(settings)
    board = board_of(settings)
    assert board.limits(SYMBOL) is None
    assert board.quote(SYMBOL) is None


def taker_fee_of(fill: Fill) -> Decimal:
    return fill.fee_usd / (fill.quantity * fill.price) * 10_000


def test_fills_cost_what_the_marts_say_and_a_fee_set_by_hand_is_in_force_at_once(
    fee_lake: Settings,
) -> None:
    list_market(fee_lake)
    hand_out(fee_lake)
    config = TradingConfig(venues=("binance", "okx"))
    seconds = iter(range(0, 10_000, 2))
    clock = Clock(timer=lambda: next(seconds), now=lambda: NOW)

    async def scenario() -> None:
        async with open_accounts(fee_lake, config, clock) as accounts:
            binance = accounts["binance"]
            published = (await binance.fees([SYMBOL]))[SYMBOL]
            assert published == FeeRates(maker_bps=Decimal(2), taker_bps=Decimal(5))
            await binance.place(order("before"))
            put(fee_lake, NewFees("binance", "base", 1.0, 3.25, NOW - HOUR, note="agreed"))
            assert (await binance.fees([SYMBOL]))[SYMBOL].taker_bps == Decimal("3.25")
            await binance.place(order("after"))
            before, after = await binance.fills(NOW - HOUR)
            assert [taker_fee_of(before), taker_fee_of(after)] == [Decimal(5), Decimal("3.25")]
            assert (await accounts["okx"].fees([SYMBOL]))[SYMBOL].taker_bps == 5

    asyncio.run(scenario())


def test_nothing_is_opened_where_no_fee_is_known(settings: Settings) -> None:
    async def scenario() -> None:
        config = TradingConfig(venues=("binance", "okx"))
        async with open_accounts(settings, config, Clock(now=lambda: NOW)) as accounts:
            hand_out(settings)
            facts = await look_at(accounts["binance"], SYMBOL, ExecutionRules(), Clock())
            assert facts.fees is None

    asyncio.run(scenario())


def test_nothing_is_bought_on_a_board_that_stands_still(settings: Settings) -> None:
    hand_out(settings, NOW - timedelta(minutes=5))

    async def scenario() -> None:
        config = TradingConfig(venues=("binance", "okx"))
        async with open_accounts(settings, config, Clock(now=lambda: NOW)) as accounts:
            with pytest.raises(OrderRejectedError):
                await accounts["binance"].place(order("one"))
            assert not await accounts["binance"].holdings()

    asyncio.run(scenario())
