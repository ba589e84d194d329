"""Binance USD-M futures; Aster copied its API."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from msgspec import field

from funding_platform.core.market.asset_classes import AssetClass, class_said
from funding_platform.core.symbols import canonical_base
from funding_platform.core.time_grid import HOUR, to_ms
from funding_platform.venues.adapters.binance.books import DEPTHS, book_call
from funding_platform.venues.contract import Venue
from funding_platform.venues.errors import RateLimitedError, UnknownSymbolError
from funding_platform.venues.paging.ascending import Ascending
from funding_platform.venues.paging.pager import Ask
from funding_platform.venues.parsing.candles import (
    Candle,
    CandlePage,
    InterestPage,
    InterestPoint,
    SpotListing,
)
from funding_platform.venues.parsing.fields import MaybeReal, MaybeTime, Real, RealOrBlank, Time
from funding_platform.venues.parsing.payloads import BarRow, Payload, SymbolRow
from funding_platform.venues.parsing.records import Listing, MarketRow, Page, Settlement
from funding_platform.venues.rest.concurrency import together
from funding_platform.venues.rest.endpoints import Endpoint, ErrorCodes, Params
from funding_platform.venues.rest.limits import Budget
from funding_platform.venues.specification import CandleSpec, HourlySpec, VenueSpec

TRADFI: Final = "TRADIFI_PERPETUAL"
"""The contract type of perpetuals on shares, funds and commodities."""


class _Filter(Payload):
    filter_type: str = ""
    tick_size: MaybeReal = None
    min_qty: MaybeReal = None


_NO_FILTER = _Filter()


class Symbol(SymbolRow):
    """A contract of exchangeInfo, perpetual or not."""

    status: str
    kind: str = field(name="contractType")
    quote: str = field(name="quoteAsset")
    base_asset: str = ""
    settle: str | None = field(name="marginAsset", default=None)
    underlying_type: str = ""  # COIN, INDEX (of coins), EQUITY, KR_EQUITY, COMMODITY, PREMARKET
    underlying_sub_type: tuple[str, ...] = ()
    symbol_type: int | None = None  # only Aster has it
    listed_ms: MaybeTime = field(name="onboardDate", default=None)
    filters: tuple[_Filter, ...] = ()

    @property
    def base(self) -> str:
        """The base; Binance's first rows left it out."""
        return self.base_asset or self.venue_symbol.removesuffix(self.quote)

    def rule(self, kind: str) -> _Filter:
        """Find the trading rule of that type; an empty one where there is none."""
        for rule in self.filters:
            if rule.filter_type == kind:
                return rule
        return _NO_FILTER


class _PremiumIndex(SymbolRow):
    predicted_rate: RealOrBlank = field(name="lastFundingRate")  # the next, in spite of its name
    next_funding_ms: Time = field(name="nextFundingTime")  # 0 on dated futures
    mark_price: RealOrBlank
    index_price: RealOrBlank


class _FundingInfo(SymbolRow):
    interval_hours: Real = field(name="fundingIntervalHours")


class _Ticker(SymbolRow):
    volume_24h_quote: Real = field(name="quoteVolume")


class _Book(SymbolRow):
    best_bid: Real = field(name="bidPrice")
    best_ask: Real = field(name="askPrice")


class _OpenInterest(SymbolRow):
    open_interest_base: Real = field(name="openInterest")


class _Bar(BarRow):
    """Of mark and index prices the volumes are zeros."""

    volume_base: MaybeReal
    close_ms: Time
    volume_quote: MaybeReal

    def candle(self, symbol: str, *, traded: bool) -> Candle:
        """As a record; the row does not name its symbol."""
        prices = (self.open, self.high, self.low, self.close)
        volumes = (self.volume_base, self.volume_quote) if traded else ()
        return Candle(symbol, self.time_ms, *prices, *volumes)


class _Held(SymbolRow):
    time_ms: Time = field(name="timestamp")
    open_interest_base: Real = field(name="sumOpenInterest")
    open_interest_quote: Real = field(name="sumOpenInterestValue")


