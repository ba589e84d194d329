"""Bybit v5: USDT and USDC perpetuals (category linear) and coin-margined ones (inverse)."""

from datetime import UTC, datetime
from typing import Final

from msgspec import field

from funding_platform.core.market.asset_classes import AssetClass, class_said
from funding_platform.core.symbols import ContractType, canonical_base
from funding_platform.venues.adapters.bybit.books import BOOKS, DEPTHS
from funding_platform.venues.contract import Venue
from funding_platform.venues.errors import RateLimitedError, ServerError
from funding_platform.venues.paging.backward import Backward
from funding_platform.venues.paging.pager import Ask
from funding_platform.venues.parsing.candles import (
    SPOT,
    Candle,
    CandlePage,
    InterestPage,
    InterestPoint,
    SpotListing,
)
from funding_platform.venues.parsing.fields import (
    MaybeReal,
    Real,
    RealOrBlank,
    Time,
    TimeOrBlank,
    Whole,
)
from funding_platform.venues.parsing.payloads import (
    BarRow,
    Payload,
    SymbolRow,
    coalesce,
    product,
)
from funding_platform.venues.parsing.records import Listing, MarketRow, Page, Settlement
from funding_platform.venues.rest.concurrency import together
from funding_platform.venues.rest.endpoints import Endpoint, ErrorCodes, Params
from funding_platform.venues.rest.limits import Budget
from funding_platform.venues.specification import CandleSpec, HourlySpec, VenueSpec

_COIN_TYPES: Final = ("", "innovation", "adventure")


class _Filter(Payload):
    tick_size: MaybeReal = None
    min_order_qty: MaybeReal = None


class _Instrument(SymbolRow):
    kind: str = field(name="contractType")
    status: str
    base: str = field(name="baseCoin")
    quote: str = field(name="quoteCoin")
    settle: str = field(name="settleCoin")
    launch_time: Time
    funding_interval: Whole  # minutes
    price_filter: _Filter
    lot_size_filter: _Filter
    symbol_type: str | None = None  # stock, forex; blank, or a zone of coins, on all others

    @property
    def asset_class(self) -> AssetClass | None:
        """None on older rows, which lack the field."""
        if self.symbol_type is None:
            return None
        coin = self.symbol_type in _COIN_TYPES
        return "crypto" if coin else class_said(self.symbol_type, canonical_base(self.base).base)


class _Instruments(Payload):
    list: list[_Instrument]
    next_page_cursor: str = ""


class Ticker(SymbolRow):
    """The market of a contract, perpetual or not."""

    predicted_rate: RealOrBlank = field(name="fundingRate")  # empty on dated futures
    next_funding_ms: TimeOrBlank = field(name="nextFundingTime")  # 0 or empty on dated futures
    interval_hours: RealOrBlank = field(name="fundingIntervalHour")
    mark_price: RealOrBlank
    index_price: RealOrBlank
    best_bid: RealOrBlank = field(name="bid1Price")
    best_ask: RealOrBlank = field(name="ask1Price")
    volume24h: RealOrBlank
    turnover24h: RealOrBlank
    open_interest: RealOrBlank  # both sides, of which one is counted
    open_interest_value: RealOrBlank
    single_open_interest: MaybeReal = None
    single_open_interest_value: MaybeReal = None  # the single ones came in 2026


class _Bar(BarRow):
    volume: MaybeReal = None  # base, of inverse contracts dollars; there is none of mark and index
    turnover: MaybeReal = None  # quote, of inverse contracts coin


class _Bars(SymbolRow):
    list: list[_Bar]


class _Held(Payload):
    time_ms: Time = field(name="timestamp")
    open_interest: Real  # both sides
    single_open_interest: MaybeReal = None


class _SpotInstrument(SymbolRow):
    status: str
    base: str = field(name="baseCoin")
    quote: str = field(name="quoteCoin")


class _Funding(SymbolRow):
    time_ms: Time = field(name="fundingRateTimestamp")
    rate: Real = field(name="fundingRate")


INSTRUMENTS: Final = Endpoint("/v5/market/instruments-info", _Instruments, within="result")
TICKERS: Final = Endpoint("/v5/market/tickers", list[Ticker], within="result.list")
HISTORY: Final = Endpoint("/v5/market/funding/history", list[_Funding], within="result.list")
CANDLES: Final = {
    kind: Endpoint(f"/v5/market/{call}", _Bars, within="result")
    for kind, call in (
        ("mark", "mark-price-kline"),
        ("index", "index-price-kline"),
        ("trade", "kline"),
    )
}
HELD: Final = Endpoint("/v5/market/open-interest", list[_Held], within="result.list")
SPOT_INSTRUMENTS: Final = Endpoint(
    "/v5/market/instruments-info", list[_SpotInstrument], within="result.list"
)


def category(symbol: str) -> ContractType:
    """Tell the category: inverse perpetuals end in USD (BTCUSD), linear ones in USDT or PERP."""
    return "inverse" if symbol.endswith("USD") else "linear"


