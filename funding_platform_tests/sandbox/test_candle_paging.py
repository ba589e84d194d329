"""Each venue's rule for pages of bars, at its edges, over the wire: the larger exchanges."""

from typing import Any, Final

import httpx
import pytest

from funding_platform.core.time_grid import HOUR_MS, to_ms
from funding_platform.sandbox.markets.market import Market
from funding_platform.sandbox.markets.series import Candles, PriceKind, Span
from funding_platform_tests.sandbox.conftest import NOW

NOW_MS: Final = to_ms(NOW)
OPEN: Final = NOW_MS // HOUR_MS * HOUR_MS
"""When the bar under way began."""

Row = list[Any]
MARK: Final[PriceKind] = "mark"
INDEX: Final[PriceKind] = "index"
TRADE: Final[PriceKind] = "trade"


def ago(hours: int) -> int:
    return OPEN - hours * HOUR_MS


def down(first: int, last: int) -> list[int]:
    """Bars from so many hours ago to fewer, or the other way round."""
    step = 1 if last >= first else -1
    return [ago(hours) for hours in range(first, last + step, step)]


def held(
    market: Market, venue: str, symbol: str, kind: PriceKind, hours: int, decimals: int
) -> Candles:
    span = Span(ago(hours), ago(hours), 1)
    return market.candles(venue, symbol, kind, span, decimals)


def ohlc(bar: Candles) -> list[float]:
    return [float(column[0]) for column in bar[1:5]]


def binance(client: httpx.Client, call: str = "fapi/v1/klines", **query: Any) -> list[Row]:
    named = {"pair" if "index" in call else "symbol": "BTCUSDT", "interval": "1h", **query}
    reply = client.get(f"/binance/{call}", params=named)
    assert reply.status_code == 200
    return list(reply.json())


def opens(rows: list[Row]) -> list[int]:
    return [int(row[0]) for row in rows]


@pytest.mark.parametrize(
    ("call", "default", "cap"),
    [
        ("fapi/v1/klines", 500, 1_500),
        ("fapi/v1/markPriceKlines", 500, 1_500),
        ("fapi/v1/indexPriceKlines", 500, 1_500),
        ("api/v3/klines", 500, 1_000),
    ],
)
def test_binance_ascends_from_its_start(
    client: httpx.Client, call: str, default: int, cap: int
) -> None:
    assert opens(binance(client, call)) == down(default - 1, 0)
    assert opens(binance(client, call, limit=9_999)) == down(cap - 1, 0)
    window = {"startTime": ago(9), "endTime": ago(5)}
    assert opens(binance(client, call, **window)) == down(9, 5)
    assert opens(binance(client, call, startTime=ago(9) + 1, endTime=ago(5) - 1)) == down(8, 6)
    assert opens(binance(client, call, startTime=ago(9_000), limit=2)) == down(9_000, 8_999)
    assert opens(binance(client, call, endTime=ago(5), limit=2)) == down(6, 5)
    assert binance(client, call, startTime=OPEN + 1) == []


def test_binance_rows_have_twelve_places(client: httpx.Client, market: Market) -> None:
    (trade,) = binance(client, startTime=ago(7), limit=1)
    bar = held(market, "binance", "BTCUSDT", "trade", 7, 1)
    assert [float(text) for text in trade[1:5]] == ohlc(bar)
    assert (float(trade[5]), float(trade[7])) == (bar.volumes[0], bar.turnovers[0])
    assert (trade[6], len(trade)) == (ago(6) - 1, 12)
    for call, kind in (("markPriceKlines", MARK), ("indexPriceKlines", INDEX)):
        whole, begun = binance(client, f"fapi/v1/{call}", startTime=ago(1))
        expected = held(market, "binance", "BTCUSDT", kind, 1, 8)
        assert [float(text) for text in whole[1:5]] == ohlc(expected)
        assert (whole[8], begun[8]) == (3_600, 34 * 60 + 56)
        assert (whole[5], whole[7], len(whole)) == ("0", "0", 12)
    premium = client.get("/binance/fapi/v1/premiumIndex", params={"symbol": "BTCUSDT"}).json()
    assert binance(client, "fapi/v1/markPriceKlines", limit=1)[0][4] == premium["markPrice"]
    assert binance(client, "fapi/v1/indexPriceKlines", limit=1)[0][4] == premium["indexPrice"]


