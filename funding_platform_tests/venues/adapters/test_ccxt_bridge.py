"""Exchanges behind ccxt: the same three calls, by our client and to our rule of completeness."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest

from funding_platform.core.tables.collected import INSTRUMENTS, MARKET_SNAPSHOTS
from funding_platform.core.time_grid import Window, to_ms
from funding_platform.sandbox.faults import Body, Status
from funding_platform.sandbox.markets.market import Market
from funding_platform.sandbox.server import RunningSandbox, build_market, running_sandbox
from funding_platform.sandbox.wire.venues.binance import STYLE
from funding_platform.settings import Settings
from funding_platform.venues.contract import Venue
from funding_platform.venues.errors import (
    BannedError,
    ContractError,
    RateLimitedError,
    UndecodableError,
    UnknownSymbolError,
    VenueError,
)
from funding_platform.venues.paging.pager import Ended
from funding_platform.venues.registry import open_venue
from funding_platform_tests.venues.adapters.bridged import (
    NOW,
    YEAR,
    settling_every,
    unified,
    with_venue,
)
from funding_platform_tests.venues.server import Answer, Params, Router, serve

pytest.importorskip("ccxt")


@pytest.fixture(scope="module")
def market() -> Market:
    return build_market(symbols=300, seed=11, now=NOW)


@pytest.fixture(scope="module")
def served(market: Market) -> Iterator[RunningSandbox]:
    with running_sandbox(market) as running:
        yield running


@pytest.fixture
def sandbox(served: RunningSandbox) -> Iterator[RunningSandbox]:
    yield served
    served.clear()


@pytest.fixture
def settings() -> Settings:
    """Budgets out of the way; the three hundred contracts take ccxt a moment to read."""
    return Settings(rate_limit_scale=1_000, request_timeout_seconds=10)


@pytest.mark.parametrize(("hours", "pages"), [(8, 2), (4, 3), (1, 9)])
def test_no_row_is_lost_at_any_interval(
    sandbox: RunningSandbox, market: Market, settings: Settings, hours: int, pages: int
) -> None:
    instrument = settling_every(market, hours)[0]
    symbol = unified(instrument)
    history, _ = with_venue(sandbox, settings, lambda venue: venue.funding_history([symbol], YEAR))
    made = market.settlements("binance", instrument.venue_symbol)
    inside = (made.times_ms >= to_ms(YEAR.start)) & (made.times_ms < to_ms(YEAR.end))
    assert [to_ms(at) for at in history.frame["venue_time"]] == made.times_ms[inside].tolist()
    assert history.frame["funding_rate"].to_list() == made.rates[inside].tolist()
    assert history.frame["interval_inferred"].all()
    assert history.frame["interval_hours"].mode().to_list() == [float(hours)]
    coverage = history.coverage[symbol]
    assert (coverage.requests, coverage.ended) == (pages, Ended.ROW_BEYOND)


@pytest.mark.world
def test_every_contract_comes_as_the_native_adapter_brings_it(
    sandbox: RunningSandbox, market: Market, settings: Settings
) -> None:
    """Contracts whose interval changes, that were listed or delisted within the window."""
    listed = [i for i in market.instruments("binance") if len(i.intervals) > 1 or i.delisted_ms]
    window = Window(datetime(2024, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
    names = {unified(i): i.venue_symbol for i in listed[:12]}
    bridged, _ = with_venue(sandbox, settings, lambda v: v.funding_history(names, window))
    native, _ = with_venue(
        sandbox, settings, lambda v: v.funding_history(names.values(), window), "binance"
    )
    columns = ("venue_symbol", "funding_time", "funding_rate", "interval_hours")
    ours = bridged.frame.with_columns(pl.col("venue_symbol").replace_strict(names))
    assert ours.height > 10_000
    assert ours.select(columns).sort(columns).equals(native.frame.select(columns).sort(columns))


def test_instruments_and_snapshot_are_the_core_tables(
    sandbox: RunningSandbox, market: Market, settings: Settings
) -> None:
    async def both(venue: Venue) -> tuple[pl.DataFrame, pl.DataFrame]:
        return await venue.instruments(), await venue.market_snapshot()

    (instruments, snapshot), venue = with_venue(sandbox, settings, both)
    assert instruments.schema == INSTRUMENTS.polars_schema
    assert snapshot.schema == MARKET_SNAPSHOTS.polars_schema
    assert venue.warnings == []
    quotes = {unified(q.instrument): q for q in market.quotes("binance").values()}
    # To ccxt a TRADIFI_PERPETUAL with a delivery date is a dated future.
    perpetual = [
        i
        for i in market.instruments("binance")
        if i.delisted_ms is None or i.contract.base not in STYLE.tradfi
    ]
    listed = {unified(i): i for i in perpetual}
    assert set(instruments["venue_symbol"]) == set(listed)
    assert set(snapshot["venue_symbol"]) == set(quotes)
    rows = {row["venue_symbol"]: row for row in instruments.to_dicts()}
    pepe = rows["1000PEPE/USDT:USDT"]
    assert (pepe["base"], pepe["multiplier"], pepe["settle"]) == ("PEPE", 1000.0, "USDT")
    for symbol, row in rows.items():
        assert row["tick_size"] == pytest.approx(listed[symbol].tick_size)
        assert row["status"] == ("trading" if symbol in quotes else "halted")
        assert row["interval_hours"] is None
    for row in snapshot.to_dicts():
        quote = quotes[row["venue_symbol"]]
        assert row["predicted_rate"] == quote.predicted_rate
        assert row["interval_hours"] == quote.interval_hours
        assert to_ms(row["next_funding_time"]) == quote.next_funding_ms
        assert row["mark_price"] == pytest.approx(quote.mark, abs=1e-8)
        assert row["volume_24h_usd"] > 0


def test_our_client_sends_every_request(sandbox: RunningSandbox, settings: Settings) -> None:
    def counted() -> int:
        return sum(one["requests"] for one in sandbox.stats().get("binance", {}).values())

    before = counted()
    _, venue = with_venue(sandbox, settings, lambda venue: venue.market_snapshot())
    assert counted() - before == venue.stats.requests > 2
    assert venue._exchange.session is None  # type: ignore[attr-defined]


def test_a_passing_fault_costs_a_retry_and_no_row(
    sandbox: RunningSandbox, market: Market, settings: Settings
) -> None:
    symbol = unified(settling_every(market, 8)[0])
    whole, _ = with_venue(sandbox, settings, lambda v: v.funding_history([symbol], YEAR))
    sandbox.inject(Status(venue="binance", path="/fapi/v1/fundingRate", status=503, count=2))
    again, venue = with_venue(sandbox, settings, lambda v: v.funding_history([symbol], YEAR))
    assert again.frame.equals(whole.frame)
    assert venue.stats.retries == 2


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Status(status=418), BannedError),
        (Status(status=403), BannedError),
        (Status(status=429), RateLimitedError),
        (Body(action="html"), UndecodableError),
        (Body(action="truncate"), UndecodableError),
    ],
)
def test_faults_have_the_types_of_native_ones(
    sandbox: RunningSandbox, settings: Settings, fault: Any, kind: type[VenueError]
) -> None:
    sandbox.inject(fault)
    with pytest.raises(kind):
        with_venue(sandbox, settings, lambda venue: venue.instruments())


def test_a_symbol_that_ccxt_does_not_know_costs_only_itself(
    sandbox: RunningSandbox, settings: Settings
) -> None:
    history, _ = with_venue(
        sandbox, settings, lambda v: v.funding_history(["NOPE/USDT:USDT", "BTC/USDT:USDT"], YEAR)
    )
    assert list(history.coverage) == ["BTC/USDT:USDT"]
    assert type(history.failures["NOPE/USDT:USDT"]) is UnknownSymbolError


GATE = "/api/v4/futures/usdt"


CONTRACT = {
    "name": "BTC_USDT", "type": "direct", "quanto_multiplier": "0.0001", "in_delisting": False,
    "order_price_round": "0.1", "order_size_min": 1, "order_size_max": 1000,
    "leverage_max": "100", "leverage_min": "1", "create_time": 1546905600,
    "order_price_deviate": "0.2", "maker_fee_rate": "0", "taker_fee_rate": "0",
}  # fmt: skip


def gate(history: Any, code: int = 200) -> tuple[dict[str, Any], Router]:
    """Gate's rates of one contract, answered as given; what came of it, by our names."""

    def page(params: Params) -> Answer:
        first, last = int(params["from"]), int(params["to"])
        if not isinstance(history, list):
            return Answer(history, code)
        rows = [row for row in history if not isinstance(row, dict) or first <= row["t"] <= last]
        return Answer(rows[: int(params["limit"])], code)

    routes: dict[str, Any] = {
        f"{GATE}/contracts": Answer([CONTRACT]),
        "/api/v4/futures/btc/contracts": Answer([]),
        f"{GATE}/funding_rate": page,
    }

    async def run() -> tuple[dict[str, Any], Router]:
        async with (
            serve(routes) as router,
            open_venue("ccxt:gate", router.url, settings=Settings(), clock=lambda: NOW) as venue,
        ):
            frame = await venue.funding_rates(["BTC/USDT:USDT"], YEAR.start, YEAR.end)
            return frame.to_dict(as_series=False), router

    return asyncio.run(run())


