"""Drift and Velocity: one rate in three units and two signs, late stamps, an archive by the day."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from funding_platform.core.time_grid import Window, from_ms, to_ms
from funding_platform.settings import Settings
from funding_platform.venues.adapters.drift.payloads import Perpetual
from funding_platform.venues.adapters.drift.rest import BOOK, HISTORY, MARKETS, Drift
from funding_platform.venues.errors import (
    BannedError,
    ContractError,
    PagingError,
    UnknownSymbolError,
    VenueError,
)
from funding_platform.venues.rest.http import HttpClient
from funding_platform.venues.rest.limits import Limiter
from funding_platform_tests.venues.adapters.recorded_cases import (
    Case,
    assert_as_expected,
    body,
    every_case,
)
from funding_platform_tests.venues.asking import (
    Row,
    ask,
    by_symbol,
    history_of,
    instruments,
    snapshot,
)
from funding_platform_tests.venues.histories import read_series
from funding_platform_tests.venues.server import Answer, Params, Routes

STATS, RATES, L2 = "/stats/markets", "/market/SOL-PERP/fundingRates", "/l2"
NOW = datetime(2026, 9, 13, 22, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)


def perpetual(symbol: str = "SOL-PERP", **changes: Any) -> Row:
    return {
        "symbol": symbol, "marketType": "perp", "status": "active", "uiStatus": "visible",
        "baseAsset": symbol.removesuffix("-PERP"), "quoteAsset": "USDT",
        "limits": {"amount": {"min": 0.01}}, "oraclePrice": "100", "markPrice": "101",
        "quoteVolume": "5", "openInterest": {"long": "20", "short": "-30"},
        "fundingRate": {"long": "-0.005209", "short": "0.005209"},
    } | changes  # fmt: skip


def book(**changes: object) -> Row:
    return {
        "marketName": "SOL-PERP", "bids": [{"price": "99000000"}], "asks": [{"price": "101000000"}],
        "markPrice": "100500000", "oracle": 100250000,
    } | changes  # fmt: skip


def stats(*rows: Row) -> Answer:
    return Answer({"success": True, "markets": list(rows)})


def record(time: datetime, **changes: object) -> Row:
    return {
        "ts": to_ms(time) // 1000, "symbol": "SOL-PERP", "fundingRate": "9",
        "fundingRateLong": "0.01", "oraclePriceTwap": "100.0",
    } | changes  # fmt: skip


def records(*rows: Row, following: str | int | None = None) -> Answer:
    return Answer({"success": True, "meta": {"nextPage": following}, "records": list(rows)})


def window(first: datetime, last: datetime) -> Window:
    return Window(first, last + HOUR)


@every_case("drift")
def test_recorded_answers_hold_the_expected_values(case: Case, settings: Settings) -> None:
    expected, answer = case["expected_normalised"], Answer(body(case))
    if case["path"] in (STATS, L2):
        served: Routes = {STATS: stats(perpetual("BTC-PERP")), case["path"]: answer}
        found = by_symbol(ask("drift", served, settings, NOW, snapshot).found)
        listed = by_symbol(ask("drift", served, settings, NOW, instruments).found)
        for row in expected:
            if "excluded" in row.get("note", ""):
                assert row["native_symbol"] not in found
                continue
            name = row["native_symbol"]
            assert_as_expected(row, listed[name] | found[name])
            for side, ours in (("bid", "best_bid"), ("ask", "best_ask")):
                if side in row:
                    assert found[name][ours] == float(row[side])
        return
    # The oldest form of the history is told from the newer ones by its names, wherever it comes.
    symbol = expected[0]["native_symbol"]
    served = {f"/market/{symbol}/fundingRates": [answer, records()]}
    last, first = (from_ms(expected[at]["settled_ms"]) for at in (0, -1))
    asked = ask("drift", served, settings, last + HOUR, history_of(symbol, window(first, last)))
    rows = asked.found.frame.to_dicts()
    assert len(rows) == len(expected)
    for row, found in zip(expected, rows[::-1], strict=True):
        assert_as_expected(row, found)
    assert not any(row["interval_inferred"] for row in rows)


def test_recorded_markets_as_instruments(shared_dir: Path, settings: Settings) -> None:
    file = shared_dir / "venues" / "fixtures" / "drift" / "velocity-stats-markets.json"
    asked = ask("drift", {STATS: Answer(file.read_bytes())}, settings, NOW, instruments)
    found = {
        name: (row["base"], row["quote"], row["min_size"], row["interval_hours"], row["status"])
        for name, row in by_symbol(asked.found).items()
    }
    assert found == {
        "BTC-PERP": ("BTC", "USDT", 0.0001, 1.0, "trading"),
        "SOL-PERP": ("SOL", "USDT", 0.01, 1.0, "trading"),
    }


@given(millionths=st.integers(-(10**6), 10**6))
def test_what_longs_receive_is_what_they_pay_with_the_sign_turned(millionths: int) -> None:
    """In percent, to the last digit: -0.005209 % received is 0.00005209 paid."""
    percent = f"{millionths / 1e6:.6f}"
    answer = stats(perpetual(fundingRate={"long": percent, "short": "0"}))
    [row] = MARKETS.decode(answer.content)
    assert isinstance(row, Perpetual)
    assert row.predicted_rate == pytest.approx(-millionths / 1e8, rel=1e-15)


def test_the_larger_side_is_the_open_interest(settings: Settings) -> None:
    [row] = ask("drift", {STATS: stats(perpetual())}, settings, NOW, snapshot).found.to_dicts()
    assert (row["open_interest_base"], row["open_interest_usd"]) == (30.0, 3030.0)
    assert row["next_funding_time"] == datetime(2026, 9, 13, 23, tzinfo=UTC)


def test_prices_of_the_book_are_newer(settings: Settings) -> None:
    served: Routes = {STATS: stats(perpetual()), L2: Answer(book())}
    found, warnings, router = ask("drift", served, settings, NOW, snapshot)
    [row] = found.to_dicts()
    assert (row["mark_price"], row["index_price"]) == (100.5, 100.25)
    assert (row["best_bid"], row["best_ask"], row["spread_bps"]) == (99.0, 101.0, 200.0)
    assert router.requests[-1].params == {"marketName": "SOL-PERP", "depth": "1"}
    assert warnings == []


@pytest.mark.parametrize(
    "answer",
    [Answer(b"", 500), Answer(book(marketName="BTC-PERP")), Answer(book(bids=None))],
    ids=["down", "of another market", "broken"],
)
def test_a_book_that_cannot_be_had_costs_the_book_only(settings: Settings, answer: Answer) -> None:
    served: Routes = {STATS: stats(perpetual()), L2: answer}
    found, warnings, _ = ask("drift", served, settings, NOW, snapshot)
    [row] = found.to_dicts()
    assert (row["mark_price"], row["best_bid"], row["spread_bps"]) == (101.0, None, None)
    assert len(warnings) == 1


@pytest.mark.parametrize(
    ("base_url", "host"),
    [(Drift.spec.base_url, "dlob.velocity.exchange"), ("https://proxy.example", "proxy.example")],
)
def test_books_are_on_another_host_unless_all_hosts_are_elsewhere(base_url: str, host: str) -> None:
    asked: list[str] = []

    def network(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        return httpx.Response(200, json=book())

    async def run() -> None:
        client = HttpClient(
            "drift",
            base_url,
            home_url=Drift.spec.base_url,
            budget=Drift.spec.budget,
            refusal=Drift.spec.refusal,
            used_weight_header=None,
            timeout_seconds=1,
            limiter=Limiter(1_000),
            transport=httpx.MockTransport(network),
        )
        await client.fetch(BOOK, {"marketName": "SOL-PERP"})
        await client.aclose()

    asyncio.run(run())
    assert asked == [host]


def test_hidden_and_inactive_markets(settings: Settings) -> None:
    markets = stats(
        perpetual(),
        perpetual("HID-PERP", uiStatus="hidden"),
        perpetual("OLD-PERP", status="delisted"),
        {"symbol": "USDT", "marketType": "spot", "status": "active"},
    )
    assert list(by_symbol(ask("drift", {STATS: markets}, settings, NOW, snapshot).found)) == [
        "SOL-PERP"
    ]
    listed = by_symbol(ask("drift", {STATS: markets}, settings, NOW, instruments).found)
    assert {name: row["status"] for name, row in listed.items()} == {
        "SOL-PERP": "trading",
        "OLD-PERP": "delisted",
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"fundingRate": {"long": "NaN"}},
        {"fundingRate": {"long": None}},
        {"fundingRate": None},
        {"fundingRate": {"longRenamed": "0.1"}},
        {"marketType": "other"},
        {"openInterest": "7"},
    ],
    ids=str,
)
def test_a_perpetual_without_its_rate_breaks_the_contract(
    settings: Settings, changes: dict[str, Any]
) -> None:
    with pytest.raises(ContractError):
        ask("drift", {STATS: stats(perpetual(**changes))}, settings, NOW, snapshot)


def test_recent_rates_are_read_page_after_page(settings: Settings) -> None:
    hours = [NOW - HOUR * hour for hour in range(120)]
    pages = {
        "": records(*map(record, hours[:50]), following="a"),
        "a": records(*map(record, hours[50:90]), following=7),
        "7": records(*map(record, hours[90:])),
    }
    served: Routes = {RATES: lambda params: pages[params.get("page", "")]}
    wanted = window(hours[100], hours[10])
    found, _, router = ask("drift", served, settings, NOW, history_of("SOL-PERP", wanted))
    assert found.frame["funding_time"].to_list() == hours[100:9:-1]
    assert set(found.frame["funding_rate"]) == {0.0001}
    assert [request.params.get("page") for request in router.requests[:3]] == [None, "a", "7"]
    assert {request.params["limit"] for request in router.requests} == {"750"}


def test_pages_older_than_the_window_are_left_alone(settings: Settings) -> None:
    page = records(*(record(NOW - HOUR * hour) for hour in range(100)), following="older")
    wanted = window(NOW - 5 * HOUR, NOW)
    _, _, router = ask("drift", {RATES: page}, settings, NOW, history_of("SOL-PERP", wanted))
    assert len(router.requests) == 1


def in_two_pages(rows: list[Row]) -> Callable[[Params], Answer]:
    pages = records(*rows[:20], following=2), records(*rows[20:])
    return lambda params: pages["page" in params]


def test_a_history_from_the_archive_comes_whole_day_by_day(
    shared_dir: Path, settings: Settings
) -> None:
    """Real settlements, minutes late and with hours left out, are kept at their own stamps."""
    series = read_series(shared_dir / "data" / "funding" / "drift" / "SOL-PERP.csv.gz")
    days: dict[str, list[Row]] = {}
    for time_ms, rate in series:
        time = from_ms(time_ms)
        row = record(time, fundingRateLong=rate, oraclePriceTwap="1")
        days.setdefault(f"{RATES}/{time.year}/{time.month}/{time.day}", []).append(row)
    # The archive has no day before the market was listed; it gives some twenty rows at a time.
    served: Routes = {path: in_two_pages(rows[::-1]) for path, rows in days.items()}
    wanted = Window(datetime(2022, 11, 28, tzinfo=UTC), datetime(2023, 2, 1, tzinfo=UTC))
    asked = ask("drift", served, settings, NOW, history_of("SOL-PERP", wanted))
    expected = [(from_ms(t), float(rate)) for t, rate in series if from_ms(t) in wanted]
    assert asked.found.frame.select("venue_time", "funding_rate").rows() == expected
    assert set(asked.found.frame["interval_hours"]) == {1.0}


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (records(record(NOW, ts=to_ms(NOW))), ContractError),
        (records(record(NOW, ts=to_ms(NOW) // 10**6)), ContractError),
        (records(record(NOW, symbol="BTC-PERP")), ContractError),
        (records(record(NOW, oraclePriceTwap="0")), ContractError),
        (records(record(NOW, fundingRateLong=None)), ContractError),
        (records(record(NOW, fundingRateLong="NaN")), ContractError),
        (Answer({"success": True}), ContractError),
        (records(record(NOW), following="again"), PagingError),
        (Answer({"message": "Forbidden"}, 403), BannedError),
        (Answer({"message": "Not Found"}, 404), UnknownSymbolError),
    ],
)
def test_a_history_that_makes_no_sense(
    settings: Settings, answer: Answer, kind: type[VenueError]
) -> None:
    wanted = window(NOW - timedelta(days=3), NOW)
    with pytest.raises(kind):
        ask(
            "drift",
            {RATES: answer},
            settings,
            NOW,
            lambda venue: venue.funding_rates(["SOL-PERP"], wanted.start, wanted.end),
        )


def test_both_forms_of_the_history_tell_the_same() -> None:
    rate, price = -0.003095708, 97.4937
    raw = {"ts": "1770195607", "fundingRate": "-3095708", "oraclePriceTwap": "97493700"}
    decimal = record(NOW, fundingRateLong=str(rate), oraclePriceTwap=str(price))
    answers = Answer({"fundingRates": [raw]}), records(decimal)
    found = [HISTORY.decode(answer.content).settlements("SOL-PERP") for answer in answers]
    rates = [row.rate for rows in found for row in rows]
    assert rates == [pytest.approx(rate / price, rel=1e-14)] * 2
