"""One bad row of one market, in any answer of any venue, costs that row and is named.

The sandbox answers on a real socket; one row of its answers is spoilt on the way out, wherever it
is served. What comes of it is set beside what comes undisturbed.
"""

import copy
import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from funding_platform.core.intervals import KNOWN
from funding_platform.core.tables.collected import FUNDING_RATES, INSTRUMENTS, MARKET_SNAPSHOTS
from funding_platform.sandbox import app
from funding_platform.sandbox.server import build_market, running_sandbox
from funding_platform.settings import Settings
from funding_platform.venues.contract import Venue
from funding_platform.venues.errors import ContractError, VenueError
from funding_platform.venues.paging.pager import Ended
from funding_platform.venues.parsing.history import History
from funding_platform.venues.registry import offering, venue_names
from funding_platform_tests.known import known
from funding_platform_tests.venues.parsing.schema_drift_fields import MONEY
from funding_platform_tests.venues.parsing.spoiling import (
    ASKED,
    LISTED,
    LISTS,
    NOW,
    SYMBOLS,
    WINDOW,
    Row,
    Spoiler,
    World,
    put,
    put_into,
)

WITH_HISTORY = offering(FUNDING_RATES, venue_names())
WITH_LISTINGS = offering(INSTRUMENTS, venue_names())
WITH_MARKETS = offering(MARKET_SNAPSHOTS, venue_names())

NO_RATES = ["", None, "abc", "NaN", "5e7"]
"""What no rate is; the last is beyond all bounds in any unit: a fraction, percent, dollars."""


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


@pytest.mark.sampled(14)
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
        # At the row after it, nothing told yet that one had been lost.
        same = [name for name in rest.columns if name != KNOWN]
        assert rest.join(truth.frame, on=same, how="anti", nulls_equal=True).is_empty()
    assert history.coverage[bad].ended is Ended.UNREADABLE
    assert names(list(history.left_out), bad)
    assert not names(list(history.left_out), good)


@pytest.mark.sampled(14)
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


@pytest.mark.sampled(14)
@pytest.mark.parametrize("value", [None, ""])
@pytest.mark.parametrize("venue", WITH_LISTINGS)
def test_one_listing(world: World, settings: Settings, venue: str, value: Any) -> None:
    truth = world.truth(venue, "instruments", settings, instruments)
    endpoint, field = LISTS[venue]
    found, told = world.spoilt(
        venue, settings, Listed(endpoint, put(field, value), asked=LISTED.get(venue)), instruments
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
            put_into(rows[-1], field, value)

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
