"""Drift, relaunched in July 2026 as Velocity: the same API on another host, with few perpetuals.

Drift's own data end in spring 2026. Its host still answers for single days: to read that archive,
set the venue's URL to ``https://data.api.drift.trade``. A rate is due every full hour and made by
the first transaction after it: minutes later, or not at all.
"""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final

from funding_platform.core.time_grid import HOUR, to_ms
from funding_platform.venues.adapters.drift.books import BOOKS, DEPTHS
from funding_platform.venues.adapters.drift.payloads import (
    BOOK_HOST,
    Bar,
    Book,
    Perpetual,
    RateHistory,
    Spot,
)
from funding_platform.venues.contract import Venue
from funding_platform.venues.errors import UnknownSymbolError
from funding_platform.venues.paging.ascending import Ascending
from funding_platform.venues.paging.backward import BackwardOpen
from funding_platform.venues.paging.pager import Ask
from funding_platform.venues.parsing.candles import CandlePage
from funding_platform.venues.parsing.records import Listing, MarketRow, Page, Settlement
from funding_platform.venues.rest.endpoints import Endpoint, Params, Refusal
from funding_platform.venues.rest.limits import Budget
from funding_platform.venues.specification import CandleSpec, VenueSpec

RECENT: Final = timedelta(days=30)
"""What the plain history certainly holds; older rates are asked for day by day."""

MARKETS: Final = Endpoint("/stats/markets", list[Perpetual | Spot], within="markets")
BOOK: Final = Endpoint("/l2", Book, host=BOOK_HOST)
CANDLES: Final = Endpoint("/market/{symbol}/candles/60", list[Bar], within="records")
HISTORY: Final = Endpoint("/market/{symbol}/fundingRates", RateHistory)
DAY_OF_HISTORY: Final = Endpoint("/market/{symbol}/fundingRates/{year}/{month}/{day}", RateHistory)


def _refusal(status: int, body: bytes) -> Refusal | None:
    """Tell a refusal by its status: errors carry a text and no code."""
    return Refusal(UnknownSymbolError, "no such market") if status == 404 else None


class Drift(Venue):
    """Velocity's perpetuals, and those of Drift before it."""

    spec = VenueSpec(
        name="drift",
        title="Drift (Velocity)",
        base_url="https://data.velocity.exchange",
        docs_url="https://drift-labs.github.io/v2-teacher",
        history_start=datetime(2022, 11, 1, tzinfo=UTC),
        pager=Ascending,
        page_size=750,
        page_span=timedelta(days=31),
        candles=(
            CandleSpec(
                kinds=("index", "trade"),
                pager=BackwardOpen,
                page_size=1000,
                empty_bars="omitted",
            ),
        ),
        books=DEPTHS,
        budget=Budget("requests", 600, 60),  # none is published; the answers come from caches
        refusal=_refusal,
        statuses={
            "active": "trading",
            "initialized": "halted",
            "reduceOnly": "halted",
            "settlement": "delisted",
            "delisted": "delisted",
        },
    )
    book_call = BOOKS

    async def fetch_listings(self) -> list[Listing]:
        """List the perpetuals that the venue shows."""
        return [
            Listing.linear(row, row.limits.amount, interval_hours=1.0)
            for row in await self._perpetuals()
        ]

    async def fetch_markets(self) -> list[MarketRow]:
        """Fetch the active perpetuals, with the newer books of another host if it answers."""
        rows = [row for row in await self._perpetuals() if row.status == "active"]
        symbols = [row.venue_symbol for row in rows]
        books = await self.attempt_singles(BOOK, symbols, "marketName", {"depth": 1})
        prices = {symbol: book.prices for symbol, book in books.items()}
        hourly = {"interval_hours": 1.0, "next_funding_ms": self.next_hour_ms()}
        return [MarketRow.of(row, **hourly, **prices.get(row.venue_symbol, {})) for row in rows]

    async def fetch_history(self, symbol: str, ask: Ask) -> Page:
        """Fetch all rates of the ask: at one request where recent, else one for each day."""
        rows: list[Settlement] = []
        if ask.start_ms >= to_ms(self.now() - RECENT):
            rows = await self._walk(HISTORY, symbol, {"limit": ask.limit}, ask.start_ms)
        else:
            for day in ask.days(self.now()):
                date = {"year": day.year, "month": day.month, "day": day.day}
                with suppress(UnknownSymbolError):  # not listed by then
                    rows += await self._walk(DAY_OF_HISTORY, symbol, date, to_ms(day))
        latest_ms = to_ms(self.now() + HOUR)  # beyond it the pager judges
        return Page(
            [
                row
                for row in rows
                if ask.start_ms <= row.time_ms <= ask.end_ms or row.time_ms > latest_ms
            ]
        )

    async def fetch_candles(self, symbol: str, kind: str, ask: Ask) -> CandlePage:
        """Fetch one page of bars; ``startTs`` is the newest of them, from which it goes back."""
        params: Params = {
            "symbol": symbol,
            "startTs": ask.end_ms // 1000,
            "limit": min(ask.limit, ask.hours),
        }
        rows = await self.fetch(CANDLES, params)
        return CandlePage([row.candle(symbol, kind) for row in rows])

    async def _walk(
        self, endpoint: Endpoint[RateHistory], symbol: str, params: Params, until_ms: int
    ) -> list[Settlement]:
        """Fetch page after page of rates, newest first, back to a moment."""
        params = {"symbol": symbol, **params}
        pages = await self.pages(endpoint, params, "page", lambda page: page.page_before(until_ms))
        return [row for page in pages for row in page.settlements(symbol)]

    async def _perpetuals(self) -> list[Perpetual]:
        rows = await self.fetch(MARKETS)
        return [r for r in rows if isinstance(r, Perpetual) and r.ui_status != "hidden"]
