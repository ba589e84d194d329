"""Each venue's rule for pages of bars, at its edges, over the wire: the younger venues."""

from datetime import datetime
from typing import Any

import httpx
import pytest

from funding_platform.core.time_grid import HOUR_MS, from_ms
from funding_platform.sandbox.markets.market import Market
from funding_platform.sandbox.markets.series import Candles, PriceKind, Span
from funding_platform.sandbox.wire.venues.edgex import contract_id
from funding_platform_tests.sandbox.test_candle_paging import (
    INDEX,
    MARK,
    NOW_MS,
    OPEN,
    TRADE,
    ago,
    down,
    held,
    ohlc,
)

Row = dict[str, Any]


def idle(market: Market, venue: str) -> tuple[str, int, Candles]:
    """The least popular contract that trades, its place in the list, and its last 500 bars."""
    names = [i.venue_symbol for i in market.instruments(venue)]
    symbol = [name for name in names if name in market.quotes(venue)][-1]
    bars = market.candles(venue, symbol, "trade", Span(None, None, 500), 12)
    assert (bars.volumes == 0).any()
    return symbol, names.index(symbol), bars


def lighter(
    client: httpx.Client, call: str, start: int, end: int, identity: int = 0, back: int = 0
) -> list[Row] | None:
    query: Row = {"market_id": identity, "resolution": "1h", "count_back": back}
    query |= {"start_timestamp": start, "end_timestamp": end}
    rows: list[Row] | None = client.get(f"/lighter/api/v1/{call}", params=query).json()["c"]
    return rows


