"""Backpack: bare arrays, and times that are UTC without saying so."""

from datetime import UTC, datetime
from typing import Final

from msgspec import field

from funding_platform.core.market.asset_classes import AssetClass, class_said
from funding_platform.core.time_grid import DAY_MS, HOUR_MS, to_ms
from funding_platform.venues.adapters.backpack.books import BOOKS, DEPTHS
from funding_platform.venues.contract import Venue
from funding_platform.venues.errors import UnknownSymbolError
from funding_platform.venues.paging.either_end import EitherEnd
from funding_platform.venues.paging.offset import BackwardOffset
from funding_platform.venues.paging.pager import Ask
from funding_platform.venues.parsing.candles import Candle, CandlePage, SpotListing
from funding_platform.venues.parsing.fields import MaybeReal, Real, Time, Whole, ZonelessTime
from funding_platform.venues.parsing.payloads import Payload, SymbolRow, ratio, utc_ms
from funding_platform.venues.parsing.records import Listing, MarketRow, Page, Settlement, hours_of
from funding_platform.venues.rest.concurrency import together
from funding_platform.venues.rest.endpoints import Endpoint, ErrorCodes, Params
from funding_platform.venues.rest.limits import Budget
from funding_platform.venues.specification import CandleSpec, VenueSpec


class _Rule(Payload):
    tick_size: MaybeReal = None
    min_quantity: MaybeReal = None


class _Rules(Payload):
    price: _Rule
    quantity: _Rule


class _Market(SymbolRow):
    base: str = field(name="baseSymbol")
    quote: str = field(name="quoteSymbol")
    status: str = field(name="orderBookState")
    market_type: str
    funding_interval: Whole | None  # milliseconds; null on spot markets
    filters: _Rules
    created_at: ZonelessTime | None = None
    rwa_market_type: str | None = None  # STOCK

    @property
    def asset_class(self) -> AssetClass:
        """A coin unless the market is one of real-world assets."""
        return class_said(self.rwa_market_type or "coin", self.base)


class _MarkPrice(SymbolRow):
    predicted_rate: Real = field(name="fundingRate")
    next_funding_ms: Time = field(name="nextFundingTimestamp")
    mark_price: MaybeReal
    index_price: MaybeReal

    @property
    def quote(self) -> str:
        """USDC of BTC_USDC_PERP."""
        return quote_of(self.venue_symbol)


def quote_of(symbol: str) -> str:
    """Return the quote of a perpetual, USDC of BTC_USDC_PERP."""
    return symbol.removesuffix("_PERP").rpartition("_")[2]


class _OpenInterest(SymbolRow):
    open_interest_base: Real = field(name="openInterest")


class _Ticker(SymbolRow):
    volume_24h_quote: Real = field(name="quoteVolume")


class _Funding(SymbolRow):
    rate: Real = field(name="fundingRate")
    interval_end_timestamp: ZonelessTime


class _Bar(Payload):
    """Of an hour without a deal all prices are null."""

    start: ZonelessTime
    open: MaybeReal
    high: MaybeReal
    low: MaybeReal
    close: MaybeReal
    volume_base: MaybeReal = field(name="volume", default=None)
    volume_quote: MaybeReal = field(name="quoteVolume", default=None)

    @property
    def time_ms(self) -> int:
        """In milliseconds."""
        return utc_ms(self.start)


MARKETS: Final = Endpoint("/api/v1/markets", list[_Market])
MARK_PRICES: Final = Endpoint("/api/v1/markPrices", list[_MarkPrice])
OPEN_INTEREST: Final = Endpoint("/api/v1/openInterest", list[_OpenInterest])
TICKERS: Final = Endpoint("/api/v1/tickers", list[_Ticker])
USUAL_HOURS: Final = 1.0
"""Where the list of markets does not say: every perpetual pays hourly since 2025-08-20."""
SLOW: Final = Budget("history", 30, 60)
HISTORY: Final = Endpoint("/api/v1/fundingRates", list[_Funding], budget=SLOW)
CANDLES: Final = Endpoint("/api/v1/klines", list[_Bar], budget=SLOW)
PRICES: Final = {"mark": "Mark", "index": "Index", "trade": "Last"}