class Bybit(Venue):
    """Bybit v5, categories linear and inverse."""

    spec = VenueSpec(
        name="bybit",
        title="Bybit",
        base_url="https://api.bybit.com",
        docs_url="https://bybit-exchange.github.io/docs/v5/intro",
        history_start=datetime(2018, 11, 1, tzinfo=UTC),
        pager=Backward,
        page_size=200,
        # With both edges given a page hangs on its end: forward, the newest would come for ever.
        candles=(CandleSpec(kinds=("mark", "index", "trade"), pager=Backward, page_size=1000),),
        spot_candles=CandleSpec(pager=Backward, page_size=1000),
        open_interest=HourlySpec(pager=Backward, page_size=200),
        books=DEPTHS,
        budget=Budget("requests", 600, 5),
        refusal=ErrorCodes(
            "retCode",
            "retMsg",
            success=0,
            meanings={10006: RateLimitedError, 10016: ServerError},
            symbol_spelled="symbol",  # 10001 is any bad parameter
        ),
        statuses={
            "Trading": "trading",
            "PreLaunch": "halted",
            "Delivering": "halted",
            "Closed": "delisted",
        },
    )
    book_call = BOOKS

    async def fetch_listings(self) -> list[Listing]:
        """List the perpetuals of both categories."""
        both = await together(self._listed("linear"), self.attempt(self._listed("inverse"), []))
        return both[0] + both[1]

    async def fetch_markets(self) -> list[MarketRow]:
        """Fetch the tickers of both categories, which hold everything."""
        both = await together(self._tickers("linear"), self.attempt(self._tickers("inverse"), []))
        return both[0] + both[1]

    async def fetch_history(self, symbol: str, ask: Ask) -> Page:
        """Fetch one page, newest first; the venue wants both edges."""
        edges: Params = {"startTime": ask.start_ms, "endTime": ask.end_ms, "limit": ask.limit}
        rows = await self.fetch(HISTORY, {"category": category(symbol), "symbol": symbol, **edges})
        return Page([Settlement(row.venue_symbol, row.time_ms, row.rate) for row in rows])

    async def fetch_candles(self, symbol: str, kind: str, ask: Ask) -> CandlePage:
        """Fetch one page of bars, newest first; a start within a bar would bring that bar."""
        return await self._bars(CANDLES[kind], category(symbol), symbol, ask)

    async def fetch_spot_listings(self) -> list[SpotListing]:
        """List the instruments of the spot market, on one page."""
        rows = await self.fetch(SPOT_INSTRUMENTS, {"category": SPOT})
        return [SpotListing.of(row, trades=row.status == "Trading") for row in rows]

    async def fetch_spot_candles(self, symbol: str, ask: Ask) -> CandlePage:
        """Fetch the same of a spot market, which may bear the symbol of a perpetual."""
        return await self._bars(CANDLES["trade"], SPOT, symbol, ask)

    async def fetch_open_interest(self, symbol: str, ask: Ask) -> InterestPage:
        """Fetch one page of what was held: base, and of inverse contracts dollars."""
        edges: Params = {"startTime": ask.start_ms, "endTime": ask.end_ms, "limit": ask.limit}
        asked: Params = {"category": category(symbol), "symbol": symbol, "intervalTime": "1h"}
        unit = "open_interest_quote" if category(symbol) == "inverse" else "open_interest_base"
        return InterestPage(
            [
                InterestPoint(
                    symbol,
                    row.time_ms,
                    **{unit: coalesce(row.single_open_interest, row.open_interest / 2)},
                )
                for row in await self.fetch(HELD, {**asked, **edges})
            ]
        )

    async def _bars(
        self, endpoint: Endpoint[_Bars], wanted: str, symbol: str, ask: Ask
    ) -> CandlePage:
        edges: Params = {"start": ask.start_ms, "end": ask.end_ms, "limit": ask.limit}
        asked: Params = {"category": wanted, "symbol": symbol, "interval": "60"}
        answer = await self.fetch(endpoint, {**asked, **edges})
        return CandlePage([_candle(row, answer.venue_symbol, wanted) for row in answer.list])

    async def _listed(self, wanted: ContractType) -> list[Listing]:
        params: Params = {"category": wanted, "limit": 1000, "cursor": ""}
        pages = await self.pages(INSTRUMENTS, params, "cursor", lambda page: page.next_page_cursor)
        return [
            Listing.of(
                row,
                contract_type=wanted,
                contract_size=1.0,
                interval_hours=row.funding_interval / 60 or None,
                tick_size=row.price_filter.tick_size,
                min_size=row.lot_size_filter.min_order_qty,
                listed_ms=row.launch_time or None,
            )
            for page in pages
            for row in page.list
            if row.kind == f"{wanted.capitalize()}Perpetual"  # the others are dated
        ]

    async def _tickers(self, wanted: ContractType) -> list[MarketRow]:
        return [
            market(row)
            for row in await self.fetch(TICKERS, {"category": wanted})
            if category(row.venue_symbol) == wanted and row.next_funding_ms not in (0, "")
        ]


def _candle(row: _Bar, symbol: str, wanted: str) -> Candle:
    volumes = (row.volume, row.turnover)
    if wanted == "inverse":
        volumes = (row.turnover, row.volume)
    return Candle(symbol, row.time_ms, row.open, row.high, row.low, row.close, *volumes)


def market(row: Ticker) -> MarketRow:
    """Count one side, in coins and in dollars."""
    held = coalesce(row.single_open_interest, product(row.open_interest, 0.5))
    value = coalesce(row.single_open_interest_value, product(row.open_interest_value, 0.5))
    traded = row.turnover24h
    if category(row.venue_symbol) == "inverse":  # contracts of 1 USD, valued in coin
        held, value, traded = value, held, row.volume24h
    return MarketRow.of(
        row, open_interest_base=held, open_interest_usd=value, volume_24h_usd=traded
    )
