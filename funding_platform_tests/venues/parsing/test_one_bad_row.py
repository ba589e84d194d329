"""One bad row of one market, in any answer of any venue, costs that row and is named.

The sandbox answers on a real socket; one row of its answers is spoilt on the way out, wherever it
is served. What comes of it is set beside what comes undisturbed.
"""

import asyncio
import copy
import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

import polars as pl
import pytest

from funding_platform.core.tables.collected import FUNDING_RATES, INSTRUMENTS, MARKET_SNAPSHOTS
from funding_platform.core.time_grid import Window, from_ms
from funding_platform.sandbox import app
from funding_platform.sandbox.server import RunningSandbox, build_market, running_sandbox
from funding_platform.settings import Settings
from funding_platform.venues.contract import Venue
from funding_platform.venues.errors import ContractError, VenueError
from funding_platform.venues.paging.pager import Ended
from funding_platform.venues.parsing.history import History
from funding_platform.venues.registry import offering, open_venue, venue_names
from funding_platform_tests.known import known
from funding_platform_tests.venues.parsing.schema_drift_cells import MONEY

NOW = datetime(2026, 3, 1, 12, 34, 56, tzinfo=UTC)
WINDOW = Window(datetime(2026, 2, 20, tzinfo=UTC), datetime(2026, 2, 23, tzinfo=UTC))
INSIDE = Window(datetime(2026, 2, 21, tzinfo=UTC), datetime(2026, 2, 22, tzinfo=UTC))
"""Where the spoilt settlement lies, neighbours on both sides."""

SYMBOLS = 6

WITH_HISTORY = offering(FUNDING_RATES, venue_names())
WITH_LISTINGS = offering(INSTRUMENTS, venue_names())
WITH_MARKETS = offering(MARKET_SNAPSHOTS, venue_names())

NO_RATES = ["", None, "abc", "NaN", "5e7"]
"""What no rate is; the last is beyond all bounds in any unit: a fraction, percent, dollars."""

LISTS = {
    "binance": ("/fapi/v1/exchangeInfo", "quoteAsset"),
    "aster": ("/fapi/v1/exchangeInfo", "quoteAsset"),
    "bybit": ("/v5/market/instruments-info", "quoteCoin"),
    "okx": ("/api/v5/public/instruments", "instFamily"),
    "hyperliquid": ("/info#metaAndAssetCtxs", "name"),
    "lighter": ("/api/v1/orderBookDetails", "symbol"),
    "extended": ("/api/v1/info/markets", "collateralAssetName"),
    "backpack": ("/api/v1/markets", "quoteSymbol"),
    "grvt": ("/full/v1/all_instruments", "quote"),
    "edgex": ("/api/v2/public/meta/getMetaData", "quoteCoinId"),
    "deribit": ("/api/v2/public/get_instruments", "quote_currency"),
    "paradex": ("/v1/markets", "quote_currency"),
    "drift": ("/stats/markets", "quoteAsset"),
}
ASKED = {"bybit": "linear"}
"""Which of several answers of an endpoint is spoilt."""

"""The list of instruments, and a text in it that must be there."""

Row = dict[str, Any]