class _SpotSymbol(SymbolRow):
    status: str
    base: str = field(name="baseAsset")
    quote: str = field(name="quoteAsset")


class _Funding(SymbolRow):
    time_ms: Time = field(name="fundingTime")
    rate: Real = field(name="fundingRate")
    mark_price: MaybeReal = None  # empty on early rows


FUNDING: Final = Budget("funding", 500, 300)
EXCHANGE_INFO: Final = Endpoint("/fapi/v1/exchangeInfo", list[Symbol], within="symbols")
PREMIUM_INDEX: Final = Endpoint("/fapi/v1/premiumIndex", list[_PremiumIndex], weight=10)
FUNDING_INFO: Final = Endpoint("/fapi/v1/fundingInfo", list[_FundingInfo], budget=FUNDING)
TICKERS: Final = Endpoint("/fapi/v1/ticker/24hr", list[_Ticker], weight=40)
BOOKS: Final = Endpoint("/fapi/v1/ticker/bookTicker", list[_Book], weight=5)
OPEN_INTEREST: Final = Endpoint("/fapi/v1/openInterest", _OpenInterest)
HISTORY: Final = Endpoint("/fapi/v1/fundingRate", list[_Funding], budget=FUNDING)

PAGE_OF_BARS: Final = 499
"""Up to here a page weighs 2; 1500 weigh 10."""
CANDLES: Final = {
    kind: Endpoint(f"/fapi/v1/{call}", list[_Bar], weight=2)
    for kind, call in (
        ("mark", "markPriceKlines"),
        ("index", "indexPriceKlines"),
        ("trade", "klines"),
    )
}
HELD_MONTH: Final = timedelta(days=30) - HOUR
"""An earlier start is refused: an hour is left for clocks that differ, and for the way there."""
HELD: Final = Endpoint(
    "/futures/data/openInterestHist", list[_Held], budget=Budget("open interest", 1000, 300)
)
SPOT_HOST: Final = "https://api.binance.com"
SPOT_WEIGHT: Final = Budget("spot weight", 6000, 60)
SPOT_INFO: Final = Endpoint(
    "/api/v3/exchangeInfo",
    list[_SpotSymbol],
    within="symbols",
    weight=20,
    budget=SPOT_WEIGHT,
    host=SPOT_HOST,
)
SPOT_CANDLES: Final = Endpoint(
    "/api/v3/klines", list[_Bar], weight=2, budget=SPOT_WEIGHT, host=SPOT_HOST
)


