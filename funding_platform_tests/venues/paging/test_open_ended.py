"""Exchanges that can be asked from a time on only: paged forward, and whole or not called so."""

import asyncio
import inspect
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from funding_platform.core.time_grid import Window, to_ms
from funding_platform.settings import Settings
from funding_platform.venues.adapters.ccxt.exchange import HISTORY, WITHOUT_UNTIL
from funding_platform.venues.paging.open_ended import OpenEnded
from funding_platform.venues.paging.pager import Ask, Ended
from funding_platform.venues.paging.series import SETTLEMENTS
from funding_platform.venues.parsing.history import History
from funding_platform.venues.parsing.records import Page, Settlement
from funding_platform.venues.registry import bridged_names, open_venue, venue_spec
from funding_platform_tests.venues.server import Answer, Params, Router, serve

START = datetime(2025, 3, 1, tzinfo=UTC)
LATER = datetime(2026, 1, 1, tzinfo=UTC)
NOW = datetime(2025, 3, 11, 0, 30, tzinfo=UTC)
GAPS = st.sampled_from([1, 1, 2, 4, 8, 8, 8, 24, 30, 100])

Rows = Sequence[Settlement]
Server = Callable[[Rows, Ask, int], Rows]


def settlement(hour: float) -> Settlement:
    return Settlement("S", to_ms(START + timedelta(hours=hour)), 1e-4)


def from_start(rows: Rows, ask: Ask, cap: int) -> Rows:
    """Knows the start: rows from there on."""
    return [row for row in rows if ask.start_ms <= row.time_ms][:cap]


def newest_only(rows: Rows, ask: Ask, cap: int) -> Rows:
    """Knows no time at all: its newest rows, of which ccxt drops those before the start."""
    return from_start(rows[-cap:], ask, cap)


def read(server: Server, rows: Rows, window: Window, cap: int) -> OpenEnded[Settlement]:
    pager = OpenEnded("v", "S", window, 1_000, LATER, SETTLEMENTS)
    while pager.ended is None:
        pager.learn(Page(server(rows, pager.ask(), cap)))
    return pager


def within(rows: Rows, window: Window) -> list[int]:
    first, last = to_ms(window.start), to_ms(window.end)
    return [row.time_ms for row in rows if first <= row.time_ms < last]


@pytest.mark.parametrize("server", [from_start, newest_only])
@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_a_history_is_whole_or_not_called_so(server: Server, data: st.DataObject) -> None:
    gaps = data.draw(st.lists(GAPS, max_size=80))
    series = [settlement(sum(gaps[:i])) for i in range(len(gaps))]
    first, last = sorted(data.draw(st.tuples(*[st.integers(-50, 600)] * 2)))
    window = Window(START + timedelta(hours=first), START + timedelta(hours=last))
    pager = read(server, series, window, data.draw(st.integers(1, 40)))
    found, truth = within(pager.rows, window), within(series, window)
    if server is from_start or pager.ended is not Ended.NOT_KEPT:
        assert found == truth
    else:
        assert found == truth[len(truth) - len(found) :]  # whole from some row on


def test_rows_before_the_window_prove_its_beginning() -> None:
    series = [settlement(hour) for hour in range(-24, 400, 8)]
    window = Window(START, START + timedelta(days=10))
    assert read(from_start, series, window, 100).ended is Ended.ROW_BEYOND
    assert read(from_start, series[3:], window, 100).ended is Ended.NOT_KEPT
    assert read(from_start, [], window, 100).ended is Ended.NOT_KEPT


pytest.importorskip("ccxt")
DAYS = Window(START, START + timedelta(days=10))
HOURS = range(-72, 241, 4)
KRAKEN = {
    "/derivatives/api/v3/instruments": {
        "instruments": [
            {"symbol": "PF_XBTUSD", "type": "flexible_futures", "tradeable": True,
             "tickSize": 1, "contractSize": 1, "contractValueTradePrecision": 4}
        ]
    },
}  # fmt: skip
HASHKEY = {
    "/api/v1/exchangeInfo": {
        "symbols": [],
        "contracts": [
            {"symbol": "BTCUSDT-PERPETUAL", "quoteAsset": "USDT", "marginToken": "USDT",
             "underlying": "BTC", "status": "TRADING", "inverse": False, "contractMultiplier": "1",
             "filters": [{"filterType": "LOT_SIZE", "stepSize": "1", "minQty": "1", "maxQty": "9"}]}
        ],
    },
}  # fmt: skip


