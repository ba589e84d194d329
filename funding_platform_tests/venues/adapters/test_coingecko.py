"""CoinGecko: percent, no interval, no history, and the key that it takes or does without."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from funding_platform.core.tables.collected import FUNDING_RATES
from funding_platform.settings import Settings
from funding_platform.venues.adapters.coingecko import PRO_HOST, CoinGecko, native_venue
from funding_platform.venues.contract import Venue
from funding_platform.venues.errors import (
    BannedError,
    ContractError,
    NotOfferedError,
    RateLimitedError,
    RequestError,
    ServerError,
    VenueError,
)
from funding_platform.venues.registry import open_venue, venue_names
from funding_platform_tests.venues.adapters.recorded_cases import (
    Case,
    Row,
    assert_as_expected,
    body,
    every_case,
)
from funding_platform_tests.venues.server import Answer, Router, serve

NOW = datetime(2026, 5, 26, 15, tzinfo=UTC)
PATH = "/api/v3/derivatives"


def derivative(**changes: Any) -> Row:
    return {
        "market": "Binance (Futures)", "symbol": "BTCUSDT", "index_id": "BTC", "price": "77034.8",
        "price_percentage_change_24h": -1.2, "contract_type": "perpetual", "index": 76691.4,
        "basis": -0.1, "spread": 0.01, "funding_rate": 0.57, "open_interest": 7.5e9,
        "volume_24h": 9.6e9, "last_traded_at": 1779807819, "expired_at": None,
    } | changes  # fmt: skip


def snapshot(answer: Answer, settings: Settings) -> tuple[list[Row], Router]:
    async def run() -> tuple[list[Row], Router]:
        async with (
            serve({PATH: answer}) as router,
            open_venue("coingecko", router.url, settings=settings, clock=lambda: NOW) as venue,
        ):
            return (await venue.market_snapshot()).to_dicts(), router

    return asyncio.run(run())


@every_case("coingecko")
def test_recorded_answers_hold_the_expected_values(case: Case, settings: Settings) -> None:
    rows, _ = snapshot(Answer(body(case)), settings)
    found = {row["venue_symbol"]: row for row in rows}
    assert found.keys() == {row["native_symbol"] for row in case["expected_normalised"]}
    for expected in case["expected_normalised"]:
        row = found[expected["native_symbol"]]
        assert_as_expected(expected, row)
        assert row["predicted_rate"] == float(expected["funding_rate_per_interval"])
        assert (row["interval_hours"], row["next_funding_time"]) == (None, None)
        assert (row["best_bid"], row["spread_bps"]) == (None, None)


@pytest.mark.parametrize(
    ("percent", "fraction"), [(0.57, 0.0057), (0, 0.0), (-1e-05, -1e-07), (12.5, 0.125)]
)
def test_percent_becomes_a_fraction_exactly(
    percent: float, fraction: float, settings: Settings
) -> None:
    ([row], _) = snapshot(Answer([derivative(funding_rate=percent)]), settings)
    assert row["predicted_rate"] == fraction


def test_only_perpetuals_of_our_venues_with_a_rate_are_kept(settings: Settings) -> None:
    rows = [
        derivative(),
        derivative(market="Bitget Futures"),
        derivative(market=""),
        derivative(contract_type="futures", symbol="BTCUSDT_260626"),
        derivative(funding_rate=None, symbol="ETHUSDT"),
        derivative(open_interest=None, volume_24h=None, index=None, symbol="XRPUSDT"),
        derivative(market="OKX (Futures)"),
    ]
    found, _ = snapshot(Answer(rows), settings)
    assert {row["venue_symbol"]: row["open_interest_usd"] for row in found} == {
        "Binance (Futures):BTCUSDT": 7.5e9,
        "Binance (Futures):XRPUSDT": None,
        "OKX (Futures):BTCUSDT": 7.5e9,
    }


@pytest.mark.parametrize(
    ("market", "venue"),
    [
        ("Binance (Futures)", "binance"),
        ("Hyperliquid (Futures)", "hyperliquid"),
        ("Aster (Futures)", "aster"),
        ("edgeX", "edgex"),
        ("Bitget Futures", None),
        ("Binances", None),
        (" ", None),
    ],
)
def test_a_market_is_the_venue_that_its_first_word_spells(market: str, venue: str | None) -> None:
    assert native_venue(market) == venue


def test_every_venue_but_coingecko_itself_can_be_meant() -> None:
    assert {native_venue(name.title()) for name in venue_names()} >= set(venue_names())


@pytest.mark.parametrize("rate", ["NaN", "Infinity", "much", 40, True, [0.1]])
def test_a_rate_that_is_none_is_refused(rate: Any, settings: Settings) -> None:
    with pytest.raises(ContractError):
        snapshot(Answer([derivative(funding_rate=rate)]), settings)


def call(venue: Venue, what: str) -> Any:
    if what == "history":
        return venue.funding_rates(
            ["Binance (Futures):BTCUSDT"], datetime(2026, 1, 1, tzinfo=UTC), NOW
        )
    return getattr(venue, what)()


@pytest.mark.parametrize("what", ["instruments", "history"])
def test_what_it_does_not_offer_is_said_without_asking(what: str, settings: Settings) -> None:
    async def run() -> int:
        async with (
            serve({PATH: Answer([])}) as router,
            open_venue("coingecko", router.url, settings=settings, clock=lambda: NOW) as venue,
        ):
            with pytest.raises(NotOfferedError, match="hint: it offers market_snapshots"):
                await call(venue, what)
            return len(router.requests)

    assert asyncio.run(run()) == 0
    assert FUNDING_RATES not in CoinGecko.spec.offers


def refused(status: int, code: int | None) -> Answer:
    if code is None:
        return Answer(b"<html>", status)
    return Answer({"status": {"error_code": code, "error_message": "no"}}, status)


@pytest.mark.parametrize(
    ("answer", "kind", "advice"),
    [
        (refused(429, 429), RateLimitedError, "set FUNDING_COINGECKO_API_KEY to a key"),
        (refused(429, None), RateLimitedError, "set FUNDING_COINGECKO_API_KEY to a key"),
        (refused(403, 1020), BannedError, "set FUNDING_COINGECKO_API_KEY to a key"),
        (refused(401, 10002), RequestError, "set FUNDING_COINGECKO_API_KEY to a key"),
        (refused(401, 10005), RequestError, "FUNDING_VENUE_URLS="),
        (refused(400, 10010), RequestError, "FUNDING_VENUE_URLS="),
        (refused(500, None), ServerError, ""),
    ],
)
def test_a_refusal_says_what_to_set(
    answer: Answer, kind: type[VenueError], advice: str, settings: Settings
) -> None:
    with pytest.raises(kind) as caught:
        snapshot(answer, settings)
    assert advice in (caught.value.hint or "")


@pytest.mark.parametrize("url", ["https://api.coingecko.com", PRO_HOST, "http://127.0.0.1:1"])
def test_the_key_goes_into_the_header_of_its_plan(url: str) -> None:
    settings = Settings(coingecko_api_key="CG-secret")
    plan = "pro" if url == PRO_HOST else "demo"
    assert CoinGecko.spec.credentials(settings, url) == {f"x-cg-{plan}-api-key": "CG-secret"}
    assert CoinGecko.spec.credentials(Settings(), url) == {}


def test_the_key_is_sent_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUNDING_COINGECKO_API_KEY", "CG-secret")
    settings = Settings(rate_limit_scale=1_000)
    _, router = snapshot(Answer([derivative()]), settings)
    assert [r.headers["x-cg-demo-api-key"] for r in router.requests] == ["CG-secret"]
    with pytest.raises(RequestError) as caught:
        snapshot(refused(400, 10011), settings)
    shown = [repr(settings), str(settings.model_dump()), str(caught.value), repr(caught.value)]
    shown.append(json.dumps(vars(caught.value), default=str))
    assert not any("CG-secret" in text for text in shown)