def test_binance_keeps_open_interest_for_thirty_days(client: httpx.Client) -> None:
    def ask(**query: Any) -> list[int]:
        named = {"symbol": "BTCUSDT", "period": "1h", **query}
        rows = client.get("/binance/futures/data/openInterestHist", params=named).json()
        return [row["timestamp"] for row in rows]

    assert ask() == down(29, 0)
    assert ask(limit=999) == down(499, 0)
    assert ask(startTime=0, limit=2) == down(719, 718)
    assert ask(startTime=ago(4), endTime=ago(2)) == down(4, 2)
    assert ask(period="1d", limit=2) == [ago(36), ago(12)]


def test_aster_has_the_klines_of_binance_on_both_of_its_paths(
    client: httpx.Client, market: Market
) -> None:
    for version in ("v1", "v3"):
        for call, kind in (("klines", TRADE), ("markPriceKlines", MARK)):
            query: dict[str, Any] = {"symbol": "BTCUSDT", "interval": "1h", "startTime": ago(3)}
            rows = client.get(f"/aster/fapi/{version}/{call}", params=query).json()
            assert opens(rows) == down(3, 0)
            expected = held(market, "aster", "BTCUSDT", kind, 3, 8 if kind == "mark" else 1)
            assert [float(text) for text in rows[0][1:5]] == ohlc(expected)
    assert client.get("/aster/api/v3/klines?symbol=BTCUSDT&interval=1h").status_code == 404


def bybit(client: httpx.Client, call: str = "kline", **query: Any) -> list[Row]:
    named = {"category": "linear", "symbol": "BTCUSDT", "interval": "60", **query}
    document = client.get(f"/bybit/v5/market/{call}", params=named).json()
    assert document["retCode"] == 0, document
    return list(document["result"]["list"])


@pytest.mark.parametrize("call", ["kline", "mark-price-kline", "index-price-kline"])
def test_bybit_hangs_on_its_end(client: httpx.Client, call: str) -> None:
    assert opens(bybit(client, call)) == down(0, 199)
    wide = {"start": ago(30_000), "end": ago(3)}
    assert opens(bybit(client, call, **wide, limit=1_000)) == down(3, 1_002)
    assert opens(bybit(client, call, start=ago(5), end=ago(3))) == down(3, 5)
    assert opens(bybit(client, call, start=ago(5) + 1, end=ago(3) - 1)) == down(4, 5)


def test_bybit_counts_inverse_contracts_in_dollars(client: httpx.Client, market: Market) -> None:
    window: dict[str, Any] = {"start": ago(2), "end": ago(2)}
    for category, symbol, order in (
        ("linear", "BTCUSDT", (5, 6)),
        ("inverse", "BTCUSD", (6, 5)),
    ):
        (row,) = bybit(client, category=category, symbol=symbol, **window)
        bar = held(market, "bybit", symbol, "trade", 2, 1)
        assert [float(row[place]) for place in order] == [bar.volumes[0], bar.turnovers[0]]
        assert [float(text) for text in row[1:5]] == ohlc(bar)
    assert len(bybit(client, "mark-price-kline", **window)[0]) == 5


def test_bybit_keeps_spot_apart(client: httpx.Client, market: Market) -> None:
    (row,) = bybit(client, category="spot", start=ago(2), end=ago(2))
    span = Span(ago(2), ago(2), 1)
    assert [float(text) for text in row[1:5]] == ohlc(
        market.spot_candles("bybit", "BTCUSDT", span, 1)
    )
    listed = client.get("/bybit/v5/market/instruments-info", params={"category": "spot"}).json()
    named = [row["symbol"] for row in listed["result"]["list"]]
    assert named == [one.venue_symbol for one in market.spot_markets("bybit")]
    query = {"category": "spot", "symbol": "BTCUSDT", "interval": "60"}
    assert client.get("/bybit/v5/market/mark-price-kline", params=query).json()["retCode"] == 10001


