"""A venue that answers out of memory.

The bodies are those of the sandbox, recorded once per venue. A spoilt one goes the way of every
body, classified and decoded by the client, but through no socket: that allows 10^5 of them.
"""

import math
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from operator import methodcaller
from typing import TypeVar

import httpx
import polars as pl

from funding_platform.adapter_kit.spoiling import Body, Call, cut
from funding_platform.core.tables.collected import FUNDING_RATES, INSTRUMENTS, MARKET_SNAPSHOTS
from funding_platform.core.tables.prices import OPEN_INTEREST, PRICE_CANDLES, SPOT_CANDLES
from funding_platform.core.tables.schema import Table
from funding_platform.core.time_grid import Window
from funding_platform.venues.contract import Venue
from funding_platform.venues.registry import venue_class
from funding_platform.venues.rest.answers import decoded, raise_for_refusal
from funding_platform.venues.rest.breaker import Breaker
from funding_platform.venues.rest.endpoints import Endpoint, Params
from funding_platform.venues.rest.http import HttpClient
from funding_platform.venues.rest.limits import Limiter

NOW = datetime(2026, 3, 1, 12, 34, 56, tzinfo=UTC)
WINDOW = Window(NOW - timedelta(days=1), NOW)
MOST_CALLS = 1_000
"""Some dozens is what one dataset takes; more is a client that asks on and on."""

T = TypeVar("T")


class Memory(HttpClient):
    """Learns a venue's answers from a server; from then on gives them itself, one of them spoilt.

    A call that was never learnt gets an answer to another call of its path.
    """

    def __init__(self, venue: str, url: str) -> None:
        spec = venue_class(venue).spec
        super().__init__(
            spec.name,
            url,
            budget=spec.budget,
            refusal=spec.refusal,
            used_weight_header=None,
            timeout_seconds=10,
            limiter=Limiter(math.inf),
            breaker=Breaker(venue, open_after=math.inf),
        )
        self.venue = venue
        self.bodies: dict[Table, dict[Call, bytes]] = {}
        self.calls = 0
        self._known: dict[Call, bytes] = {}
        self._spoilt: Body | None = None
        self._learning = True
        self._request = httpx.Request("GET", url)

    def learn(self, table: Table) -> None:
        """Keep what is answered from now on as what this table takes."""
        self._known = self.bodies[table] = {}

    def spoil(self, table: Table, body: Body) -> None:
        """Learn no more, and give this one instead of what it stands for."""
        self._known, self._spoilt = self.bodies[table], body
        self._learning, self.calls = False, 0

    async def fetch(self, endpoint: Endpoint[T], params: Params | None = None) -> T:
        """Answer a call as it was learnt, or with the spoilt body that stands for it."""
        path, remaining = endpoint.locate(params or {})
        call = (path, str(sorted(remaining.items())))
        if self._learning:
            _, body = await self._send(self._build(endpoint, params or {}))
            self._known[call] = cut(body)
        status, body = self._answer(call)
        response = httpx.Response(status, request=self._request)
        raise_for_refusal(self._venue, response, body, self._refusal)
        return decoded(endpoint, body, self._venue, str(self._request.url))

    def _answer(self, call: Call) -> tuple[int, bytes]:
        self.calls += 1
        assert self.calls <= MOST_CALLS, "asks on and on"
        if call not in self._known:
            call = next((known for known in self._known if known[0] == call[0]), call)
        if self._spoilt is not None and call == self._spoilt[0]:
            return self._spoilt[1:]
        return 200, self._known.get(call, b"null")


def questions(symbol: str | None) -> dict[Table, Callable[[Venue], Awaitable[pl.DataFrame]]]:
    """Say how to ask a venue for each table."""

    async def history(venue: Venue) -> pl.DataFrame:
        assert symbol is not None
        return await venue.funding_rates([symbol], WINDOW.start, WINDOW.end)

    async def candles(venue: Venue) -> pl.DataFrame:
        assert symbol is not None
        edges = (WINDOW.start, WINDOW.end)
        kinds = venue.spec.candle_kinds
        return pl.concat([await venue.candles([symbol], *edges, kind) for kind in kinds])

    async def spot_candles(venue: Venue) -> pl.DataFrame:
        markets = list(await venue.spot_markets())[:1]
        return await venue.spot_candles(markets, WINDOW.start, WINDOW.end)

    async def open_interest(venue: Venue) -> pl.DataFrame:
        assert symbol is not None
        return await venue.open_interest([symbol], WINDOW.start, WINDOW.end)

    return {
        INSTRUMENTS: methodcaller("instruments"),
        MARKET_SNAPSHOTS: methodcaller("market_snapshot"),
        FUNDING_RATES: history,
        PRICE_CANDLES: candles,
        SPOT_CANDLES: spot_candles,
        OPEN_INTEREST: open_interest,
    }


async def learn(name: str, url: str) -> tuple[Memory, str | None]:
    """Ask for everything once; the symbol is the one whose history was asked for."""
    memory, kind = Memory(name, url), venue_class(name)
    symbol: str | None = None
    for table in kind.spec.offers:
        memory.learn(table)
        frame = await questions(symbol)[table](kind(memory, lambda: NOW))
        if table is INSTRUMENTS:
            symbol = _a_symbol(frame)
    await memory.aclose()
    return memory, symbol


def _a_symbol(instruments: pl.DataFrame) -> str:
    """One that trades, linear where there is one: its amounts are in base."""
    trading = instruments.filter(status="trading").sort(
        pl.col("contract_type") != "linear", maintain_order=True
    )
    return str(trading["venue_symbol"][0])
