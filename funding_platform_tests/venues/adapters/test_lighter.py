"""Lighter: three units, relayed rows, ids, and a history that is cut off at the old end."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from funding_platform.core.time_grid import Window, from_ms
from funding_platform.sandbox.server import build_market, running_sandbox
from funding_platform.settings import Settings
from funding_platform.venues.adapters.lighter.rest import FUNDING_RATES, HISTORY
from funding_platform.venues.errors import ContractError, RateLimitedError, UnknownSymbolError
from funding_platform.venues.registry import open_venue
from funding_platform_tests.venues.frames import snapshot
from funding_platform_tests.venues.histories import LISTINGS, history_route, read_series
from funding_platform_tests.venues.server import Answer, Routes, serve


def funding(**changes: Any) -> dict[str, Any]:
    return {
        "timestamp": 1_789_135_200,
        "value": "1",
        "rate": "0.0010",
        "direction": "long",
    } | changes


def decoded(**changes: Any) -> float:
    body = msgspec.json.encode({"code": 200, "fundings": [funding(**changes)]})
    return HISTORY.decode(body)[0].signed_rate


@pytest.mark.parametrize(
    ("rate", "direction", "expected"),
    [
        ("0.0010", "long", 0.00001),
        ("0.0010", "short", -0.00001),
        ("0.5700", "short", -0.0057),
        ("0.0000", "short", 0.0),
    ],
)
def test_the_side_that_paid_gives_the_sign(rate: str, direction: str, expected: float) -> None:
    found = decoded(rate=rate, direction=direction)
    assert (found, str(found)[0] == "-") == (expected, expected < 0)


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"direction": "both"}, r"\$\.fundings\[0\]\.direction"),
        ({"rate": "-0.0010"}, r"\$\.fundings\[0\]\.rate"),
        ({"rate": "NaN"}, r"\$\.fundings\[0\]\.rate"),
        ({"rate": "1e-3"}, r"\$\.fundings\[0\]\.rate"),
        ({"rate": None}, r"\$\.fundings\[0\]\.rate"),
        ({"timestamp": "2026-09-13T22:00:00"}, r"\$\.fundings\[0\]\.timestamp"),
    ],
)
def test_what_the_contract_does_not_know_is_refused(change: dict[str, Any], path: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=path):
        decoded(**change)


def test_stamps_in_milliseconds_are_found_out(settings: Settings) -> None:
    body = {"code": 200, "fundings": [funding(timestamp=1_789_135_200_000)]}
    history, *_ = read({"/api/v1/fundings": Answer(body)}, "BTC", settings)
    assert isinstance(history.failures["BTC"], ContractError)
    assert "unit of its time stamps" in str(history.failures["BTC"])


def test_the_recording_of_november_2025_is_of_the_same_unit(shared_dir: Path) -> None:
    file = shared_dir / "venues" / "fixtures" / "lighter" / "funding-rates-nov2025.json"
    [row] = FUNDING_RATES.decode(file.read_bytes())
    assert (row.venue_symbol, row.rate / 8) == ("ETH", 0.00001199999999999999875)


def details(symbol: str, market_id: int, **changes: Any) -> dict[str, Any]:
    detail = {"symbol": symbol, "market_id": market_id, "market_type": "perp", "status": "active"}
    return detail | changes


def rate(market_id: int, symbol: str, value: float, exchange: str = "lighter") -> dict[str, Any]:
    return {"market_id": market_id, "exchange": exchange, "symbol": symbol, "rate": value}


RATES = Answer(
    {
        "code": 200,
        "funding_rates": [
            rate(1, "BTC", 0.0008),
            rate(1, "BTC", 0.03, "binance"),
            rate(2, "OLD", 0.0001),
            rate(3, "NEW", -0.0004),
        ],
    }
)


def test_a_snapshot_by_hand(settings: Settings) -> None:
    listed = [
        details("BTC", 1, mark_price="50000", open_interest=2, daily_quote_token_volume="9"),
        details("OLD", 2, status="inactive"),
    ]
    routes: Routes = {
        "/api/v1/funding-rates": RATES,
        "/api/v1/orderBookDetails": Answer({"code": 200, "order_book_details": listed}),
    }
    frame, warnings, _ = snapshot("lighter", routes, settings)
    rows = {row["venue_symbol"]: row for row in frame.to_dicts()}
    assert list(rows) == ["BTC", "NEW"]
    btc, new = rows["BTC"], rows["NEW"]
    assert (btc["predicted_rate"], btc["interval_hours"]) == (0.0001, 1.0)
    assert (btc["open_interest_usd"], btc["volume_24h_usd"]) == (100_000.0, 9.0)
    assert btc["next_funding_time"] == datetime(2026, 9, 13, 23, tzinfo=UTC)
    assert (btc["index_price"], new["mark_price"], new["predicted_rate"]) == (None, None, -0.00005)
    assert warnings == []


def test_without_details_there_are_still_rates(settings: Settings) -> None:
    routes: Routes = {"/api/v1/funding-rates": RATES, "/api/v1/orderBookDetails": Answer(b"", 500)}
    frame, warnings, _ = snapshot("lighter", routes, settings)
    assert frame["venue_symbol"].to_list() == ["BTC", "NEW", "OLD"]
    assert ["orderBookDetails" in warning.endpoint for warning in warnings] == [True]


def test_decimals_become_steps(settings: Settings) -> None:
    listed = [details("BTC", 1, price_decimals=1, min_base_amount="0.0002"), details("X", 2)]
    listed.append(details("SPOT", 3, market_type="spot"))
    answer = Answer({"code": 200, "order_book_details": listed})
    frame, _, _ = snapshot("lighter", {"/api/v1/orderBookDetails": answer}, settings, "instruments")
    assert frame.select("venue_symbol", "tick_size", "min_size").rows() == [
        ("BTC", 0.1, 0.0002),
        ("X", None, None),
    ]


MARCH = Window.of_month(datetime(2026, 3, 1, tzinfo=UTC))


def read(routes: dict[str, Any], symbol: str, settings: Settings, window: Window = MARCH) -> Any:
    listed = {path: Answer(body) for path, body in LISTINGS["lighter"].items()}

    async def run() -> tuple[Any, list[str]]:
        async with (
            serve(listed | routes) as router,
            open_venue("lighter", router.url, settings=settings) as venue,
        ):
            history = await venue.funding_history([symbol], window)
            return history, [request.path for request in router.requests]

    return asyncio.run(run())


def test_an_unlisted_symbol_costs_only_itself(settings: Settings) -> None:
    history, _ = read({}, "NOPE", settings)
    assert isinstance(history.failures["NOPE"], UnknownSymbolError)


def test_the_code_for_too_many_requests(settings: Settings) -> None:
    too_many = Answer(
        {"code": 23000, "message": "Too Many Requests!"}, headers={"Retry-After": "999"}
    )
    with pytest.raises(RateLimitedError, match="23000"):
        read({"/api/v1/fundings": too_many}, "BTC", settings)


def test_a_lower_cap_than_documented_costs_requests_but_no_rows(
    shared_dir: Path, settings: Settings
) -> None:
    series = read_series(shared_dir / "data" / "funding" / "lighter" / "SOL.csv")
    window = Window(from_ms(series[0].time_ms), from_ms(series[-1].time_ms))
    history, paths = read(history_route("lighter", series, cap=100), "SOL", settings, window)
    assert history.frame["funding_rate"].to_list() == [float(row.rate) for row in series[:-1]]
    assert paths.count("/api/v1/fundings") >= 19


@pytest.mark.world
def test_real_history_replayed_by_the_sandbox_comes_back_exactly(
    shared_dir: Path, settings: Settings
) -> None:
    """Snapshots with holes of hours and days; rates with more digits than the venue prints."""
    folder = shared_dir / "data" / "funding" / "lighter"
    series = {path.stem: read_series(path) for path in sorted(folder.glob("*.csv"))}
    market = build_market(replay=shared_dir / "data")
    window = Window(datetime(2025, 10, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC))

    async def run(url: str) -> Any:
        async with open_venue("lighter", url, settings=settings) as venue:
            listed = (await venue.instruments())["venue_symbol"].to_list()
            rates = await venue.market_snapshot()
            return listed, rates, await venue.funding_history(listed, window)

    with running_sandbox(market) as sandbox:
        listed, rates, history = asyncio.run(run(sandbox.url_of("lighter")))
    assert listed == list(series)
    last = {symbol: float(rows[-1].rate) for symbol, rows in series.items()}
    assert dict(rates.select("venue_symbol", "predicted_rate").iter_rows()) == last
    for symbol, rows in series.items():
        found = history.frame.filter(venue_symbol=symbol)
        assert found["venue_time"].to_list() == [from_ms(row.time_ms) for row in rows]
        assert found["funding_rate"].to_list() == [float(row.rate) for row in rows]
        assert set(found["interval_hours"]) == {1.0}
        hours = (rows[-1].time_ms - rows[0].time_ms) // 3_600_000 + 1
        assert history.coverage[symbol].missing == hours - len(rows)
