"""From a venue's bytes to checked records and frames, against json, float() and a loop."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from statistics import median
from time import perf_counter
from typing import TypeVar

import msgspec
import polars as pl

from funding_platform.core.time_grid import to_ms
from funding_platform.sandbox.server import RunningSandbox
from funding_platform.venues.adapters.binance.rest import (
    BOOKS,
    EXCHANGE_INFO,
    FUNDING_INFO,
    HISTORY,
    OPEN_INTEREST,
    PREMIUM_INDEX,
    TICKERS,
    Binance,
)
from funding_platform.venues.adapters.binance.stream import MARKS, BinanceStream
from funding_platform.venues.paging.pager import Ask
from funding_platform.venues.parsing.records import Listing
from funding_platform.venues.rest.endpoints import Endpoint, Params
from funding_platform.venues.rest.http import HttpClient
from funding_platform.venues.rest.limits import Limiter
from funding_platform_tests.benchmarks.measurement import Measurement, median_seconds
from funding_platform_tests.benchmarks.sandbox_process import sandbox_process

NOW = datetime(2026, 3, 1, 0, 30, tzinfo=UTC)
LISTED = 530
"""So many listed over time leave about 500 that trade."""

PAGE_ROWS = 1_000
FRAME_ROWS = 600
REPEATS = 51

T = TypeVar("T")
Bodies = dict[str, list[bytes]]


class KeptAnswers(HttpClient):
    """Asks for each answer once; from then on a fetch is nothing but decoding."""

    def __init__(self, base_url: str) -> None:
        spec = Binance.spec
        super().__init__(
            spec.name,
            base_url,
            budget=spec.budget,
            refusal=spec.refusal,
            used_weight_header=None,
            timeout_seconds=30,
            limiter=Limiter(),
        )
        self._kept: dict[tuple[object, ...], bytes] = {}

    async def fetch(self, endpoint: Endpoint[T], params: Params | None = None) -> T:
        asked = (endpoint.path, *sorted((params or {}).items()))
        if asked not in self._kept:
            _, self._kept[asked] = await self._send(self._build(endpoint, params or {}))
        return endpoint.decode(self._kept[asked])

    @property
    def bodies(self) -> Bodies:
        """What came, by path."""
        found: Bodies = {}
        for (path, *_), body in self._kept.items():
            found.setdefault(str(path), []).append(body)
        return found


def run(quick: bool = False) -> list[Measurement]:
    ours, alone = _frame_seconds(3 if quick else 500)
    frame = Measurement(
        f"Binance's frame of {FRAME_ROWS} marks to updates (peer: msgspec alone)",
        1e3 * ours,
        "ms",
        peer=1e3 * alone,
        least_ratio=0.5,
    )
    with sandbox_process(40 if quick else LISTED, NOW) as sandbox:
        return [*asyncio.run(_measure(sandbox, 3 if quick else REPEATS)), frame]


async def _measure(sandbox: RunningSandbox, repeats: int) -> list[Measurement]:
    http = KeptAnswers(sandbox.url_of("binance"))
    try:
        ask = Ask(0, int(NOW.timestamp() * 1e3), PAGE_ROWS)
        page = await Binance(http, lambda: NOW).fetch_history("BTCUSDT", ask)
        assert len(page.rows) == PAGE_ROWS
        page_seconds = await _median_seconds(
            lambda: Binance(http, lambda: NOW).fetch_history("BTCUSDT", ask), repeats
        )
        # A venue anew each time: it keeps its listings for an hour.
        snapshot = await Binance(http, lambda: NOW).market_snapshot()
        snapshot_seconds = await _median_seconds(
            lambda: Binance(http, lambda: NOW).market_snapshot(), repeats
        )
    finally:
        await http.aclose()
    bodies = http.bodies
    (history,) = bodies[HISTORY.path]
    assert len(_naive_snapshot(bodies)) == snapshot.height
    return [
        Measurement(
            f"history page of {PAGE_ROWS} rows to records",
            1e3 * page_seconds,
            "ms",
            peer=1e3 * median_seconds(lambda: _naive_page(history), repeats),
            least_ratio=0.79,
        ),
        Measurement(
            f"snapshot of {snapshot.height} instruments to a frame, "
            f"{sum(map(len, bodies.values())) - 1} answers",
            1e3 * snapshot_seconds,
            "ms",
            peer=1e3 * median_seconds(lambda: _naive_snapshot(bodies), repeats),
            least_ratio=0.93,
        ),
    ]


async def _median_seconds(work: Callable[[], Awaitable[object]], repeats: int) -> float:
    took = []
    for _ in range(repeats):
        begin = perf_counter()
        await work()
        took.append(perf_counter() - begin)
    return median(took)


def _naive_page(body: bytes) -> list[dict[str, object]]:
    return [
        {
            "venue_symbol": row["symbol"],
            "time_ms": int(row["fundingTime"]),
            "rate": float(row["fundingRate"]),
            "mark_price": float(row["markPrice"]) if row["markPrice"] else None,
        }
        for row in json.loads(body)
    ]


def _naive_snapshot(bodies: Bodies) -> pl.DataFrame:
    """The same columns; types, bounds and keys go unchecked."""

    def rows(endpoint: Endpoint[T]) -> list[dict[str, str]]:
        found = json.loads(bodies[endpoint.path][0])
        return list(found["symbols"] if endpoint is EXCHANGE_INFO else found)

    listed = {row["symbol"]: row for row in rows(EXCHANGE_INFO)}
    hours = {row["symbol"]: float(row["fundingIntervalHours"]) for row in rows(FUNDING_INFO)}
    volumes = {row["symbol"]: float(row["quoteVolume"]) for row in rows(TICKERS)}
    books = {row["symbol"]: row for row in rows(BOOKS)}
    interest = {
        row["symbol"]: float(row["openInterest"])
        for row in map(json.loads, bodies[OPEN_INTEREST.path])
    }
    merged = []
    for row in rows(PREMIUM_INDEX):
        symbol, mark = row["symbol"], float(row["markPrice"])
        bid, ask = float(books[symbol]["bidPrice"]), float(books[symbol]["askPrice"])
        merged.append(
            {
                "venue": "binance",
                "venue_symbol": symbol,
                "quote": listed[symbol]["quoteAsset"],
                "predicted_rate": float(row["lastFundingRate"]),
                "interval_hours": hours.get(symbol),
                "next_funding_time": datetime.fromtimestamp(int(row["nextFundingTime"]) / 1e3, UTC),
                "mark_price": mark,
                "index_price": float(row["indexPrice"]),
                "open_interest_base": interest[symbol],
                "open_interest_usd": interest[symbol] * mark,
                "volume_24h_usd": volumes[symbol],
                "best_bid": bid,
                "best_ask": ask,
                "spread_bps": (ask - bid) / ((ask + bid) / 2) * 1e4,
            }
        )
    return pl.DataFrame(merged)


class _Mark(msgspec.Struct, gc=False):
    """What a row of marks holds, with msgspec's own numbers."""

    s: str
    E: int
    r: float
    T: int
    p: float
    i: float
    st: int


