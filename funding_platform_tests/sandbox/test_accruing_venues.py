"""Deribit, Paradex and Drift on the wire: their shapes, their paging, and their figures."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from funding_platform.core.time_grid import HOUR_MS, to_ms
from funding_platform.sandbox.faults import Status
from funding_platform.sandbox.markets.market import Market
from funding_platform.sandbox.server import RunningSandbox, build_market
from funding_platform.sandbox.wire.venues.paradex import STEP_MS
from funding_platform_tests.sandbox.conftest import NOW
from funding_platform_tests.sandbox.test_shapes import read, shape

PUBLIC = "/deribit/api/v2/public"
NOW_MS = to_ms(NOW)


def result(client: httpx.Client, method: str, **params: Any) -> Any:
    return client.get(f"{PUBLIC}/{method}", params=params).json()["result"]


def hours(client: httpx.Client, start: int, end: int) -> list[int]:
    edges = {"start_timestamp": start, "end_timestamp": end}
    rows = result(client, "get_funding_rate_history", instrument_name="BTC-PERPETUAL", **edges)
    return [int(row["timestamp"]) for row in rows]


def times(market: Market, venue: str, symbol: str) -> list[int]:
    stamps: list[int] = market.settlements(venue, symbol).times_ms.tolist()
    return stamps


Picked = Callable[[Any], Any]
SHAPES: list[tuple[str, str, Picked]] = [
    (
        "deribit/get_funding_rate_history-2020-05",
        f"{PUBLIC}/get_funding_rate_history?instrument_name=BTC-PERPETUAL&start_timestamp=0"
        f"&end_timestamp={NOW_MS}",
        lambda document: document,
    ),
    (
        "deribit/get_instruments-BTC-any",
        f"{PUBLIC}/get_instruments?currency=BTC&kind=future",
        lambda document: document["result"][0],
    ),
    (
        "deribit/ws-ticker-BTC-PERPETUAL",
        f"{PUBLIC}/ticker?instrument_name=BTC-PERPETUAL",
        lambda document: document["params"]["data"] if "params" in document else document["result"],
    ),
    (
        "paradex/markets-summary-ALL",
        "/paradex/v1/markets/summary?market=ALL",
        lambda document: document["results"][0],
    ),
    ("paradex/docs-bbo", "/paradex/v1/bbo/BTC-USD-PERP", lambda document: document),
    ("drift/velocity-stats-markets", "/drift/stats/markets", lambda document: document),
    (
        "drift/velocity-fundingRates-BTC-PERP",
        "/drift/market/BTC-PERP/fundingRates",
        lambda document: document,
    ),
    (
        "drift/driftlegacy-fundingRates-rawint-SOL-PERP",
        "/drift/fundingRates?marketName=SOL-PERP",
        lambda document: document,
    ),
    (
        "drift/driftlegacy-dlob-l2-BTC-PERP",
        "/drift/l2?marketName=BTC-PERP&depth=1",
        lambda document: document,
    ),
]
"""A recording, the request for it, and the part of both to compare."""

NUMBERS = {"int", "float"}


@pytest.mark.parametrize(("name", "path", "pick"), SHAPES, ids=[name for name, *_ in SHAPES])
def test_same_shape_as_recorded(
    client: httpx.Client, shared_dir: Path, name: str, path: str, pick: Picked
) -> None:
    """A JSON number is one, whether or not a fraction happened to be recorded."""
    recorded, ours = shape(pick(read(shared_dir, name))), shape(pick(client.get(path).json()))
    assert ours.keys() == recorded.keys()
    for place, types in ours.items():
        assert types <= (recorded[place] | (NUMBERS if recorded[place] & NUMBERS else set())), place


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("paradex/markets-slim", "/paradex/v1/markets"),
        ("paradex/docs-markets-full", "/paradex/v1/markets"),
        ("paradex/docs-funding-data", "/paradex/v1/funding/data?market=BTC-USD-PERP&page_size=9"),
        (
            "deribit/docs-get_funding_rate_value",
            f"{PUBLIC}/get_funding_rate_value?instrument_name=BTC-PERPETUAL&start_timestamp=0"
            f"&end_timestamp={NOW_MS}",
        ),
    ],
)
def test_fields_of_a_trimmed_recording(
    client: httpx.Client, shared_dir: Path, name: str, path: str
) -> None:
    recorded, ours = shape(read(shared_dir, name)), shape(client.get(path).json())
    # A list that happened to be filled has elements.
    assert {place for place in recorded if not place.endswith("tags[]")} <= ours.keys()


@pytest.mark.parametrize(
    ("venue", "status", "name", "field"),
    [
        ("deribit", 429, "deribit/error-too_many_requests", "error"),
        ("drift", 403, "drift/driftlegacy-error-403", "message"),
    ],
)
def test_error_bodies(
    client: httpx.Client,
    sandbox: RunningSandbox,
    shared_dir: Path,
    venue: str,
    status: int,
    name: str,
    field: str,
) -> None:
    sandbox.inject(Status(venue=venue, status=status))
    reply = client.get(f"/{venue}/anything")
    assert (reply.status_code, reply.json()[field]) == (status, read(shared_dir, name)[field])


@pytest.mark.parametrize(
    ("path", "status", "field", "value"),
    [
        (f"{PUBLIC}/ticker?instrument_name=NOPE", 400, "error", -32602),
        (f"{PUBLIC}/get_funding_rate_history?instrument_name=BTC-PERPETUAL", 400, "error", -32602),
        (f"{PUBLIC}/nothing", 400, "error", -32601),
        ("/paradex/v1/funding/data?market=NOPE", 404, "error", "NOT_FOUND"),
        ("/paradex/v1/markets/summary", 400, "error", "INVALID_REQUEST_PARAMETER"),
        ("/paradex/v1/funding/data?market=BTC-USD-PERP&page_size=5001", 400, "error",
         "INVALID_REQUEST_PARAMETER"),
        ("/drift/market/NOPE/fundingRates", 404, "message", "Not Found"),
        ("/drift/market/BTC-PERP/fundingRates/2026/2/30", 400, "message", "day is invalid"),
    ],
)  # fmt: skip
def test_requests_that_cannot_be_answered(
    client: httpx.Client, path: str, status: int, field: str, value: Any
) -> None:
    reply = client.get(path)
    found = reply.json()[field]
    assert reply.status_code == status
    assert (found["code"] if isinstance(found, dict) else found) == value


def test_deribit_leaves_out_the_start_and_all_but_the_newest_744(
    client: httpx.Client, market: Market
) -> None:
    known = times(market, "deribit", "BTC-PERPETUAL")
    assert hours(client, known[5], known[9]) == known[6:10]
    assert hours(client, known[5] - 1, known[9] - 1) == known[5:9]
    assert hours(client, 0, NOW_MS) == known[-744:]


def test_deribit_tells_what_hours_paid_three_ways(client: httpx.Client, market: Market) -> None:
    history = market.settlements("deribit", "BTC-PERPETUAL")
    edges = {"start_timestamp": int(history.times_ms[-25]), "end_timestamp": NOW_MS}
    rows = result(client, "get_funding_rate_history", instrument_name="BTC-PERPETUAL", **edges)
    paid = [row["interest_1h"] for row in rows]
    assert paid == history.rates[-24:].tolist()
    total = result(client, "get_funding_rate_value", instrument_name="BTC-PERPETUAL", **edges)
    assert total == pytest.approx(sum(paid))
    for end in range(8, 25):
        assert rows[end - 1]["interest_8h"] == pytest.approx(sum(paid[end - 8 : end]), abs=1e-15)


def test_deribit_serves_each_currency_its_contracts(client: httpx.Client) -> None:
    def names(method: str, currency: str) -> list[str]:
        rows = result(client, method, currency=currency, kind="future")
        return sorted(row["instrument_name"] for row in rows)

    assert names("get_book_summary_by_currency", "BTC") == ["BTC-PERPETUAL"]
    assert names("get_instruments", "BTC") == ["BTC-PERPETUAL"]
    linear = names("get_book_summary_by_currency", "USDC")
    assert "SOL_USDC-PERPETUAL" in linear
    assert all(name.endswith("_USDC-PERPETUAL") for name in linear)
    assert set(linear) < set(names("get_instruments", "any"))


def samples(client: httpx.Client, **params: Any) -> tuple[list[dict[str, Any]], str | None]:
    query = {"market": "BTC-USD-PERP", **params}
    document = client.get("/paradex/v1/funding/data", params=query).json()
    return document["results"], document["next"]


def test_paradex_samples_come_newest_first_by_cursor(client: httpx.Client) -> None:
    end, start = NOW_MS - 7 * HOUR_MS, NOW_MS - 8 * HOUR_MS
    pages, cursor = [], None
    while True:
        params = {"start_at": start, "end_at": end, "page_size": 300}
        rows, cursor = samples(client, **params, **({"cursor": cursor} if cursor else {}))
        pages.append(rows)
        if cursor is None:
            break
    stamps = [row["created_at"] for page in pages for row in page]
    assert [len(page) for page in pages] == [300, 300, 120]
    assert stamps == list(range(end // STEP_MS * STEP_MS, start, -STEP_MS))


def test_paradex_index_grows_by_the_premium(client: httpx.Client) -> None:
    """As the venue states it: by premium * elapsed / period, from sample to sample."""
    rows, _ = samples(client, end_at=NOW_MS - HOUR_MS, page_size=500)
    period_ms = rows[0]["funding_period_hours"] * HOUR_MS
    index, premium = (
        np.array([float(row[name]) for row in rows])
        for name in ("funding_index", "funding_premium")
    )
    grown = index[:-1] - index[1:]
    assert grown == pytest.approx(premium[1:] * STEP_MS / period_ms, rel=1e-6)


def test_drift_keeps_31_days_in_pages_and_all_days_by_date(
    client: httpx.Client, market: Market
) -> None:
    path = "/drift/market/BTC-PERP/fundingRates"
    known = [time // 1_000 for time in times(market, "drift", "BTC-PERP")]
    found, token = [], None
    while True:
        params = {"limit": "200", **({"page": token} if token else {})}
        document = client.get(path, params=params).json()
        found += [row["ts"] for row in document["records"]]
        token = document["meta"]["nextPage"]
        if token is None:
            break
    since = (NOW_MS - 31 * 24 * HOUR_MS) // 1_000
    assert found == [time for time in known if time > since][::-1]
    day = int(datetime(2024, 2, 29, tzinfo=UTC).timestamp())
    rows = client.get(f"{path}/2024/2/29").json()["records"]
    assert [row["ts"] for row in rows] == [t for t in known if day <= t < day + 86_400][::-1]


def test_drift_tells_one_rate_three_ways(client: httpx.Client, market: Market) -> None:
    query = {"limit": "1"}
    [row] = client.get("/drift/market/SOL-PERP/fundingRates", params=query).json()["records"]
    raw = client.get("/drift/fundingRates?marketName=SOL-PERP").json()["fundingRates"][-1]
    settled = market.settlements("drift", "SOL-PERP").rates[-1]
    assert float(row["fundingRateLong"]) / float(row["oraclePriceTwap"]) == settled
    scaled = (int(raw["fundingRate"]) / 1e9) / (int(raw["oraclePriceTwap"]) / 1e6)
    assert scaled == pytest.approx(settled, rel=1e-4)
    markets = client.get("/drift/stats/markets").json()["markets"]
    sol = next(market for market in markets if market["symbol"] == "SOL-PERP")
    predicted = market.quotes("drift")["SOL-PERP"].predicted_rate
    assert -float(sol["fundingRate"]["long"]) / 100 == pytest.approx(predicted, rel=1e-12)


@pytest.mark.sampled(1)
@pytest.mark.parametrize("minutes", [0, 13, 59])
def test_deribit_publishes_what_the_last_eight_hours_paid(minutes: int) -> None:
    """Each settled hour by the part of it that lies within, and the hour under way."""
    now = NOW.replace(minute=0, second=0, microsecond=0) + timedelta(minutes=minutes)
    market = build_market(symbols=60, seed=11, now=now)
    compared = 0
    for symbol, quote in market.quotes("deribit").items():
        history = market.settlements("deribit", symbol)
        ago = (to_ms(now) - history.times_ms[-8:]) / HOUR_MS
        if len(ago) < 8 or ago[0] > 8:
            continue  # listed or out of order within these hours
        parts = np.minimum(1.0, 8.0 - ago)
        paid = parts @ history.rates[-8:] + ago[-1] * quote.predicted_rate
        assert quote.paid_8h == pytest.approx(paid, abs=1e-12)
        compared += 1
    assert compared > 40
