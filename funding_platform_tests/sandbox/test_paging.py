"""Each venue's paging rule at its edges, over the wire, against the market behind it."""

from itertools import chain, pairwise
from typing import Any

import httpx
import numpy as np
import pytest

from funding_platform.core.time_grid import from_ms
from funding_platform.sandbox.markets.market import Market
from funding_platform.sandbox.server import build_market, running_sandbox
from funding_platform.sandbox.wire.registry import WIRES
from funding_platform.sandbox.wire.venues.edgex import contract_id
from funding_platform_tests.sandbox.conftest import NOW
from funding_platform_tests.sandbox.paths import BINANCE, BYBIT, OKX, Query


def times(market: Market, venue: str, symbol: str) -> list[int]:
    found: list[int] = market.settlements(venue, symbol).times_ms.tolist()
    return found


def binance(client: httpx.Client, **params: Any) -> list[int]:
    reply = client.get(BINANCE, params={"symbol": "BTCUSDT", **params})
    return [row["fundingTime"] for row in reply.json()]


def bybit(client: httpx.Client, **params: Any) -> list[int]:
    query = {"category": "linear", "symbol": "BTCUSDT", **params}
    rows = client.get(BYBIT, params=query).json()["result"]["list"]
    return [int(row["fundingRateTimestamp"]) for row in rows]


def okx(client: httpx.Client, **params: Any) -> list[int]:
    rows = client.get(OKX, params={"instId": "BTC-USDT-SWAP", **params}).json()["data"]
    return [int(row["fundingTime"]) for row in rows]


def hyperliquid(client: httpx.Client, **params: Any) -> list[int]:
    body = {"type": "fundingHistory", "coin": "BTC", **params}
    return [row["time"] for row in client.post("/hyperliquid/info", json=body).json()]


def test_binance_window_is_inclusive_and_ascends(client: httpx.Client, market: Market) -> None:
    known = times(market, "binance", "BTCUSDT")
    assert binance(client, startTime=known[5], endTime=known[9]) == known[5:10]
    assert binance(client, startTime=known[5] + 1, endTime=known[9] - 1) == known[6:9]
    assert binance(client, startTime=known[9], endTime=known[5]) == []


def test_binance_cuts_a_wide_window_at_its_end(client: httpx.Client, market: Market) -> None:
    known = times(market, "binance", "BTCUSDT")
    assert binance(client, startTime=0) == known[:100]
    assert binance(client, startTime=0, limit=1_000) == known[:1_000]
    assert binance(client, startTime=0, limit=5_000) == known[:1_000]
    assert binance(client, startTime=known[99] + 1, limit=3) == known[100:103]


def test_binance_without_bounds_gives_the_latest(client: httpx.Client, market: Market) -> None:
    known = times(market, "binance", "BTCUSDT")
    assert binance(client) == known[-200:]
    assert binance(client, limit=3) == known[-3:]
    assert binance(client, endTime=known[-2], limit=3) == known[-4:-1]


def test_bybit_comes_newest_first_and_inclusive(client: httpx.Client, market: Market) -> None:
    known = times(market, "bybit", "BTCUSDT")
    assert bybit(client) == known[:-201:-1]
    assert bybit(client, startTime=known[5], endTime=known[9]) == known[9:4:-1]
    assert bybit(client, startTime=known[5] + 1, endTime=known[9] - 1) == known[8:5:-1]
    assert bybit(client, endTime=known[300]) == known[300:100:-1]
    assert bybit(client, startTime=0, endTime=known[300], limit=2) == [known[300], known[299]]


def test_bybit_categories_keep_their_contracts(client: httpx.Client) -> None:
    for category, symbol, code in (
        ("inverse", "BTCUSD", 0),
        ("linear", "BTCUSD", 10001),
        ("inverse", "BTCUSDT", 10001),
        ("spot", "BTCUSDT", 10001),
    ):
        reply = client.get(BYBIT, params={"category": category, "symbol": symbol})
        assert reply.json()["retCode"] == code, (category, symbol)


def test_bybit_instruments_page_by_cursor(client: httpx.Client) -> None:
    path = "/bybit/v5/market/instruments-info"
    query = {"category": "linear", "limit": "25"}
    whole = client.get(path, params=query | {"limit": "1000"}).json()["result"]
    pages, cursor = [], ""
    while True:
        result = client.get(path, params=query | {"cursor": cursor}).json()["result"]
        pages.append([row["symbol"] for row in result["list"]])
        cursor = result["nextPageCursor"]
        if not cursor:
            break
    assert [len(page) for page in pages[:-1]] == [25] * (len(pages) - 1)
    assert list(chain(*pages)) == [row["symbol"] for row in whole["list"]]
    assert whole["nextPageCursor"] == ""