def test_bybit_open_interest_pages_backwards(client: httpx.Client, market: Market) -> None:
    def ask(**query: Any) -> tuple[list[int], list[str], str]:
        named = {"category": "linear", "symbol": "BTCUSDT", "intervalTime": "1h", **query}
        result = client.get("/bybit/v5/market/open-interest", params=named).json()["result"]
        rows = result["list"]
        stamps = [int(row["timestamp"]) for row in rows]
        return stamps, [row["openInterest"] for row in rows], result["nextPageCursor"]

    stamps, both_sides, cursor = ask(startTime=ago(9), endTime=ago(2), limit=5)
    assert stamps == down(2, 6)
    one_side = market.open_interest("bybit", "BTCUSDT", HOUR_MS, Span(ago(2), ago(2), 1)).base
    assert float(both_sides[0]) == pytest.approx(2 * one_side[0], abs=1e-3)
    assert ask(startTime=ago(9), endTime=ago(2), limit=5, cursor=cursor)[::2] == (down(7, 9), "")
    assert ask()[0] == down(0, 49)


def okx(client: httpx.Client, call: str, **query: Any) -> list[Row]:
    named = {"instId": "BTC-USDT-SWAP", "bar": "1H", **query}
    document = client.get(f"/okx/api/v5/market/{call}", params=named).json()
    assert document["code"] == "0", document
    return list(document["data"])


@pytest.mark.parametrize(
    ("call", "symbol", "cap"),
    [
        ("candles", "BTC-USDT-SWAP", 300),
        ("candles", "BTC-USDT", 300),
        ("mark-price-candles", "BTC-USDT-SWAP", 100),
        ("index-candles", "BTC-USDT", 100),
    ],
)
def test_okx_bounds_are_exclusive_and_plain_calls_end(
    client: httpx.Client, call: str, symbol: str, cap: int
) -> None:
    for path in (call, f"history-{call}"):
        assert opens(okx(client, path, instId=symbol)) == down(0, 99)
        assert opens(okx(client, path, instId=symbol, limit=999)) == down(0, cap - 1)
        window = {"after": ago(3), "before": ago(7)}
        assert opens(okx(client, path, instId=symbol, **window)) == down(4, 6)
        assert [row[-1] for row in okx(client, path, instId=symbol, limit=2)] == ["0", "1"]
    long_ago = {"instId": symbol, "after": ago(1_438)}
    assert opens(okx(client, call, **long_ago)) == down(1_439, 1_439)
    assert okx(client, call, instId=symbol, after=ago(1_439)) == []
    assert opens(okx(client, f"history-{call}", **long_ago)) == down(1_439, 1_538)


def test_okx_counts_contracts_coins_and_dollars(client: httpx.Client, market: Market) -> None:
    window = {"after": ago(3), "before": ago(5)}
    for symbol in ("BTC-USDT-SWAP", "BTC-USD-SWAP"):
        (row,) = okx(client, "history-candles", instId=symbol, **window)
        bar = held(market, "okx", symbol, "trade", 4, 1)
        (instrument,) = [i for i in market.instruments("okx") if i.venue_symbol == symbol]
        worth = bar.volumes if symbol == "BTC-USDT-SWAP" else bar.turnovers
        contracts = worth[0] / instrument.contract_size
        assert [float(text) for text in row[1:5]] == ohlc(bar)
        assert [float(text) for text in row[5:8]] == pytest.approx(
            [contracts, bar.volumes[0], bar.turnovers[0]], abs=5e-4
        )
    assert [len(okx(client, c, **window)[0]) for c in ("candles", "mark-price-candles")] == [9, 6]


def test_okx_knows_the_index_by_its_pair_only(client: httpx.Client) -> None:
    query = {"instId": "BTC-USDT-SWAP", "bar": "1H"}
    reply = client.get("/okx/api/v5/market/history-index-candles", params=query)
    assert reply.json()["code"] == "51001"