class Backpack(Venue):
    """Backpack's perpetuals, margined in USDC."""

    spec = VenueSpec(
        name="backpack",
        title="Backpack",
        base_url="https://api.backpack.exchange",
        docs_url="https://docs.backpack.exchange",
        history_start=datetime(2025, 1, 1, tzinfo=UTC),
        pager=BackwardOffset,
        page_size=1000,
        # Nothing says how many bars come at most, or which are left out beyond that.
        candles=(
            CandleSpec(kinds=tuple(PRICES), pager=EitherEnd, page_size=1000, empty_bars="null"),
        ),
        spot_candles=CandleSpec(pager=EitherEnd, page_size=1000, empty_bars="null"),
        books=DEPTHS,
        budget=Budget("requests", 2000, 60),
        refusal=ErrorCodes(
            "code",
            "message",
            meanings={"INVALID_SYMBOL": UnknownSymbolError, "INVALID_MARKET": UnknownSymbolError},
        ),
        statuses={
            "Open": "trading",
            "PostOnly": "halted",
            "LimitOnly": "halted",
            "CancelOnly": "halted",
            "Closed": "delisted",
        },
    )
    book_call = BOOKS

    async def fetch_listings(self) -> list[Listing]:
        """List the perpetuals among the markets."""
        return [
            Listing.linear(
                row,
                interval_hours=ratio(row.funding_interval, HOUR_MS),
                tick_size=row.filters.price.tick_size,
                min_size=row.filters.quantity.min_quantity,
                listed_ms=None if row.created_at is None else utc_ms(row.created_at),
            )
            for row in await self.fetch(MARKETS)
            if row.market_type == "PERP"
        ]

    async def fetch_markets(self) -> list[MarketRow]:
        """Fetch markPrices of all perpetuals, joined with open interest and turnover."""
        prices, interest, tickers, listed = await together(
            self.fetch(MARK_PRICES),
            self.attempt_rows(OPEN_INTEREST),
            self.attempt_rows(TICKERS),
            self.attempt(self.listed(), {}),
        )
        return [
            MarketRow.joined(
                row,
                interest,
                tickers,
                interval_hours=hours_of(listed.get(row.venue_symbol), USUAL_HOURS),
            )
            for row in prices
        ]

    async def fetch_history(self, symbol: str, ask: Ask) -> Page:
        """Fetch rows from an offset on, newest first; one that ends in the future is still open."""
        params: Params = {"symbol": symbol, "limit": ask.limit, "offset": int(ask.token or 0)}
        rows = [
            Settlement(row.venue_symbol, utc_ms(row.interval_end_timestamp), row.rate)
            for row in await self.fetch(HISTORY, params)
        ]
        now_ms = to_ms(self.now())
        page = Page.sifted(rows, lambda row: row.time_ms <= now_ms)
        soon = {time_ms for time_ms in page.passed_over_ms if time_ms <= now_ms + DAY_MS}
        if len(soon) > 1:  # the clock is another: what has settled by it is as wrong
            raise self.broken(f"several intervals of {symbol} end in the future", HISTORY)
        return page

    async def fetch_candles(self, symbol: str, kind: str, ask: Ask) -> CandlePage:
        """Fetch one page of bars, asked for in seconds; marks and indices have a price type."""
        edges: Params = {"startTime": -(-ask.start_ms // 1000), "endTime": ask.end_ms // 1000}
        typed: Params = {} if kind == "trade" else {"priceType": PRICES[kind]}
        rows = await self.fetch(CANDLES, {"symbol": symbol, "interval": "1h", **edges, **typed})
        blank = {} if kind == "trade" else {"volume_base": None, "volume_quote": None}
        return CandlePage([Candle.of(row, venue_symbol=symbol, **blank) for row in rows])

    async def fetch_spot_listings(self) -> list[SpotListing]:
        """List the spot markets among the markets."""
        return [
            SpotListing.of(row, trades=row.status == "Open")
            for row in await self.fetch(MARKETS)
            if row.market_type == "SPOT"
        ]

    async def fetch_spot_candles(self, symbol: str, ask: Ask) -> CandlePage:
        """Fetch the same of a spot market, by its symbol."""
        return await self.fetch_candles(symbol, "trade", ask)