class Spoiler:
    """Spoils one row of an endpoint's answers, the same row each time.

    Parameters
    ----------
    endpoint
        Whose answers.
    change
        Turns the list that holds the row, and its number there.
    asked
        A value among the parameters of the requests to meet; all by default.
    time
        The field that tells rows of one symbol apart; without it the middle row is met.
    """

    def __init__(
        self,
        endpoint: str,
        change: Callable[[list[Row], int], None],
        *,
        asked: str | None = None,
        time: str | None = None,
    ) -> None:
        self._endpoint, self._change = endpoint, change
        self._asked, self._time = asked, time
        self._target: Any = None
        self.row: Row | None = None

    def body(self, endpoint: str, params: Any, body: bytes) -> bytes:
        """The answer as it is sent."""
        sent = list(map(str, params.values()))
        if not endpoint.startswith(self._endpoint) or self._asked not in (None, *sent):
            return body
        document = json.loads(body)
        rows = _rows(document, self._endpoint)
        number = self._number(rows)
        if number is None:
            return body
        self.row = copy.deepcopy(rows[number])
        self._change(rows, number)
        return json.dumps(document).encode()

    def _number(self, rows: list[Row]) -> int | None:
        if self._time is None:
            native = [n for n, row in enumerate(rows) if _is_ours(row)]
            return native[len(native) // 2] if native else None
        times = [row[self._time] for row in rows]
        inside = [time for time in times if INSIDE.start <= _moment(time) < INSIDE.end]
        if self._target is None and inside:
            self._target = inside[len(inside) // 2]
        return times.index(self._target) if self._target in times else None


def _moment(stamp: Any) -> datetime:
    """A stamp of any unit, or in ISO."""
    if isinstance(stamp, str) and not stamp.isdecimal():
        return datetime.fromisoformat(stamp).replace(tzinfo=UTC)
    digits = str(stamp)[:13]
    return from_ms(int(digits.ljust(13, "0")))


def _is_ours(row: Row) -> bool:
    """Not one that a venue relays, nor one that is no perpetual that trades."""
    return (
        row.get("exchange", "lighter") == "lighter"
        and row.get("marketType", "perp") in ("perp", "PERP")
        and row.get("market", "Binance (Futures)") == "Binance (Futures)"
        and row.get("type", "PERPETUAL") == "PERPETUAL"
        and row.get("settlement_period", "perpetual").lower() == "perpetual"
        and row.get("kind", "PERPETUAL") in ("PERPETUAL", "future")
        and row.get("asset_kind", "PERP") == "PERP"
        and row.get("market_type", "perp") == "perp"
        and row.get("contract_type", "perpetual") == "perpetual"
        and str(row.get("contractType", "linear")).lower().endswith(("perpetual", "linear"))
    )


def _rows(document: Any, endpoint: str) -> list[Row]:
    """The rows of an answer, of which some hold a single one, not in a list."""
    if endpoint.endswith("metaAndAssetCtxs"):
        rows: list[Row] = document[1]
        return rows
    lists = list(_lists(document))
    inner = document.get("result", document) if isinstance(document, dict) else document
    return max(lists, key=_is_rows_of_contracts) if lists else [inner]


def _is_rows_of_contracts(rows: list[Row]) -> tuple[bool, int]:
    """What to compare lists by: edgeX has one of coins beside that of its contracts."""
    return "contractId" in rows[0], len(rows)


def _lists(node: Any) -> Iterator[list[Row]]:
    """Every list of objects."""
    if isinstance(node, list):
        if node and isinstance(node[0], dict):
            yield node
        return
    if isinstance(node, dict):
        for child in node.values():
            yield from _lists(child)


def put(field: str, value: Any) -> Callable[[list[Row], int], None]:
    """A change of a field, wherever it is in the row."""

    def change(rows: list[Row], number: int) -> None:
        before = copy.deepcopy(rows[number])
        _put(rows[number], field, value)
        assert rows[number] != before

    return change


def _put(node: Any, field: str, value: Any) -> None:
    if not isinstance(node, dict):
        return
    for key, old in node.items():
        if key == field:
            is_number = isinstance(old, int | float) and str(value)[:1].isdecimal()
            node[key] = float(value) if is_number else value
        else:
            _put(old, field, value)


class Found(NamedTuple):
    """What a venue gave, and every error and warning of it."""

    result: Any
    told: list[VenueError]


class World:
    """The sandbox, and what its venues say undisturbed."""

    def __init__(self, sandbox: RunningSandbox) -> None:
        self._sandbox = sandbox
        self._truth: dict[tuple[str, str], Found] = {}
        self.spoiler: Spoiler | None = None

    def ask(self, name: str, settings: Settings, what: Callable[[Venue], Awaitable[Any]]) -> Found:
        """What a venue says now."""

        async def run() -> Found:
            url = self._sandbox.url_of(name)
            async with open_venue(name, url, settings=settings, clock=lambda: NOW) as venue:
                return Found(await what(venue), venue.warnings)

        return asyncio.run(run())

    def truth(
        self, name: str, kind: str, settings: Settings, what: Callable[[Venue], Awaitable[Any]]
    ) -> Any:
        """What it says undisturbed; asked once."""
        if (name, kind) not in self._truth:
            assert self.spoiler is None
            self._truth[name, kind] = self.ask(name, settings, what)
            assert self._truth[name, kind].told == []
        return self._truth[name, kind].result

    def spoilt(
        self,
        name: str,
        settings: Settings,
        spoiler: Spoiler,
        what: Callable[[Venue], Awaitable[Any]],
    ) -> Found:
        """What it says with one row spoilt."""
        self.spoiler = spoiler
        try:
            found = self.ask(name, settings, what)
        finally:
            self.spoiler = None
        assert spoiler.row is not None, "nothing was spoilt"
        return found


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    handled = app._handled
    with pytest.MonkeyPatch.context() as patch:

        def spoiling(wire: Any, route: Any, request: Any) -> Any:
            reply = handled(wire, route, request)
            if running.spoiler is None or reply.status != 200:
                return reply
            body = running.spoiler.body(route.endpoint, request.params, reply.body)
            return replace(reply, body=body)

        patch.setattr(app, "_handled", spoiling)
        with running_sandbox(build_market(symbols=SYMBOLS, seed=5, now=NOW)) as sandbox:
            running = World(sandbox)
            yield running


@pytest.fixture
def settings(_state_of_its_own: None) -> Settings:
    return Settings(rate_limit_scale=1e6, request_timeout_seconds=10)


def instruments(venue: Venue) -> Awaitable[pl.DataFrame]:
    return venue.instruments()


def snapshot(venue: Venue) -> Awaitable[pl.DataFrame]:
    return venue.market_snapshot()


def two_symbols(world: World, venue: str, settings: Settings) -> tuple[str, str]:
    listed = world.truth(venue, "instruments", settings, instruments)
    bad, good, *_ = listed.filter(status="trading")["venue_symbol"].sort()
    return bad, good


def name_in_calls(world: World, venue: str, symbol: str, settings: Settings) -> str:
    """What requests name a symbol by."""

    async def identity(opened: Venue) -> str:
        return (await opened.listed())[symbol].venue_id or symbol

    return str(world.truth(venue, f"id of {symbol}", settings, identity))


def names(told: list[VenueError], *texts: str) -> bool:
    """Whether one of the errors names all of the texts."""
    return any(all(text in str(error) for text in texts) for error in told)


@pytest.mark.parametrize("value", NO_RATES)
@pytest.mark.parametrize("venue", WITH_HISTORY)
def test_one_rate_of_one_symbol(world: World, settings: Settings, venue: str, value: Any) -> None:
    bad, good = two_symbols(world, venue, settings)

    def read(opened: Venue) -> Awaitable[History]:
        return opened.funding_history([bad, good], WINDOW)

    truth: History = world.truth(venue, "history", settings, read)
    money = {field.kind: field for field in reversed(MONEY[venue]["history"])}
    spoiler = Spoiler(
        money["rate"].path,
        put(money["rate"].name, value),
        asked=name_in_calls(world, venue, bad, settings),
        time=money["time"].name,
    )
    history, _ = world.spoilt(venue, settings, spoiler, read)
    assert history.failures == {}
    whole = truth.frame.filter(venue_symbol=good)
    assert history.frame.filter(venue_symbol=good).equals(whole)
    assert history.coverage[good].ended is truth.coverage[good].ended
    rest = history.frame.filter(venue_symbol=bad)
    lost = truth.frame.filter(venue_symbol=bad).join(rest, on="funding_time", how="anti")
    assert lost.height in ((0, 1, 2) if venue == "paradex" else (1,))
    if venue == "paradex":  # the sample before the spoilt one tells the index as well, nearly
        beside = rest.join(truth.frame, on=["venue_symbol", "funding_time"])
        wrong = (beside["funding_rate"] - beside["funding_rate_right"]).abs()
        assert known(wrong.max()) < 1e-7
    else:
        assert rest.join(truth.frame, on=rest.columns, how="anti", nulls_equal=True).is_empty()
    assert history.coverage[bad].ended is Ended.UNREADABLE
    assert names(list(history.left_out), bad)
    assert not names(list(history.left_out), good)


@pytest.mark.parametrize("value", [None, "abc", "5e7"])
@pytest.mark.parametrize("venue", WITH_MARKETS)
def test_one_market_of_a_snapshot(world: World, settings: Settings, venue: str, value: Any) -> None:
    truth = world.truth(venue, "snapshot", settings, snapshot)
    money = MONEY[venue]["snapshot"][0]
    listed = [] if venue == "coingecko" else two_symbols(world, venue, settings)
    asked = listed[0] if venue == "grvt" else ASKED.get(venue)
    spoiler = Spoiler(money.path, put(money.name, value), asked=asked)
    found, told = world.spoilt(venue, settings, spoiler, snapshot)
    only_the_one_is_spoilt(truth, found)
    assert told or value in ("", None)
    assert all(isinstance(error, ContractError) for error in told)


def only_the_one_is_spoilt(truth: pl.DataFrame, found: pl.DataFrame) -> str:
    """All but one market are as they were; that one is absent or its rate unknown."""
    same = truth.join(found, on=truth.columns, how="semi", nulls_equal=True)
    (spoilt,) = truth.join(same, on="venue_symbol", how="anti")["venue_symbol"]
    assert found.filter(pl.col("venue_symbol") != spoilt).height == same.height
    assert found.filter(venue_symbol=spoilt)["predicted_rate"].is_null().all()
    return str(spoilt)


@pytest.mark.parametrize("value", [None, ""])
@pytest.mark.parametrize("venue", WITH_LISTINGS)
def test_one_listing(world: World, settings: Settings, venue: str, value: Any) -> None:
    truth = world.truth(venue, "instruments", settings, instruments)
    endpoint, field = LISTS[venue]
    found, told = world.spoilt(
        venue, settings, Listed(endpoint, put(field, value), asked=ASKED.get(venue)), instruments
    )
    assert found.height == truth.height - 1
    assert found.join(truth, on=truth.columns, how="anti", nulls_equal=True).is_empty()
    assert told
    assert all(isinstance(error, ContractError) for error in told)


class Listed(Spoiler):
    """Spoils a listing; Hyperliquid's are another list than its markets."""

    def body(self, endpoint: str, params: Any, body: bytes) -> bytes:
        if not endpoint.endswith("metaAndAssetCtxs"):
            return super().body(endpoint, params, body)
        document = json.loads(body)
        universe = document[0]["universe"]
        self.row = dict(universe[2])
        self._change(universe, 2)
        return json.dumps(document).encode()


def twice(field: str, value: Any) -> Callable[[list[Row], int], None]:
    """The row once more, with another value in a field; the same where that is None."""

    def change(rows: list[Row], number: int) -> None:
        rows.append(copy.deepcopy(rows[number]))
        if value is not None:
            _put(rows[-1], field, value)

    return change


ONE_LIST = [venue for venue in WITH_MARKETS if venue not in ("grvt", "hyperliquid", "deribit")]
"""Venues whose markets are rows of one list that name themselves."""


@pytest.mark.parametrize("venue", ONE_LIST)
def test_a_market_that_comes_twice_alike_is_one(
    world: World, settings: Settings, venue: str
) -> None:
    truth = world.truth(venue, "snapshot", settings, snapshot)
    money = MONEY[venue]["snapshot"][0]
    found, told = world.spoilt(
        venue,
        settings,
        Spoiler(money.path, twice(money.name, None), asked=ASKED.get(venue)),
        snapshot,
    )
    assert found.equals(truth)
    assert told == []


@pytest.mark.parametrize("venue", ONE_LIST)
def test_a_market_that_comes_twice_differently_is_left_out(
    world: World, settings: Settings, venue: str
) -> None:
    truth = world.truth(venue, "snapshot", settings, snapshot)
    money = MONEY[venue]["snapshot"][0]
    found, told = world.spoilt(
        venue,
        settings,
        Spoiler(money.path, twice(money.name, "0.00077"), asked=ASKED.get(venue)),
        snapshot,
    )
    spoilt = only_the_one_is_spoilt(truth, found)
    assert found.height == truth.height - 1
    assert names(told, spoilt)