def test_okx_lists_spot_markets(client: httpx.Client, market: Market) -> None:
    rows = client.get("/okx/api/v5/public/instruments?instType=SPOT").json()["data"]
    named = [(row["instId"], row["baseCcy"], row["quoteCcy"]) for row in rows]
    assert named == [(m.venue_symbol, m.base, m.quote) for m in market.spot_markets("okx")]


def test_okx_open_interest_is_there_when_its_period_ends(
    client: httpx.Client, market: Market
) -> None:
    def ask(**query: Any) -> list[Row]:
        named = {"instId": "BTC-USDT-SWAP", "period": "1H", **query}
        path = "/okx/api/v5/rubik/stat/contracts/open-interest-history"
        return list(client.get(path, params=named).json()["data"])

    assert opens(ask()) == down(1, 100)
    rows = ask(begin=ago(7), end=ago(5))
    assert opens(rows) == down(5, 7)
    known = market.open_interest("okx", "BTC-USDT-SWAP", HOUR_MS, Span(ago(5), ago(5), 1))
    assert float(rows[0][2]) == pytest.approx(known.base[0], abs=1e-3)
    assert float(rows[0][3]) == pytest.approx(known.value[0], abs=1e-3)


def deribit(client: httpx.Client, start: int, end: int, **query: Any) -> dict[str, Any]:
    named = {"instrument_name": "BTC-PERPETUAL", "resolution": "60", **query}
    edges = {"start_timestamp": start, "end_timestamp": end}
    path = "/deribit/api/v2/public/get_tradingview_chart_data"
    return dict(client.get(path, params=named | edges).json()["result"])


def test_deribit_loses_the_old_end(client: httpx.Client, market: Market) -> None:
    assert deribit(client, ago(9), ago(7))["ticks"] == down(9, 7)
    wide = deribit(client, 0, NOW_MS)
    assert (wide["ticks"], wide["status"]) == (down(5_000, 0), "ok")
    before = deribit(client, 10**12, 10**12 + HOUR_MS)
    assert (before["ticks"], before["status"]) == ([], "no_data")
    bar = held(market, "deribit", "BTC-PERPETUAL", "trade", 0, 2)
    shown = [wide[name][-1] for name in ("open", "high", "low", "close", "volume", "cost")]
    assert shown == [*ohlc(bar), bar.volumes[0], bar.turnovers[0]]


def hyperliquid(client: httpx.Client, coin: str, **window: Any) -> list[dict[str, Any]]:
    wanted = {"coin": coin, "interval": "1h", **window}
    reply = client.post("/hyperliquid/info", json={"type": "candleSnapshot", "req": wanted})
    assert reply.status_code == 200
    return list(reply.json())


@pytest.mark.parametrize("coin", ["BTC", "@107", "PURR/USDC"])
def test_hyperliquid_forgets_all_but_five_thousand_bars(client: httpx.Client, coin: str) -> None:
    rows = hyperliquid(client, coin, startTime=0)
    assert [row["t"] for row in rows] == down(4_999, 0)
    assert {row["T"] - row["t"] for row in rows} == {HOUR_MS - 1}
    window = {"startTime": ago(9), "endTime": ago(8)}
    assert [row["t"] for row in hyperliquid(client, coin, **window)] == down(9, 8)
    assert hyperliquid(client, coin, startTime=ago(6_000), endTime=ago(5_000)) == []


def test_hyperliquid_names_spot_pairs_by_number(client: httpx.Client, market: Market) -> None:
    meta = client.post("/hyperliquid/info", json={"type": "spotMeta"}).json()
    tokens = {token["index"]: token["name"] for token in meta["tokens"]}
    pairs = {
        pair["name"]: [tokens[number] for number in pair["tokens"]] for pair in meta["universe"]
    }
    assert pairs["@107"] == ["HYPE", "USDC"]
    assert pairs["PURR/USDC"] == ["PURR", "USDC"]
    assert pairs["@142"] == ["UBTC", "USDC"]
    (row,) = hyperliquid(client, "@142", startTime=ago(3), endTime=ago(3))
    bar = market.spot_candles("hyperliquid", "@142", Span(ago(3), ago(3), 1), 2)
    assert [float(row[name]) for name in "ohlc"] == ohlc(bar)
    assert float(row["v"]) == bar.volumes[0]