class Futures(Venue):
    """Binance's USD-M futures, as Aster has them too."""

    spec = VenueSpec(
        name="binance",
        title="Binance",
        base_url="https://fapi.binance.com",
        docs_url="https://developers.binance.com/docs/derivatives/usds-margined-futures",
        history_start=datetime(2019, 9, 1, tzinfo=UTC),
        pager=Ascending,
        page_size=1000,
        candles=(
            CandleSpec(kinds=("mark", "index", "trade"), pager=Ascending, page_size=PAGE_OF_BARS),
        ),
        books=DEPTHS,
        budget=Budget("weight", 2400, 60),
        refusal=ErrorCodes(
            "code", "msg", meanings={-1121: UnknownSymbolError, -1003: RateLimitedError}
        ),
        used_weight_header="X-MBX-USED-WEIGHT-1M",
        statuses={
            "TRADING": "trading",
            "PENDING_TRADING": "halted",
            "PRE_SETTLE": "halted",
            "SETTLING": "delisted",
            "CLOSE": "delisted",
        },
    )
    book_call = book_call("/fapi/v1/depth")
    funding_info = FUNDING_INFO
    history = HISTORY  # Aster, which inherits all of this, counts these two calls differently

    async def fetch_listings(self) -> list[Listing]:
        """List the perpetuals of exchangeInfo; one that fundingInfo lacks has no known interval."""
        symbols, hours = await together(
            self.fetch(EXCHANGE_INFO), self.attempt_rows(self.funding_info)
        )
        return [
            Listing.linear(
                row,
                hours.get(row.venue_symbol),
                asset_class=self.asset_class(row),
                tick_size=row.rule("PRICE_FILTER").tick_size,
                min_size=row.rule("LOT_SIZE").min_qty,
            )
            for row in symbols
            if row.kind in ("PERPETUAL", TRADFI)
        ]

    async def fetch_markets(self) -> list[MarketRow]:
        """Fetch premiumIndex, joined with what the other bulk calls and openInterest add."""
        premium, hours, tickers, books, listed = await together(
            self.fetch(PREMIUM_INDEX),
            self.attempt_rows(self.funding_info),
            self.attempt_rows(TICKERS),
            self.attempt_rows(BOOKS),
            self.attempt(self.listed(), {}),
        )
        rows = [r for r in premium if r.next_funding_ms and self.trades(listed.get(r.venue_symbol))]
        symbols = [row.venue_symbol for row in rows]
        interest = await self.attempt_singles(OPEN_INTEREST, symbols, "symbol")
        quotes = {symbol: listing.quote for symbol, listing in listed.items()}
        return [
            MarketRow.joined(
                row, hours, tickers, books, interest, quote=quotes.get(row.venue_symbol)
            )
            for row in rows
        ]

    async def fetch_history(self, symbol: str, ask: Ask) -> Page:
        """Fetch one page of fundingRate, whose two edges are included."""
        edges: Params = {"startTime": ask.start_ms, "endTime": ask.end_ms, "limit": ask.limit}
        rows = await self.fetch(self.history, {"symbol": symbol, **edges})
        return Page([Settlement(r.venue_symbol, r.time_ms, r.rate, r.mark_price) for r in rows])

    async def fetch_candles(self, symbol: str, kind: str, ask: Ask) -> CandlePage:
        """Fetch one page of bars, whose two edges are included; of the index by its pair."""
        named = "pair" if kind == "index" else "symbol"
        rows = await self.fetch(CANDLES[kind], {named: symbol, **_bars(ask)})
        return CandlePage([row.candle(symbol, traded=kind == "trade") for row in rows])

    def asset_class(self, row: Symbol) -> AssetClass:
        """Tell the class: a coin, or an index of coins, unless the contract is of TradFi."""
        if row.kind == TRADFI:
            return class_said(row.underlying_type, canonical_base(row.base).base)
        return "index" if row.underlying_type == "INDEX" else "crypto"

    @classmethod
    def trades(cls, listing: Listing | None) -> bool:
        """Tell whether a symbol trades, as far as exchangeInfo, which may fail, knows."""
        return listing is None or listing.status == "TRADING"


class Binance(Futures):
    """Binance: beside its futures the spot market, and the open interest of the last month."""

    spec = replace(
        Futures.spec,
        spot_candles=CandleSpec(pager=Ascending, page_size=1000),
        open_interest=HourlySpec(pager=Ascending, page_size=500, depth=HELD_MONTH),
    )

    async def fetch_spot_listings(self) -> list[SpotListing]:
        """List the symbols of the spot market."""
        rows = await self.fetch(SPOT_INFO)
        return [SpotListing.of(row, trades=row.status == "TRADING") for row in rows]

    async def fetch_spot_candles(self, symbol: str, ask: Ask) -> CandlePage:
        """Fetch the same from the spot market, which is another host with weights of its own."""
        rows = await self.fetch(SPOT_CANDLES, {"symbol": symbol, **_bars(ask)})
        return CandlePage([row.candle(symbol, traded=True) for row in rows])

    async def fetch_open_interest(self, symbol: str, ask: Ask) -> InterestPage:
        """Fetch one page of what was held, one side, at full hours of the last month."""
        start_ms = max(ask.start_ms, to_ms(self.now() - HELD_MONTH))
        edges: Params = {"startTime": start_ms, "endTime": ask.end_ms, "limit": ask.limit}
        if start_ms > ask.end_ms:
            return InterestPage([])
        rows = await self.fetch(HELD, {"symbol": symbol, "period": "1h", **edges})
        return InterestPage([InterestPoint.of(row) for row in rows])


def _bars(ask: Ask) -> Params:
    edges = {"startTime": ask.start_ms, "endTime": ask.end_ms, "limit": ask.limit}
    return {"interval": "1h", **edges}