def test_what_settles_in_neither_base_nor_quote_is_quanto() -> None:
    in_btc = [{**CONTRACT, "name": name} for name in ("BTC_USD", "ETH_USD")]
    routes: dict[str, Any] = {
        f"{GATE}/contracts": Answer([CONTRACT]),
        "/api/v4/futures/btc/contracts": Answer(in_btc),
    }

    async def run() -> pl.DataFrame:
        async with (
            serve(routes) as router,
            open_venue("ccxt:gate", router.url, settings=Settings(), clock=lambda: NOW) as venue,
        ):
            return await venue.instruments()

    listed = asyncio.run(run()).sort("venue_symbol")
    assert listed.select("venue_symbol", "contract_type", "settle").rows() == [
        ("BTC/USD:BTC", "inverse", "BTC"),
        ("BTC/USDT:USDT", "linear", "USDT"),
        ("ETH/USD:BTC", "quanto", "BTC"),
    ]
    assert listed["contract_size"].null_count() == 1  # nothing says in what ccxt gives it


def test_an_exchange_that_answers_newest_first_in_seconds_comes_whole() -> None:
    first = to_ms(YEAR.start) // 1000 - 86_400
    history: list[dict[str, Any]] = [
        {"t": first + 14_400 * n, "r": f"{n}e-7"} for n in range(2_300)
    ][::-1]
    frame, router = gate(history)
    inside = [row for row in history[::-1] if row["t"] >= to_ms(YEAR.start) // 1000]
    inside = [row for row in inside if row["t"] < to_ms(YEAR.end) // 1000]
    assert frame["funding_rate"] == [float(row["r"]) for row in inside]
    assert set(frame["interval_hours"]) == {4.0}
    assert sum(request.path.endswith("funding_rate") for request in router.requests) == 22


@pytest.mark.parametrize(
    "answer",
    [
        [{"t": to_ms(YEAR.start) // 1000, "r": None}],
        [{"t": to_ms(YEAR.start) // 1000, "rate": "0.0001"}],
        5,
    ],
)
def test_what_ccxt_cannot_read_is_a_broken_contract(answer: Any) -> None:
    with pytest.raises(ContractError):
        gate(answer)


def test_an_error_is_judged_by_what_ccxt_knows_of_the_exchange() -> None:
    with pytest.raises(UnknownSymbolError, match="CONTRACT_NOT_FOUND"):
        gate({"label": "CONTRACT_NOT_FOUND", "message": "no such contract"}, 400)
