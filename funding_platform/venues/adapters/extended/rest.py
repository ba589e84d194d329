"""Extended on Starknet. It turns away clients that do not name themselves."""

from datetime import UTC, datetime
from typing import Final

from msgspec import field

from funding_platform.venues.adapters.extended.books import BOOKS, DEPTHS
from funding_platform.venues.contract import Venue
from funding_platform.venues.errors import ServerError, UnknownSymbolError
from funding_platform.venues.paging.backward import Backward, BackwardOpen
from funding_platform.venues.paging.either_end import EitherEnd
from funding_platform.venues.paging.pager import Ask
from funding_platform.venues.parsing.candles import (
    Candle,
    CandlePage,
    InterestPage,
    InterestPoint,
)
from funding_platform.venues.parsing.fields import MaybeReal, MaybeTime, Real, Time
from funding_platform.venues.parsing.payloads import Payload, present
from funding_platform.venues.parsing.records import Listing, MarketRow, Page, Settlement
from funding_platform.venues.rest.endpoints import Endpoint, ErrorCodes, Params
from funding_platform.venues.rest.limits import Budget
from funding_platform.venues.specification import CandleSpec, HourlySpec, VenueSpec

SESSION: Final = "_24_5"
"""Ends the asset name of a share that trades on weekdays only: ``MU_24_5`` is MU."""


class _Stats(Payload):
    """The market as it stands; of markets that pay no funding nobody promises what is here."""

    predicted_rate: MaybeReal = field(name="fundingRate", default=None)
    next_funding_ms: MaybeTime = field(name="nextFundingRate", default=None)  # a time
    mark_price: MaybeReal = None
    index_price: MaybeReal = None
    open_interest_base: MaybeReal = None
    open_interest_usd: MaybeReal = field(name="openInterest", default=None)
    volume_24h_usd: MaybeReal = field(name="dailyVolume", default=None)
    best_bid: MaybeReal = field(name="bidPrice", default=None)
    best_ask: MaybeReal = field(name="askPrice", default=None)


class _Rules(Payload):
    tick_size: MaybeReal = field(name="minPriceChange", default=None)
    min_size: MaybeReal = field(name="minOrderSize", default=None)


class _Market(Payload):
    venue_symbol: str = field(name="name")
    asset_name: str
    quote: str = field(name="collateralAssetName")
    status: str
    trading_config: _Rules
    market_stats: _Stats = field(default_factory=_Stats)
    type: str = "PERPETUAL"  # absent until spring 2026, when spot markets came
    listed_ms: MaybeTime = field(name="createdAt", default=None)


class _Funding(Payload):
    venue_symbol: str = field(name="m")
    rate: Real = field(name="f")
    time_ms: Time = field(name="T")  # some seconds after the hour


class _Bar(Payload):
    time_ms: Time = field(name="T")
    open: MaybeReal = field(name="o")
    high: MaybeReal = field(name="h")
    low: MaybeReal = field(name="l")
    close: MaybeReal = field(name="c")
    # There is a volume "v" of trades, in a unit that is nowhere stated.


class _Held(Payload):
    """``i`` is in dollars, ``I`` in base."""

    time_ms: Time = field(name="t")
    open_interest_quote: Real = field(name="i")
    open_interest_base: Real = field(name="I")


MARKETS: Final = Endpoint("/api/v1/info/markets", list[_Market], within="data")
HISTORY: Final = Endpoint("/api/v1/info/{market}/funding", list[_Funding], within="data")
CANDLES: Final = Endpoint("/api/v1/info/candles/{market}/{prices}", list[_Bar], within="data")
PRICES: Final = {"mark": "mark-prices", "index": "index-prices", "trade": "trades"}
HELD: Final = Endpoint("/api/v1/info/{market}/open-interests", list[_Held], within="data")


class Extended(Venue):
    """Extended's perpetuals: quoted in dollars, settled in USDC, paid hourly."""

    spec = VenueSpec(
        name="extended",
        title="Extended",
        base_url="https://api.starknet.extended.exchange",
        docs_url="https://api.docs.extended.exchange",
        history_start=datetime(2025, 7, 1, tzinfo=UTC),
        pager=Backward,
        page_size=1000,
        candles=(CandleSpec(kinds=tuple(PRICES), pager=BackwardOpen, page_size=10_000),),
        # Newest first, it says; its own example has the oldest first.
        open_interest=HourlySpec(pager=EitherEnd, page_size=300),
        books=DEPTHS,
        budget=Budget("requests", 1000, 60),
        # Stands in place of the data, also with HTTP 200.
        refusal=ErrorCodes(
            "code",
            "message",
            within="error",
            meanings={1001: UnknownSymbolError, 1010: ServerError},
        ),
        statuses={
            "ACTIVE": "trading",
            "REDUCE_ONLY": "halted",
            "PRELISTED": "halted",
            "DISABLED": "halted",
            "DELISTED": "delisted",
        },
    )
    book_call = BOOKS

    async def fetch_listings(self) -> list[Listing]:
        """List all perpetuals, those that no longer or do not yet trade included."""
        return [
            Listing.linear(
                row,
                row.trading_config,
                base=row.asset_name.removesuffix(SESSION),
                settle="USDC",
                interval_hours=1.0,
            )
            for row in await self._perpetuals()
        ]

    async def fetch_markets(self) -> list[MarketRow]:
        """Fetch the statistics of the markets that trade, from the one call that has everything."""
        rows = [row for row in await self._perpetuals() if row.status == "ACTIVE"]
        return [
            MarketRow.of(row.market_stats, venue_symbol=row.venue_symbol, interval_hours=1.0)
            for row in self.sifted(rows, _without_a_rate, MARKETS, "$.data[...].marketStats")
        ]

    async def fetch_history(self, symbol: str, ask: Ask) -> Page:
        """Fetch one page of the hourly rates applied, newest first; both edges are included."""
        edges: Params = {"startTime": ask.start_ms, "endTime": ask.end_ms, "limit": ask.limit}
        return Page(
            [
                Settlement(row.venue_symbol, row.time_ms, row.rate, interval_hours=1.0)
                for row in await self.fetch(HISTORY, {"market": symbol, **edges})
            ]
        )

    async def fetch_candles(self, symbol: str, kind: str, ask: Ask) -> CandlePage:
        """Fetch one page of bars up to the ask's end, newest first."""
        params: Params = {
            "market": symbol,
            "prices": PRICES[kind],
            "interval": "PT1H",
            "limit": min(ask.limit, ask.hours),
            "endTime": ask.end_ms,
        }
        rows = await self.fetch(CANDLES, params)
        return CandlePage([Candle.of(row, venue_symbol=symbol) for row in rows])

    async def fetch_open_interest(self, symbol: str, ask: Ask) -> InterestPage:
        """Fetch one page of what was held."""
        edges: Params = {"startTime": ask.start_ms, "endTime": ask.end_ms, "limit": ask.limit}
        rows = await self.fetch(HELD, {"market": symbol, "interval": "P1H", **edges})
        return InterestPage([InterestPoint.of(row, venue_symbol=symbol) for row in rows])

    async def _perpetuals(self) -> list[_Market]:
        return [row for row in await self.fetch(MARKETS) if row.type == "PERPETUAL"]


def _without_a_rate(row: _Market) -> str | None:
    stats = row.market_stats
    paid = None not in (present(stats.predicted_rate), present(stats.next_funding_ms))
    return None if paid else f"{row.venue_symbol} trades without a rate"
