"""Lighter, whose one quantity comes in three units: see ``_FundingRate`` and ``_Funding``."""

from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from msgspec import field

from funding_platform.core.time_grid import HOUR
from funding_platform.venues.adapters.lighter.books import BOOKS, DEPTHS
from funding_platform.venues.contract import Venue
from funding_platform.venues.errors import RateLimitedError
from funding_platform.venues.paging.backward import Backward
from funding_platform.venues.paging.pager import Ask
from funding_platform.venues.parsing.candles import Candle, CandlePage
from funding_platform.venues.parsing.fields import Decimals, MaybeReal, Real, Time, UnsignedPercent
from funding_platform.venues.parsing.payloads import Payload, SymbolRow, fraction, step
from funding_platform.venues.parsing.records import Listing, MarketRow, Page, Settlement
from funding_platform.venues.rest.concurrency import together
from funding_platform.venues.rest.endpoints import Endpoint, ErrorCodes, Params
from funding_platform.venues.rest.limits import Budget
from funding_platform.venues.specification import CandleSpec, VenueSpec


class _Detail(SymbolRow, rename=None):
    market_id: int
    market_type: str
    status: str
    price_decimals: Decimals | None = None
    min_size: MaybeReal = field(name="min_base_amount", default=None)
    mark_price: MaybeReal = None  # the two prices came between May and September 2026
    index_price: MaybeReal = None
    # In base units, where the web socket counts dollars.
    open_interest_base: MaybeReal = field(name="open_interest", default=None)
    volume_24h_quote: MaybeReal = field(name="daily_quote_token_volume", default=None)


class _FundingRate(SymbolRow, rename=None):
    """A fraction per eight hours, signed; each hour pays one eighth of it."""

    market_id: int
    exchange: str
    rate: Real


class _Funding(Payload, rename=None):
    """A percentage per hour without a sign; ``direction`` names the side that paid."""

    timestamp: Time  # seconds
    rate: UnsignedPercent
    direction: Literal["long", "short"]

    @property
    def signed_rate(self) -> float:
        """As a fraction, positive where longs paid."""
        rate = fraction(self.rate)
        return rate if self.direction == "long" else 0.0 - rate  # not -0.0


class _Bar(Payload, rename=None):
    """A field that is zero is left out: without a price there was no deal, without ``v`` no volume.

    ``v`` and ``V``, and ``c`` and ``C`` of other calls, are different fields.
    """

    time_ms: Time = field(name="t")
    open: MaybeReal = field(name="o", default=None)
    high: MaybeReal = field(name="h", default=None)
    low: MaybeReal = field(name="l", default=None)
    close: MaybeReal = field(name="c", default=None)
    volume_base: Real | None = field(name="v", default=0.0)
    volume_quote: Real | None = field(name="V", default=0.0)


DETAILS: Final = Endpoint("/api/v1/orderBookDetails", list[_Detail], within="order_book_details")
FUNDING_RATES: Final = Endpoint("/api/v1/funding-rates", list[_FundingRate], within="funding_rates")
HISTORY: Final = Endpoint("/api/v1/fundings", list[_Funding], within="fundings")
CANDLES: Final = {
    kind: Endpoint[list[_Bar] | None](f"/api/v1/{call}", list[_Bar] | None, within="c")
    for kind, call in (("mark", "markPriceCandles"), ("trade", "candles"))
}
MOST_BARS: Final = 500
STRETCH: Final = 480 * HOUR
"""Of more than 500 bars the newest are kept, and nothing says so."""


class Lighter(Venue):
    """Lighter's perpetuals, all margined in USDC and paid hourly."""

    spec = VenueSpec(
        name="lighter",
        title="Lighter",
        base_url="https://mainnet.zklighter.elliot.ai",
        docs_url="https://apidocs.lighter.xyz",
        history_start=datetime(2025, 1, 1, tzinfo=UTC),
        pager=Backward,
        page_size=750,
        page_span=timedelta(days=31),  # of more than 750 rows, the oldest are left out silently
        candles=(
            CandleSpec(kinds=("mark",), pager=Backward, page_size=MOST_BARS, page_span=STRETCH),
            CandleSpec(
                kinds=("trade",),
                pager=Backward,
                page_size=MOST_BARS,
                page_span=STRETCH,
                empty_bars="omitted",
            ),
        ),
        books=DEPTHS,
        budget=Budget("requests", 60, 60),
        refusal=ErrorCodes("code", "message", success=200, meanings={23000: RateLimitedError}),
        statuses={"active": "trading", "frozen": "halted", "inactive": "delisted"},
    )
    book_call = BOOKS

    async def fetch_listings(self) -> list[Listing]:
        """List the perpetuals of orderBookDetails."""
        return [
            Listing.linear(
                row,
                venue_id=str(row.market_id),
                base=row.venue_symbol,
                quote="USDC",
                interval_hours=1.0,
                tick_size=None if row.price_decimals is None else step(row.price_decimals),
            )
            for row in await self._details()
        ]

    async def fetch_markets(self) -> list[MarketRow]:
        """Fetch the venue's own funding-rates; it relays those of other exchanges beside them."""
        rates, details = await together(
            self.fetch(FUNDING_RATES), self.attempt(self._details(), [])
        )
        known = {detail.market_id: detail for detail in details}
        inactive = {detail.market_id for detail in details if detail.status != "active"}
        return [
            MarketRow.of(
                row,
                known.get(row.market_id),
                quote="USDC",
                predicted_rate=row.rate / 8,
                interval_hours=1.0,
                next_funding_ms=self.next_hour_ms(),
            )
            for row in rates
            if row.exchange == "lighter" and row.market_id not in inactive
        ]

    async def fetch_history(self, symbol: str, ask: Ask) -> Page:
        """Fetch one page of fundings, of which the newest are kept where there are too many."""
        params = await self._stretch(symbol, ask, count=0)
        return Page(
            [
                Settlement(symbol, row.timestamp * 1000, row.signed_rate, interval_hours=1.0)
                for row in await self.fetch(HISTORY, params)
            ]
        )

    async def fetch_candles(self, symbol: str, kind: str, ask: Ask) -> CandlePage:
        """Fetch one stretch of bars; where there are none, null comes."""
        rows = await self.fetch(CANDLES[kind], await self._stretch(symbol, ask, count=ask.hours))
        blank = {} if kind == "trade" else {"volume_base": None, "volume_quote": None}
        return CandlePage([Candle.of(row, venue_symbol=symbol, **blank) for row in rows or []])

    async def _stretch(self, symbol: str, ask: Ask, count: int) -> Params:
        """Ask for a stretch of history, in seconds."""
        return {
            "market_id": await self.venue_id(symbol),
            "resolution": "1h",
            "start_timestamp": -(-ask.start_ms // 1000),
            "end_timestamp": ask.end_ms // 1000,
            "count_back": count,
        }

    async def _details(self) -> list[_Detail]:
        return [row for row in await self.fetch(DETAILS) if row.market_type == "perp"]