def test_okx_bounds_are_exclusive_and_after_means_older(
    client: httpx.Client, market: Market
) -> None:
    known = times(market, "okx", "BTC-USDT-SWAP")
    assert okx(client) == known[:-101:-1]
    assert okx(client, limit=400) == known[:-101:-1]
    assert okx(client, after=known[-5], limit=2) == [known[-6], known[-7]]
    assert okx(client, after=known[-5] + 1, limit=1) == [known[-5]]
    assert okx(client, before=known[-3]) == [known[-1], known[-2]]
    assert okx(client, after=known[9], before=known[5]) == known[8:5:-1]
    assert okx(client, after=known[0]) == []


def test_hyperliquid_ascends_from_an_inclusive_start(client: httpx.Client, market: Market) -> None:
    known = times(market, "hyperliquid", "BTC")
    assert hyperliquid(client, startTime=0) == known[:500]
    assert hyperliquid(client, startTime=known[499] + 1) == known[500:1_000]
    assert hyperliquid(client, startTime=known[7], endTime=known[9]) == known[7:10]
    assert hyperliquid(client, startTime=known[-1]) == known[-1:]
    assert hyperliquid(client, startTime=known[-1] + 1) == []


def lighter(client: httpx.Client, start: int, end: int) -> list[int]:
    query: Query = {"market_id": 0, "resolution": "1h", "count_back": 0}
    query |= {"start_timestamp": start // 1_000, "end_timestamp": end // 1_000}
    reply = client.get("/lighter/api/v1/fundings", params=query).json()
    return [1_000 * row["timestamp"] for row in reply["fundings"]]


def extended(client: httpx.Client, **params: Any) -> tuple[list[int], int | None]:
    query = {"startTime": 0, "endTime": 10**13, **params}
    reply = client.get("/extended/api/v1/info/BTC-USD/funding", params=query).json()
    return [row["T"] for row in reply["data"]], reply.get("pagination", {}).get("cursor")


def backpack(client: httpx.Client, **params: Any) -> list[str]:
    query = {"symbol": "BTC_USDC_PERP", **params}
    reply = client.get("/backpack/api/v1/fundingRates", params=query).json()
    return [row["intervalEndTimestamp"] for row in reply]


def grvt(client: httpx.Client, **params: Any) -> tuple[list[int], str]:
    body = {"instrument": "BTC_USDT_Perp", **params}
    reply = client.post("/grvt/full/v1/funding", json=body).json()
    return [int(row["funding_time"]) // 10**6 for row in reply["result"]], reply["next"]


def test_lighter_keeps_the_newest_of_a_wide_window(client: httpx.Client, market: Market) -> None:
    known = times(market, "lighter", "BTC")
    assert lighter(client, 0, known[-1]) == known[-750:]
    assert lighter(client, known[5], known[9]) == known[5:10]
    assert lighter(client, known[5] + 1_000, known[9] - 1_000) == known[6:9]
    assert lighter(client, known[-1] + 1_000, known[-1] + 9_000) == []


def test_lighter_prints_sizes_and_directions(client: httpx.Client, market: Market) -> None:
    history = market.settlements("lighter", "BTC")
    turn = int(np.flatnonzero(np.diff(history.rates < 0))[0])
    history = history.slice(slice(turn, turn + 2))
    edges = {
        "start_timestamp": history.times_ms[0] // 1_000,
        "end_timestamp": history.times_ms[-1] // 1_000,
    }
    query = {"market_id": 0, "resolution": "1h", "count_back": 0, **edges}
    rows = client.get("/lighter/api/v1/fundings", params=query).json()["fundings"]
    rates = history.rates.tolist()
    assert {row["direction"] for row in rows} == {"long", "short"}
    for row, rate in zip(rows, rates, strict=True):
        assert row["direction"] == ("short" if rate < 0 else "long")
        assert row["rate"] == f"{100 * abs(rate):.4f}"


def test_lighter_relays_rates_of_others_per_eight_hours(
    client: httpx.Client, market: Market
) -> None:
    rows = client.get("/lighter/api/v1/funding-rates").json()["funding_rates"]
    btc = {row["exchange"]: row["rate"] for row in rows if row["symbol"] == "BTC"}
    elsewhere = market.quotes("hyperliquid")["BTC"].predicted_rate
    assert btc.keys() == {"binance", "bybit", "hyperliquid", "lighter"}
    assert btc["lighter"] == 8 * market.quotes("lighter")["BTC"].predicted_rate
    assert btc["hyperliquid"] == pytest.approx(8 * elsewhere)


def test_extended_comes_newest_first_with_a_cursor(client: httpx.Client, market: Market) -> None:
    known = times(market, "extended", "BTC-USD")
    rows, cursor = extended(client)
    assert (rows, cursor) == (known[:-1001:-1], known[-1000])
    assert extended(client, cursor=cursor, limit=2) == (known[-1001:-1003:-1], known[-1002])
    assert extended(client, startTime=known[5], endTime=known[9]) == (known[9:4:-1], None)
    assert extended(client, startTime=known[5] + 1, endTime=known[9] - 1)[0] == known[8:5:-1]


def test_backpack_begins_with_the_open_interval(client: httpx.Client, market: Market) -> None:
    known = times(market, "backpack", "BTC_USDC_PERP")
    ends = [from_ms(time).strftime("%Y-%m-%dT%H:%M:%S") for time in known]
    assert backpack(client, limit=3) == ["2026-03-01T13:00:00", ends[-1], ends[-2]]
    assert backpack(client, limit=3, offset=1) == ends[:-4:-1]
    assert backpack(client, limit=2, offset=11) == ends[-11:-13:-1]
    assert len(backpack(client)) == 100
    assert backpack(client, limit=5_000, offset=1) == ends[:-1001:-1]
    assert backpack(client, offset=len(known)) == ends[:1]
    assert backpack(client, offset=len(known) + 1) == []


def test_grvt_hands_on_a_cursor(client: httpx.Client, market: Market) -> None:
    known = times(market, "grvt", "BTC_USDT_Perp")
    rows, cursor = grvt(client)
    assert rows == known[:-501:-1]
    rows, cursor = grvt(client, cursor=cursor, limit=2)
    assert rows == known[-501:-503:-1]
    edges = {"start_time": str(known[5] * 10**6), "end_time": str(known[9] * 10**6)}
    rows, cursor = grvt(client, **edges)
    assert rows == known[9:4:-1]
    assert grvt(client, **edges, cursor=cursor) == ([], "")


def test_grvt_states_the_interval_that_ends(market: Market, client: httpx.Client) -> None:
    """Whoever changes from 8 to 4 hours says so from the first shorter interval on."""
    changing = [i for i in market.instruments("grvt") if len(i.intervals) > 1]
    assert changing
    body = {"instrument": changing[0].venue_symbol, "limit": 1_000}
    rows = client.post("/grvt/full/v1/funding", json=body).json()["result"]
    gaps = [
        (int(row["funding_time"]) - int(before["funding_time"])) // 3_600_000_000_000
        for row, before in pairwise(rows)
    ]
    stated = [row["funding_interval_hours"] for row in rows[:-1]]
    assert {gap - hours for gap, hours in zip(gaps, stated, strict=True)} == {0}


def edgex(client: httpx.Client, symbol: str = "BTCUSDC", **params: Any) -> tuple[list[int], str]:
    query = {"contractId": contract_id(symbol), "filterSettlementFundingRate": "true", **params}
    data = client.get("/edgex/api/v2/public/funding/getFundingRatePage", params=query).json()[
        "data"
    ]
    return [int(row["fundingTimestamp"]) for row in data["dataList"]], data["nextPageOffsetData"]


def test_edgex_comes_newest_first_by_cursor_without_its_end(
    client: httpx.Client, market: Market
) -> None:
    known = times(market, "edgex", "BTCUSDC")
    assert edgex(client, size=100)[0] == known[:-101:-1]
    assert edgex(client, size=500)[0] == known[:-101:-1]
    window: Query = {"filterBeginTimeInclusive": known[5], "filterEndTimeExclusive": known[9]}
    assert edgex(client, size=100, **window) == (known[8:4:-1], "")
    first, cursor = edgex(client, size=3, **window)
    assert first == known[8:5:-1]
    assert edgex(client, size=3, offsetData=cursor, **window) == ([known[5]], "")


def test_edgex_without_the_filter_has_a_row_a_minute(client: httpx.Client, market: Market) -> None:
    stamps, _ = edgex(client, size=100, filterSettlementFundingRate="false")
    assert {newer - older for newer, older in pairwise(stamps)} == {60_000}


def test_aster_goes_on_naming_what_no_longer_trades() -> None:
    market = build_market(symbols=300, seed=11, now=NOW)
    with running_sandbox(market) as sandbox:
        rows = httpx.get(f"{sandbox.url_of('aster')}/fapi/v1/premiumIndex", timeout=60).json()
    named = {row["symbol"] for row in rows}
    assert named == {i.venue_symbol for i in market.instruments("aster")}
    gone = {row["symbol"] for row in rows if row["interestRate"] == "0"}
    assert gone == named - set(market.quotes("aster"))
    assert gone


def test_coingecko_shows_the_venues_in_percent(client: httpx.Client, market: Market) -> None:
    rows = client.get("/coingecko/api/v3/derivatives").json()
    shown = {(row["market"], row["symbol"]): row["funding_rate"] for row in rows}
    assert len(shown) == sum(len(market.quotes(venue)) for venue in WIRES)
    quotes = market.quotes("binance")
    for symbol, quote in quotes.items():
        percent = shown["Binance (Futures)", symbol]
        assert percent == pytest.approx(100 * quote.predicted_rate, abs=1e-6)