@pytest.mark.parametrize("call", ["candles", "markPriceCandles"])
def test_lighter_keeps_the_newest_of_a_wide_window(client: httpx.Client, call: str) -> None:
    def ask(*edges: int, back: int = 0) -> list[int]:
        start, end = edges
        return [row["t"] for row in lighter(client, call, start, end, back=back) or []]

    assert ask(0, NOW_MS // 1_000) == ask(0, NOW_MS) == down(499, 0)
    assert ask(ago(9) // 1_000, ago(7) // 1_000) == down(9, 7)
    assert ask(0, NOW_MS, back=3) == down(2, 0)
    assert lighter(client, call, 10**12, 10**12 + 1) is None


def test_lighter_leaves_out_what_is_zero(client: httpx.Client, market: Market) -> None:
    symbol, identity, bars = idle(market, "lighter")
    rows = lighter(client, "candles", 0, NOW_MS, identity) or []
    still = set(bars.opens_ms[bars.volumes == 0].tolist())
    shown = {row["t"] for row in rows}
    assert set(bars.opens_ms.tolist()) - shown == {t for t in still if t // HOUR_MS % 2 == 0}
    assert {row["t"] for row in rows if "v" not in row} == still & shown != set()
    assert all(("v" in row) == ("V" in row) for row in rows)
    marks = lighter(client, "markPriceCandles", 0, NOW_MS, identity) or []
    assert len(marks) == 500
    assert (set(marks[0]), marks[-1]["sc"]) == ({"t", "o", "h", "l", "c", "sc"}, 34 * 60 + 56)
    bar = held(market, "lighter", symbol, "mark", 5, 12)
    assert [marks[-6][name] for name in "ohlc"] == pytest.approx(ohlc(bar), rel=1e-4)


@pytest.mark.parametrize("kind", ["trades", "mark-prices", "index-prices"])
def test_extended_pages_backwards_from_an_end(client: httpx.Client, kind: str) -> None:
    def ask(**query: Any) -> list[int]:
        path = f"/extended/api/v1/info/candles/BTC-USD/{kind}"
        reply = client.get(path, params={"interval": "PT1H", "limit": 3, **query})
        return [row["T"] for row in reply.json()["data"]]

    assert ask() == down(0, 2)
    assert ask(endTime=ago(7)) == down(7, 9)
    assert ask(endTime=ago(7) - 1) == down(8, 10)
    assert len(ask(limit=99_999)) == 10_000


def test_extended_shows_an_hour_without_a_deal_flat(client: httpx.Client, market: Market) -> None:
    symbol, _, bars = idle(market, "extended")
    path = f"/extended/api/v1/info/candles/{symbol}/trades"
    rows = client.get(path, params={"interval": "PT1H", "limit": 500}).json()["data"]
    still = {row["T"] for row in rows if float(row["v"]) == 0}
    assert still == set(bars.opens_ms[bars.volumes == 0].tolist())
    assert all(row["o"] == row["h"] == row["l"] == row["c"] for row in rows if row["T"] in still)


def test_extended_open_interest_ascends(client: httpx.Client, market: Market) -> None:
    def ask(interval: str, start: int, end: int) -> list[Row]:
        query: Row = {"interval": interval, "startTime": start, "endTime": end}
        path = "/extended/api/v1/info/BTC-USD/open-interests"
        return list(client.get(path, params=query).json()["data"])

    assert [row["t"] for row in ask("P1H", 0, NOW_MS)] == down(299, 0)
    (row,) = ask("PT1H", ago(4), ago(4))
    known = market.open_interest("extended", "BTC-USD", HOUR_MS, Span(ago(4), ago(4), 1))
    assert float(row["I"]) == pytest.approx(known.base[0], abs=1e-3)
    assert float(row["i"]) == pytest.approx(known.value[0], abs=1e-3)
    assert len(ask("P1D", ago(72), NOW_MS)) == 3


def paradex(client: httpx.Client, symbol: str, start: int, end: int, kind: str) -> list[list[Any]]:
    query: Row = {"symbol": symbol, "resolution": "60", "start_at": start, "end_at": end}
    path = "/paradex/v1/markets/klines"
    return list(client.get(path, params=query | {"price_kind": kind}).json()["results"])


def test_paradex_counts_dollars(client: httpx.Client, market: Market) -> None:
    for name, kind, decimals in (("last", TRADE, 1), ("mark", MARK, 4)):
        rows = paradex(client, "BTC-USD-PERP", ago(9), ago(7), name)
        assert [row[0] for row in rows] == down(9, 7)
        bar = held(market, "paradex", "BTC-USD-PERP", kind, 9, decimals)
        assert rows[0][1:5] == ohlc(bar)
        assert rows[0][5] == (int(bar.turnovers[0]) if name == "last" else 0)
    assert paradex(client, "BTC-USD-PERP", ago(9), ago(7), "underlying")[0][1:5] == ohlc(
        held(market, "paradex", "BTC-USD-PERP", "index", 9, 4)
    )


def test_paradex_leaves_out_hours_without_a_deal(client: httpx.Client, market: Market) -> None:
    symbol, _, bars = idle(market, "paradex")
    first = int(bars.opens_ms[0])
    dealt = [row[0] for row in paradex(client, symbol, first, NOW_MS, "last")]
    assert dealt == bars.opens_ms[bars.volumes > 0].tolist()
    marked = [row[0] for row in paradex(client, symbol, first, NOW_MS, "mark")]
    assert marked == bars.opens_ms.tolist()


def edgex(client: httpx.Client, price_type: str, **query: Any) -> tuple[list[Row], str]:
    named = {"contractId": contract_id("BTCUSDC"), "klineType": "HOUR_1", "priceType": price_type}
    path = "/edgex/api/v2/public/quote/getKline"
    data = client.get(path, params=named | query).json()["data"]
    return data["dataList"], data["nextPageOffsetData"]


@pytest.mark.parametrize(
    ("price_type", "kind"),
    [("LAST_PRICE", "trade"), ("ORACLE_PRICE", "mark"), ("INDEX_PRICE", "index")],
)
def test_edgex_goes_by_cursor_and_without_its_end(
    client: httpx.Client, market: Market, price_type: str, kind: PriceKind
) -> None:
    def times(**query: Any) -> tuple[list[int], str]:
        rows, cursor = edgex(client, price_type, **query)
        return [int(row["klineTime"]) for row in rows], cursor

    edges = {"filterBeginKlineTimeInclusive": ago(9), "filterEndKlineTimeExclusive": ago(4)}
    first, cursor = times(**edges, size=3)
    assert (first, cursor != "") == (down(5, 7), True)
    assert times(**edges, size=3, offsetData=cursor) == (down(8, 9), "")
    assert times(**edges, size=5) == (down(5, 9), "")
    assert times()[0] == down(0, 99)
    assert len(times(size=9_999)[0]) == 1_000
    row = edgex(client, price_type, **edges, size=1)[0][0]
    bar = held(market, "edgex", "BTCUSDC", kind, 5, 1 if kind == "trade" else 5)
    assert [float(row[name]) for name in ("open", "high", "low", "close")] == ohlc(bar)


def grvt(client: httpx.Client, kind: str = "TRADE", **body: Any) -> tuple[list[Row], str]:
    named = {"instrument": "BTC_USDT_Perp", "interval": "CI_1_H", "type": kind, **body}
    reply = client.post("/grvt/full/v1/kline", json=named).json()
    return reply["result"], reply["next"]


@pytest.mark.parametrize(
    ("kind", "ours"), [("TRADE", "trade"), ("MARK", "mark"), ("INDEX", "index")]
)
def test_grvt_goes_by_cursor_in_nanoseconds(
    client: httpx.Client, market: Market, kind: str, ours: PriceKind
) -> None:
    def times(**body: Any) -> tuple[list[int], str]:
        rows, cursor = grvt(client, kind, **body)
        return [int(row["open_time"]) // 10**6 for row in rows], cursor

    edges = {"start_time": str(ago(9) * 10**6), "end_time": str(ago(5) * 10**6)}
    first, cursor = times(**edges, limit=3)
    assert first == down(5, 7)
    second, cursor = times(**edges, limit=3, cursor=cursor)
    assert second == down(8, 9)
    assert times(**edges, cursor=cursor) == ([], "")
    assert len(times(limit=9_999)[0]) == 1_000
    row = grvt(client, kind, **edges)[0][0]
    bar = held(market, "grvt", "BTC_USDT_Perp", ours, 5, 1 if ours == "trade" else 9)
    assert [float(row[name]) for name in ("open", "high", "low", "close")] == ohlc(bar)


def test_grvt_closes_the_bar_under_way_at_a_whole_minute(client: httpx.Client) -> None:
    begun, whole = (
        int(row["close_time"]) - int(row["open_time"]) for row in grvt(client, limit=2)[0]
    )
    assert (begun, whole) == (34 * 60 * 10**9, 3_600 * 10**9)


def backpack(client: httpx.Client, symbol: str, **query: Any) -> list[Row]:
    named = {"symbol": symbol, "interval": "1h", **query}
    return list(client.get("/backpack/api/v1/klines", params=named).json())


@pytest.mark.parametrize("symbol", ["BTC_USDC_PERP", "BTC_USDC"])
def test_backpack_takes_seconds_and_tells_text(client: httpx.Client, symbol: str) -> None:
    rows = backpack(client, symbol, startTime=ago(9) // 1_000, endTime=ago(7) // 1_000)
    assert [row["start"] for row in rows] == [f"{from_ms(t):%Y-%m-%d %H:%M:%S}" for t in down(9, 7)]
    lengths = [
        (datetime.fromisoformat(row["end"]) - datetime.fromisoformat(row["start"])).seconds
        for row in rows
    ]
    assert lengths == [3_600] * 3
    latest = backpack(client, symbol, startTime=ago(1) // 1_000)
    assert latest[-1]["start"] == f"{from_ms(OPEN):%Y-%m-%d %H:%M:%S}"


@pytest.mark.parametrize(
    ("kind", "ours"), [("Last", "trade"), ("Mark", "mark"), ("Index", "index")]
)
def test_backpack_kinds(client: httpx.Client, market: Market, kind: str, ours: PriceKind) -> None:
    window = {"startTime": ago(9) // 1_000, "endTime": ago(9) // 1_000}
    (row,) = backpack(client, "BTC_USDC_PERP", priceType=kind, **window)
    bar = held(market, "backpack", "BTC_USDC_PERP", ours, 9, 1)
    assert [float(row[name]) for name in ("open", "high", "low", "close")] == ohlc(bar)
    assert float(row["volume"]) == (bar.volumes[0] if ours == "trade" else 0)


def test_backpack_has_no_prices_of_an_hour_without_a_deal(
    client: httpx.Client, market: Market
) -> None:
    symbol, _, bars = idle(market, "backpack")
    rows = backpack(client, symbol, startTime=int(bars.opens_ms[0]) // 1_000)
    assert [row["close"] is None for row in rows] == (bars.volumes == 0).tolist()


@pytest.mark.parametrize("bounds", ["both", "the newest"])
def test_drift_goes_backwards_from_its_start(
    client: httpx.Client, market: Market, bounds: str
) -> None:
    def ask(**query: Any) -> list[Row]:
        path = "/drift/market/BTC-PERP/candles/60"
        return list(client.get(path, params=query).json()["records"])

    window = {"startTs": ago(5) // 1_000} | (
        {"endTs": ago(7) // 1_000} if bounds == "both" else {"limit": 3}
    )
    rows = ask(**window)
    assert [1_000 * row["ts"] for row in rows] == down(5, 7)
    assert len(ask(limit=9_999)) == 1_000
    for name, kind in (("fill", TRADE), ("oracle", INDEX)):
        bar = held(market, "drift", "BTC-PERP", kind, 5, 6)
        shown = [rows[0][name + column] for column in ("Open", "High", "Low", "Close")]
        assert shown == ohlc(bar)
        if kind == "trade":
            sizes = [rows[0]["baseVolume"], rows[0]["quoteVolume"]]
            assert sizes == [bar.volumes[0], bar.turnovers[0]]
