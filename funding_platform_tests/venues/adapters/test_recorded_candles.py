"""The adapters on recorded bars, against what ``fixtures/INDEX-candles.json`` expects."""

import asyncio
import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from funding_platform.core.tables.prices import OPEN_INTEREST, PRICE_CANDLES, SPOT_CANDLES
from funding_platform.core.time_grid import HOUR, HOUR_MS, from_ms, to_ms
from funding_platform.settings import Settings
from funding_platform.venues import open_venue
from funding_platform.venues.contract import Venue
from funding_platform.venues.paging.pager import Ask
from funding_platform.venues.parsing.candles import Candle, InterestPoint
from funding_platform.venues.parsing.payloads import present
from funding_platform_tests.venues.adapters.recorded_candles import (
    SYMBOLS,
    Case,
    Row,
    body,
    candle_cases,
)
from funding_platform_tests.venues.listings import with_listings
from funding_platform_tests.venues.server import Answer, Params, serve

BY_NUMBER = {"edgex", "lighter"}
"""Venues whose index names contracts by number."""

ELSEWHERE = {
    ("drift", "/market/BTC-PERP/candles/1"): "/market/BTC-PERP/candles/60",
    ("drift", "/market/ETH-PERP/candles/M"): "/market/ETH-PERP/candles/60",
    ("aster", "/fapi/v3/klines"): "/fapi/v1/klines",
    ("edgex", "/api/v1/public/quote/getKline"): "/api/v2/public/quote/getKline",
    ("okx", "/api/v5/market/candles"): "/api/v5/market/history-candles",
}
"""Paths by which the adapters ask for what was recorded at another one."""


def expected_of(case: Case, kind: str) -> list[Row]:
    """The bars that had ended, or may have, when the answer was recorded."""
    rows = [row for row in case.get("expected_normalised", []) if row["kind"] == kind]
    return [row for row in rows if row.get("closed") is not False]


def symbol_of(case: Case, kind: str) -> str:
    named = {row["native_symbol"] for row in case.get("expected_normalised", [])}
    stated = {name for name in named if not name.startswith("(")} if kind != "spot" else named
    return stated.pop() if case["venue"] not in BY_NUMBER and stated else SYMBOLS[case["venue"]]


OF_KINDS = [
    (case, kind)
    for case in candle_cases()
    for kind in sorted({row["kind"] for row in case.get("expected_normalised", [])}) or ["trade"]
]
"""Each recorded answer once for each kind of rows that it holds: one of drift's is two bars."""


def is_hourly(case: Case, kind: str) -> bool:
    lengths = {row.get("interval_ms", HOUR_MS) for row in expected_of(case, kind)}
    return lengths == {HOUR_MS}


def named(cases: list[tuple[Case, str]]) -> list[Any]:
    return [pytest.param(case, kind, id=f"{case['file']} {kind}") for case, kind in cases]


CASES = named(OF_KINDS)
HOURLY = named([(case, kind) for case, kind in OF_KINDS if is_hourly(case, kind)])


def routes(case: Case) -> dict[str, Any]:
    """The recorded answer, once; after it an empty one."""
    given: list[bytes] = [body(case)]

    def handle(params: Params) -> Answer:
        return Answer(given.pop() if given else emptied(json.loads(body(case))))

    return with_listings(case["venue"], {served_at(case): handle})


def emptied(node: Any) -> Any:
    """A page with the rows taken out of it."""
    if isinstance(node, list):
        return []
    return {k: emptied(v) for k, v in node.items()} if isinstance(node, dict) else node


def served_at(case: Case) -> str:
    """The path that the adapter asks, where that is not the recorded one."""
    asked = ELSEWHERE.get((case["venue"], case["path"]), case["path"])
    return str(asked).replace("{market}", SYMBOLS[case["venue"]])


def run(case: Case, now: datetime, work: Any) -> Any:
    async def opened() -> Any:
        async with (
            serve(routes(case)) as router,
            open_venue(case["venue"], router.url, settings=Settings(), clock=lambda: now) as venue,
        ):
            return await work(venue)

    return asyncio.run(opened())