class _Message(msgspec.Struct):
    stream: str
    data: list[_Mark]


def _frame_seconds(repeats: int) -> tuple[float, float]:
    """How long a frame takes from bytes to checked updates, and msgspec to decode it."""
    names = [f"COIN{number:03}USDT" for number in range(FRAME_ROWS)]
    frame = msgspec.json.encode(
        {"stream": MARKS.name, "data": [_mark(name, place) for place, name in enumerate(names)]}
    )
    stream = BinanceStream([_listing(name) for name in names])
    read = stream.reader(stream.sockets()[0])
    decode = msgspec.json.Decoder(_Message, strict=False).decode
    assert len(read(frame).updates) == len(decode(frame).data) == FRAME_ROWS
    return median_seconds(lambda: read(frame), repeats), median_seconds(
        lambda: decode(frame), repeats
    )


def _listing(name: str) -> Listing:
    base = name.removesuffix("USDT")
    return Listing(
        venue_symbol=name,
        base=base,
        quote="USDT",
        settle="USDT",
        contract_type="linear",
        status="TRADING",
    )


def _mark(name: str, place: int) -> dict[str, object]:
    price = 64_991.37858696 / (place + 1)
    return {
        "e": "markPriceUpdate",
        "E": to_ms(NOW),
        "s": name,
        "p": f"{price:.8f}",
        "ap": f"{price * 1.00001:.8f}",
        "P": f"{price * 1.0002:.8f}",
        "i": f"{price * 1.0004:.8f}",
        "r": f"{1e-4 - 3e-7 * place:.8f}",
        "T": to_ms(NOW) + 3_600_000,
        "st": 1,
    }