def kraken_history(params: Params) -> Answer:
    rates = [
        {"timestamp": f"{START + timedelta(hours=hour):%Y-%m-%dT%H:%M:%S.000Z}",
         "fundingRate": "1", "relativeFundingRate": f"{hour}e-6"}
        for hour in HOURS
    ]  # fmt: skip
    return Answer({"rates": rates})


def hashkey_history(params: Params) -> Answer:
    """The newest of them, whatever the time that is asked for."""
    rows = [
        {"id": str(hour), "symbol": "BTCUSDT-PERPETUAL", "settleRate": f"{hour}e-6",
         "settleTime": str(settlement(hour).time_ms)}
        for hour in HOURS
    ]  # fmt: skip
    return Answer(rows[::-1][: min(int(params["limit"]), 50)])


def bridged(name: str, symbol: str, routes: dict[str, Any]) -> tuple[History, Router]:
    async def run() -> tuple[History, Router]:
        async with (
            serve(routes) as router,
            open_venue(name, router.url, settings=Settings(), clock=lambda: NOW) as venue,
        ):
            return await venue.funding_history([symbol], DAYS), router

    return asyncio.run(run())


def test_an_exchange_that_hands_out_everything_comes_whole_with_one_request() -> None:
    routes = {path: Answer(body) for path, body in KRAKEN.items()}
    symbol = "BTC/USD:USD"
    history, router = bridged(
        "ccxt:krakenfutures",
        symbol,
        {**routes, "/derivatives/api/v4/historicalfundingrates": kraken_history},
    )
    assert history.frame["funding_rate"].to_list() == [
        pytest.approx(hour * 1e-6) for hour in range(0, 240, 4)
    ]
    assert set(history.frame["interval_hours"]) == {4.0}
    coverage = history.coverage[symbol]
    assert (coverage.rows, coverage.missing, coverage.ended) == (60, 0, Ended.ROW_BEYOND)
    asked = [request.params for request in router.requests if "historical" in request.path]
    assert asked == [{"symbol": "PF_XBTUSD"}]  # and no parameter that it does not know


def test_what_an_exchange_no_longer_hands_out_is_not_called_absent() -> None:
    """Fifty rows of four hours: the window begins forty hours before the oldest of them."""
    routes = {path: Answer(body) for path, body in HASHKEY.items()}
    symbol = "BTC/USDT:USDT"
    history, _ = bridged(
        "ccxt:hashkey", symbol, {**routes, "/api/v1/futures/historyFundingRate": hashkey_history}
    )
    coverage = history.coverage[symbol]
    assert (coverage.rows, coverage.missing) == (49, 0)
    assert coverage.first == START + timedelta(hours=44)
    assert (coverage.ended, coverage.proven) == (Ended.NOT_KEPT, False)


def test_the_list_of_those_exchanges_is_what_ccxt_has() -> None:
    """Read from ccxt's own code, which says so nowhere else."""
    ccxt = pytest.importorskip("ccxt.async_support")
    names = {name.removeprefix("ccxt:") for name in bridged_names()}
    calls = {name: inspect.getsource(getattr(ccxt, name).fetch_funding_rate_history)
             for name in names}  # fmt: skip
    ends = ("until", "endTime", "end_time", "handle_request")
    ignorant = {
        name for name, source in calls.items()
        if not any(end in source.split('"""', 2)[2] for end in ends)
    }  # fmt: skip
    assert HISTORY == "fetchFundingRateHistory"
    assert ignorant == WITHOUT_UNTIL


@pytest.mark.parametrize("name", sorted(WITHOUT_UNTIL))
def test_they_are_paged_forward(name: str) -> None:
    assert venue_spec(f"ccxt:{name}").pager is OpenEnded
