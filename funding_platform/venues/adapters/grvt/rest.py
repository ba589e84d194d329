"""GRVT: rates in percent per the instrument's own interval, times in nanoseconds."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from msgspec import field

from funding_platform.core.time_grid import HOUR_MS
from funding_platform.venues.adapters.grvt.books import BOOKS, DEPTHS
from funding_platform.venues.contract import Venue
from funding_platform.venues.errors import (
    RateLimitedError,
    ServerError,
    UnknownSymbolError,
    VenueError,
)
from funding_platform.venues.paging.backward import BackwardToken
from funding_platform.venues.paging.pager import Ask
from funding_platform.venues.parsing.candles import Candle, CandlePage
from funding_platform.venues.parsing.fields import NS_PER_MS, MaybeReal, Nanoseconds, Percent, Whole
from funding_platform.venues.parsing.payloads import Payload, Quoted, fraction, total
from funding_platform.venues.parsing.records import Listing, MarketRow, Page, Settlement, hours_of
from funding_platform.venues.rest.endpoints import Endpoint, ErrorCodes, Params
from funding_platform.venues.rest.limits import Budget
from funding_platform.venues.specification import CandleSpec, VenueSpec

SHORTEST_HOURS: Final = 4
THOUSANDS: Final = {"KPEPE": "kPEPE", "KBONK": "kBONK", "KSHIB": "kSHIB"}
"""Contracts of a thousand units, whose capital K tells nothing: KAS and KAVA are coins."""


class _Instrument(Payload, rename=None):
    venue_symbol: str = field(name="instrument")
    base: str
    quote: str
    kind: str
    funding_interval_hours: Whole
    tick_size: MaybeReal = None
    min_size: MaybeReal = None


class Ticker(Payload, Quoted, rename=None):
    """The market of an instrument as it stands."""

    venue_symbol: str = field(name="instrument")
    funding_rate: Percent  # as funding_rate_8h_curr, which is not of eight hours either
    next_funding_time: Nanoseconds
    mark_price: MaybeReal
    index_price: MaybeReal = None
    best_bid_price: MaybeReal = None
    best_ask_price: MaybeReal = None
    open_interest_base: MaybeReal = field(name="open_interest", default=None)
    buy_volume_24h_q: MaybeReal = None  # by what takers did: the sum is what was traded
    sell_volume_24h_q: MaybeReal = None

    @property
    def predicted_rate(self) -> float:
        """As a fraction."""
        return fraction(self.funding_rate)

    @property
    def next_funding_ms(self) -> int:
        """In milliseconds."""
        return self.next_funding_time // NS_PER_MS

    @property
    def volume_24h_quote(self) -> float | None:
        """Both sides' takers."""
        return total(self.buy_volume_24h_q, self.sell_volume_24h_q)


class _Funding(Payload, rename=None):
    venue_symbol: str = field(name="instrument")
    funding_rate: Percent
    funding_time: Nanoseconds
    funding_interval_hours: Whole
    mark_price: MaybeReal = None

    @property
    def settlement(self) -> Settlement:
        """As a record; the interval is unknown where it is zero."""
        time_ms, rate = self.funding_time // NS_PER_MS, fraction(self.funding_rate)
        hours = self.funding_interval_hours or None
        return Settlement(self.venue_symbol, time_ms, rate, self.mark_price, interval_hours=hours)


class _History(Payload):
    result: list[_Funding]
    next: str | None = None


class _Bar(Payload, rename=None):
    venue_symbol: str = field(name="instrument")
    open_time: Nanoseconds
    open: MaybeReal
    high: MaybeReal
    low: MaybeReal
    close: MaybeReal
    volume_base: MaybeReal = field(name="volume_b", default=None)
    volume_quote: MaybeReal = field(name="volume_q", default=None)

    @property
    def time_ms(self) -> int:
        """In milliseconds."""
        return self.open_time // NS_PER_MS


class _Bars(Payload):
    result: list[_Bar]
    next: str | None = None


INSTRUMENTS: Final = Endpoint(
    "/full/v1/all_instruments", list[_Instrument], within="result", method="POST"
)
TICKER: Final = Endpoint("/full/v1/ticker", Ticker, within="result", method="POST")
HISTORY: Final = Endpoint("/full/v1/funding", _History, method="POST")
CANDLES: Final = Endpoint("/full/v1/kline", _Bars, method="POST")
MEANINGS: Final[Mapping[str | int, type[VenueError]]] = {
    1002: ServerError,
    1004: UnknownSymbolError,
    1006: RateLimitedError,
    1009: ServerError,
    3000: UnknownSymbolError,
}
PRICES: Final = {"mark": "MARK", "index": "INDEX", "trade": "TRADE"}


class Grvt(Venue):
    """GRVT's perpetuals."""

    spec = VenueSpec(
        name="grvt",
        title="GRVT",
        base_url="https://market-data.grvt.io",
        docs_url="https://api-docs.grvt.io",
        history_start=datetime(2024, 12, 1, tzinfo=UTC),
        pager=BackwardToken,
        page_size=1000,
        candles=(CandleSpec(kinds=tuple(PRICES), pager=BackwardToken, page_size=1000),),
        books=DEPTHS,
        budget=Budget("requests", 1500, 60),  # 1500 are announced, but not per how long
        refusal=ErrorCodes(
            "code",
            "message",
            meanings=MEANINGS,
        ),
        statuses={"active": "trading"},
    )
    book_call = BOOKS

    async def fetch_listings(self) -> list[Listing]:
        """List the active perpetuals; ``create_time`` is newer than they: it tells no listing."""
        return [
            Listing.linear(
                row,
                base=THOUSANDS.get(row.base, row.base),
                status="active",
                interval_hours=row.funding_interval_hours or None,
            )
            for row in await self.fetch(INSTRUMENTS, {"is_active": True})
            if row.kind == "PERPETUAL"
        ]

    async def fetch_markets(self) -> list[MarketRow]:
        """Fetch the tickers, which have to be asked for one by one."""
        listed = await self.listed()
        tickers = await self.attempt_singles(TICKER, listed, "instrument", required=True)
        return [MarketRow.of(row, listed[symbol]) for symbol, row in tickers.items()]

    async def fetch_history(self, symbol: str, ask: Ask) -> Page:
        """Fetch one page of funding, newest first, by cursor."""
        answer = await self.fetch(HISTORY, _pages(symbol, ask))
        hours = hours_of((await self.listed()).get(symbol), SHORTEST_HOURS)

        def was_paid(row: Settlement) -> bool:
            """Tell if it was paid: rows of 2025 may be samples by the minute, of no interval."""
            return bool(row.interval_hours) or row.time_ms % int(hours * HOUR_MS) == 0

        return Page.sifted([row.settlement for row in answer.result], was_paid, answer.next)

    async def fetch_candles(self, symbol: str, kind: str, ask: Ask) -> CandlePage:
        """Fetch one page of bars, newest first, by cursor."""
        asked: Params = {"interval": "CI_1_H", "type": PRICES[kind]}
        answer = await self.fetch(CANDLES, {**_pages(symbol, ask), **asked})
        blank = {} if kind == "trade" else {"volume_base": None, "volume_quote": None}
        return CandlePage([Candle.of(row, **blank) for row in answer.result], answer.next)


def _pages(symbol: str, ask: Ask) -> Params:
    """Ask for a page of history, in nanoseconds and by cursor."""
    return {
        "instrument": symbol,
        "start_time": str(ask.start_ms * NS_PER_MS),
        "end_time": str(ask.end_ms * NS_PER_MS),
        "limit": ask.limit,
        **ask.cursor("cursor"),
    }
