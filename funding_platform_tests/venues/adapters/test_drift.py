"""Drift and Velocity: one rate in three units and two signs, books of another host."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from funding_platform.core.time_grid import from_ms
from funding_platform.settings import Settings
from funding_platform.venues.adapters.drift.payloads import Perpetual
from funding_platform.venues.adapters.drift.rest import BOOK, MARKETS, Drift
from funding_platform.venues.errors import ContractError
from funding_platform.venues.rest.http import HttpClient
from funding_platform.venues.rest.limits import Limiter
from funding_platform_tests.venues.adapters.drift_answers import (
    HOUR,
    L2,
    NOW,
    STATS,
    book,
    perpetual,
    records,
    stats,
    window,
)
from funding_platform_tests.venues.adapters.recorded_cases import (
    Case,
    assert_as_expected,
    body,
    every_case,
)
from funding_platform_tests.venues.asking import ask, by_symbol, history_of, instruments, snapshot
from funding_platform_tests.venues.server import Answer, Routes


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