async def page(venue: Venue, kind: str, symbol: str, ask: Ask) -> Any:
    if kind == "open_interest":
        return await venue.fetch_open_interest(symbol, ask)
    if kind == "spot" and SPOT_CANDLES in venue.spec.offers:
        return await venue.fetch_spot_candles(symbol, ask)
    return await venue.fetch_candles(symbol, "trade" if kind == "spot" else kind, ask)


def same(found: float | str | None, expected: str | None) -> bool:
    return present(found) == (None if expected is None else float(expected))


@pytest.mark.parametrize(("case", "kind"), CASES)
def test_a_recorded_page_holds_the_expected_values(case: Case, kind: str) -> None:
    """Of whatever length its bars are: the adapters ask for hours, the fields are the same."""
    expected = expected_of(case, kind)
    now = moment(case)
    ask = Ask(0 if not expected else to_ms(now) - 10**9, to_ms(now), 100)
    found = run(case, now, lambda venue: page(venue, kind, symbol_of(case, kind), ask))
    ended = {row["open_time_ms"] for row in unfinished(case)}
    rows = sorted((row for row in found.rows if row.time_ms not in ended), key=lambda r: r.time_ms)
    assert [row.time_ms for row in rows] == [
        row.get("open_time_ms", row.get("time_ms")) for row in expected
    ]
    for row, known in zip(rows, expected, strict=True):
        if isinstance(row, InterestPoint):
            assert same(row.open_interest_base, known["open_interest_base"])
            assert same(row.open_interest_quote, known["open_interest_usd"])
            continue
        assert isinstance(row, Candle)
        for name in ("open", "high", "low", "close", "volume_base"):
            assert same(getattr(row, name), known[name]), name
        if known["volume_usd"] is not None:
            assert same(row.volume_quote, known["volume_usd"])


@pytest.mark.parametrize(("case", "kind"), HOURLY)
def test_recorded_hours_become_exactly_the_expected_rows(case: Case, kind: str) -> None:
    """Through the public call; the bar that still ran is not among them."""
    now, expected = moment(case), expected_of(case, kind)
    name = "open_time_ms" if kind != "open_interest" else "time_ms"
    start, end = (from_ms(expected[at][name]) for at in (0, -1))

    def ask(venue: Venue) -> Any:
        symbols = [symbol_of(case, kind)]
        if kind == "spot":
            return venue.spot_candles(symbols, start, end + 3 * HOUR)
        if kind == "open_interest":
            return venue.open_interest(symbols, start, end + HOUR)
        return venue.candles(symbols, start, end + 3 * HOUR, kind)

    frame = run(case, now, ask)
    table = {"spot": SPOT_CANDLES, "open_interest": OPEN_INTEREST}.get(kind, PRICE_CANDLES)
    assert frame.schema == table.polars_schema
    rows = frame.to_dicts()
    assert [to_ms(row[name.removesuffix("_ms")]) for row in rows] == [row[name] for row in expected]
    for row, known in zip(rows, expected, strict=True):
        for column in ("open", "high", "low", "close", "volume_base", "volume_usd",
                       "open_interest_base", "open_interest_usd"):  # fmt: skip
            if column in known:
                assert same(row[column], known[column]), column
        lasts = timedelta(0) if kind == "open_interest" else HOUR
        assert to_ms(row["available_at"] - lasts) == known[name]


def unfinished(case: Case) -> list[Row]:
    rows = case.get("expected_normalised", [])
    return [row for row in rows if row.get("closed") is False]


def moment(case: Case) -> datetime:
    """A present at which exactly the bars that had ended have."""
    if running := unfinished(case):
        return from_ms(running[0]["open_time_ms"]) + HOUR / 2
    times = [
        row.get("open_time_ms", row.get("time_ms")) for row in case.get("expected_normalised", [])
    ]
    return from_ms(max(times)) + 3 * HOUR if times else from_ms(1_788_000_000_000)
