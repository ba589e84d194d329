"""edgeX: recorded answers, contracts by number, forecasts, and errors that come as HTTP 200."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from funding_platform.settings import Settings
from funding_platform.venues.contract import Venue
from funding_platform.venues.errors import (
    ContractError,
    EmptyAnswerError,
    RequestError,
    UnknownSymbolError,
    VenueError,
)
from funding_platform.venues.registry import open_venue
from funding_platform_tests.venues.adapters.recorded_cases import (
    Case,
    Row,
    assert_as_expected,
    body,
    every_case,
)
from funding_platform_tests.venues.server import Answer, Router, Routes, serve

PUBLIC = "/api/v2/public"
META, LATEST = f"{PUBLIC}/meta/getMetaData", f"{PUBLIC}/funding/getLatestFundingRate"
PAGE, TICKER = f"{PUBLIC}/funding/getFundingRatePage", f"{PUBLIC}/quote/getTicker"
NOW = datetime(2026, 9, 13, 22, 30, tzinfo=UTC)
NAMES = {"30000001": "BTCUSDC", "30000002": "ETHUSDC", "30000046": "1000PEPEUSDC"}
FOUR_HOURS_MS = 14_400_000


def success(data: Any) -> Answer:
    return Answer({"code": "SUCCESS", "data": data, "msg": None})


def contract(number: str, name: str, **changes: Any) -> Row:
    return {
        "contractId": number, "contractName": name, "baseCoinId": name.removesuffix("USDC"),
        "quoteCoinId": "USDC", "enableTrade": True, "enableDisplay": True,
        "enableOpenPosition": True, "fundingRateIntervalMin": "240", "tickSize": "0.1",
        "minOrderSize": "0.001",
    } | changes  # fmt: skip


def meta(*contracts: Row) -> Answer:
    rows = contracts or tuple(contract(*named) for named in NAMES.items())
    coins = {coin for row in rows for coin in (row["baseCoinId"], row["quoteCoinId"])}
    listed = [{"coinId": coin, "coinName": coin} for coin in sorted(coins) if coin != "lost"]
    return success({"coinList": listed, "contractList": list(rows)})


def funding(number: str = "30000001", at_ms: int = 1_789_329_600_000, **changes: Any) -> Row:
    return {
        "contractId": number, "fundingTime": str(at_ms), "fundingTimestamp": str(at_ms),
        "fundingRate": "-0.00005", "forecastFundingRate": "0.0001", "isSettlement": True,
        "fundingRateIntervalMin": "240", "markPrice": "100", "indexPrice": "99",
    } | changes  # fmt: skip


def ticker(number: str) -> Row:
    return {
        "contractId": number, "markPrice": "101", "indexPrice": "98", "openInterest": "7",
        "value": "5000",
    }  # fmt: skip


def page(rows: list[Row], cursor: str = "") -> Answer:
    return success({"dataList": rows, "nextPageOffsetData": cursor})


def ask(
    routes: Routes, settings: Settings, what: Callable[[Venue], Any]
) -> tuple[list[Row], list[VenueError], Router]:
    async def run() -> tuple[list[Row], list[VenueError], Router]:
        async with (
            serve({META: meta(), **routes}) as router,
            open_venue("edgex", router.url, settings=settings, clock=lambda: NOW) as venue,
        ):
            frame: pl.DataFrame = await what(venue)
            return frame.to_dicts(), venue.warnings, router

    return asyncio.run(run())


def history(symbol: str, days: int = 4) -> Callable[[Venue], Any]:
    return lambda venue: venue.funding_rates([symbol], NOW - timedelta(days=days), NOW)


def snapshot(venue: Venue) -> Any:
    return venue.market_snapshot()


@every_case("edgex")
def test_recorded_answers_hold_the_expected_values(case: Case, settings: Settings) -> None:
    expected = case["expected_normalised"]
    answer = Answer(body(case))
    path = case["path"]
    routes: Routes = {LATEST: success([funding("30000001", isSettlement=False)]), path: answer}
    if path == META:
        what: Callable[[Venue], Any] = lambda venue: venue.instruments()  # noqa: E731
    elif path == PAGE:
        routes[PAGE] = [answer, page([])]
        what = history("BTCUSDC")
    else:
        what = snapshot
    found, _, _ = ask(routes, settings, what)
    for row in expected:
        name = NAMES.get(row["native_symbol"], row["native_symbol"])
        at = row.get("settled_ms")
        matching = [
            one
            for one in found
            if one["venue_symbol"] == name
            and at in (None, int(one.get("funding_time", NOW).timestamp() * 1000))
        ]
        assert len(matching) == 1
        # The forecast of the ticker's case is that of another call.
        skipped = {"funding_rate_per_interval"} if path == TICKER else set()
        assert_as_expected({k: v for k, v in row.items() if k not in skipped}, matching[0])


def test_the_forecast_is_due_one_interval_after_the_last_settlement(settings: Settings) -> None:
    row = funding(isSettlement=False, fundingRateIntervalMin="60", at_ms=1_789_336_800_000)
    ([found], warnings, _) = ask({LATEST: success([row])}, settings, snapshot)
    assert (found["predicted_rate"], found["interval_hours"]) == (0.0001, 1.0)
    assert found["next_funding_time"] == datetime(2026, 9, 13, 23, tzinfo=UTC)
    assert (found["mark_price"], found["open_interest_base"]) == (100.0, None)
    assert [TICKER in str(warning) for warning in warnings] == [True]


def test_all_live_contracts_are_asked_for_at_once(settings: Settings) -> None:
    contracts = [contract(*named) for named in NAMES.items()]
    contracts[1]["enableOpenPosition"] = False
    routes: Routes = {
        META: meta(*contracts),
        LATEST: lambda params: success(
            [funding(n, isSettlement=False) for n in params["contractId"].split(",")]
        ),
        TICKER: lambda params: success([ticker(params["contractId"])]),
    }
    found, warnings, router = ask(routes, settings, snapshot)
    assert [row["venue_symbol"] for row in found] == ["1000PEPEUSDC", "BTCUSDC"]
    assert {row["open_interest_usd"] for row in found} == {707.0}
    assert {row["mark_price"] for row in found} == {101.0}
    assert [r.params for r in router.requests if r.path == LATEST] == [
        {"contractId": "30000001,30000046"}
    ]
    assert warnings == []


def test_instruments_name_coins_and_say_which_are_restricted(settings: Settings) -> None:
    hidden = contract("30000005", "ZROUSDC", enableDisplay=False)
    routes: Routes = {META: meta(contract("30000046", "1000PEPEUSDC"), hidden)}
    found, _, _ = ask(routes, settings, lambda venue: venue.instruments())
    assert [(r["venue_symbol"], r["base"], r["multiplier"], r["status"]) for r in found] == [
        ("1000PEPEUSDC", "PEPE", 1000.0, "trading"),
        ("ZROUSDC", "ZRO", 1.0, "halted"),
    ]
    assert "venue_id" not in found[0]


def test_history_is_read_by_cursor_and_passes_over_what_is_no_settlement(
    settings: Settings,
) -> None:
    last = 1_789_329_600_000
    rows = [funding(at_ms=last - n * FOUR_HOURS_MS, fundingRate=f"{n}e-6") for n in range(40)]
    minute = funding(at_ms=last, fundingTimestamp=str(last + 60_000), isSettlement=False)
    pages = {"": page([minute, *rows[:15]], "a"), "a": page(rows[15:30], "b"),
             "b": page(rows[30:])}  # fmt: skip
    routes: Routes = {PAGE: lambda params: pages[params.get("offsetData", "")]}
    found, _, router = ask(routes, settings, history("BTCUSDC", days=6))
    assert [row["funding_rate"] for row in found] == [float(f"{n}e-6") for n in range(35, -1, -1)]
    assert {(row["interval_hours"], row["interval_inferred"]) for row in found} == {(4.0, False)}
    first = next(r.params for r in router.requests if r.path == PAGE)
    assert first["contractId"] == "30000001"
    assert first["filterSettlementFundingRate"] == "true"
    assert int(first["filterEndTimeExclusive"]) % 2 == 1  # one past the inclusive end


@pytest.mark.parametrize(
    ("routes", "what", "kind"),
    [
        ({PAGE: success([])}, history("BTCUSDC"), UnknownSymbolError),
        ({}, history("NOPEUSDC"), UnknownSymbolError),
        ({PAGE: page([funding("30000002")])}, history("BTCUSDC"), ContractError),
        ({LATEST: success([])}, snapshot, EmptyAnswerError),
        ({LATEST: Answer({"code": "BAD", "data": None, "msg": "no"})}, snapshot, RequestError),
        ({LATEST: success([funding(fundingTime="")])}, snapshot, ContractError),
        ({META: success([])}, snapshot, ContractError),
        ({META: meta(contract("1", "AUSDC", baseCoinId="lost"))}, snapshot, ContractError),
    ],
)
def test_what_is_refused(
    routes: Routes, what: Callable[[Venue], Any], kind: type[VenueError], settings: Settings
) -> None:
    with pytest.raises(kind):
        ask(routes, settings, what)


@pytest.mark.parametrize("data", [[], [ticker("30000002")], [ticker("30000001")] * 2])
def test_the_ticker_of_another_contract_is_not_taken(settings: Settings, data: Any) -> None:
    routes: Routes = {LATEST: success([funding(isSettlement=False)]), TICKER: success(data)}
    ([found], warnings, _) = ask(routes, settings, snapshot)
    assert found["open_interest_base"] is None
    assert [type(warning) for warning in warnings] == [ContractError]


def test_a_recorded_error_code_is_named(settings: Settings) -> None:
    answer = Answer(json.dumps({"code": "LIMIT", "data": None, "msg": "slow down"}).encode())
    with pytest.raises(RequestError, match="error LIMIT: slow down"):
        ask({LATEST: answer}, settings, snapshot)
