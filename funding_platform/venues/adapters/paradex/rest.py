"""Paradex: funding accrues by the second, and ``accrual`` cuts it into settlements.

The index is in USDC and sampled every few seconds. Where no sample lies within ``REACH_MS`` before
the edge of a period, the index there is unknown and no rate is made up.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from msgspec import field

from funding_platform.core.time_grid import HOUR, HOUR_MS, to_ms
from funding_platform.venues.adapters.paradex.books import BOOKS, DEPTHS
from funding_platform.venues.contract import Venue
from funding_platform.venues.errors import RateLimitedError, UnknownSymbolError
from funding_platform.venues.paging.ascending import Ascending
from funding_platform.venues.paging.pager import Ask
from funding_platform.venues.parsing.accrual import Sample, paid_until, period_edges
from funding_platform.venues.parsing.candles import Candle, CandlePage
from funding_platform.venues.parsing.fields import MaybeReal, MaybeTime, Real, Time, Whole
from funding_platform.venues.parsing.leniency import leave_out
from funding_platform.venues.parsing.payloads import BarRow, Payload, SymbolRow, present
from funding_platform.venues.parsing.records import Listing, MarketRow, Page, Settlement, hours_of
from funding_platform.venues.rest.concurrency import together
from funding_platform.venues.rest.endpoints import Endpoint, ErrorCodes, Params
from funding_platform.venues.rest.limits import Budget
from funding_platform.venues.specification import CandleSpec, VenueSpec

REACH_MS: Final = 30_000
"""Over a longer gap the venue itself accrues nothing."""
USUAL_HOURS: Final = 8
"""The funding period of samples from before it was published, and of markets no longer listed."""


class _Market(SymbolRow, rename=None):
    asset_kind: str
    base: str = field(name="base_currency")
    quote: str = field(name="quote_currency")
    settle: str = field(name="settlement_currency")
    funding_period_hours: Whole = 0
    tick_size: MaybeReal = field(name="price_tick_size", default=None)
    min_size: MaybeReal = field(name="order_size_increment", default=None)
    open_at: MaybeTime = None


class Summary(SymbolRow, rename=None):
    """A market of either kind: perpetuals and options come together."""

    predicted_rate: MaybeReal = field(name="funding_rate")  # of the whole period; blank for options
    mark_price: MaybeReal
    index_price: MaybeReal = field(name="underlying_price")
    open_interest_base: MaybeReal = field(name="open_interest")
    volume_24h_usd: MaybeReal = field(name="volume_24h")
    best_bid: MaybeReal = field(name="bid")
    best_ask: MaybeReal = field(name="ask")

    @property
    def quote(self) -> str:
        """USD of every market."""
        return "USD"

    @property
    def is_perpetual(self) -> bool:
        """By its name, which ends in what it is."""
        return self.venue_symbol.endswith("-PERP")


class _Sample(Payload, rename=None):
    market: str
    index: Real = field(name="funding_index")
    premium: Real = field(name="funding_premium")
    rate: Real = field(name="funding_rate")
    time_ms: Time = field(name="created_at")
    funding_period_hours: Whole = 0


class _Bar(BarRow):
    volume_quote: MaybeReal  # dollars, though its clients call it base


MARKETS: Final = Endpoint("/v1/markets", list[_Market], within="results")
SUMMARIES: Final = Endpoint("/v1/markets/summary", list[Summary], within="results")
SAMPLES: Final = Endpoint("/v1/funding/data", list[_Sample], within="results")
CANDLES: Final = Endpoint("/v1/markets/klines", list[_Bar], within="results")
PRICES: Final = {"mark": "mark", "index": "underlying", "trade": "last"}
BARS: Final = 1_400
"""As many as a client is known to have got at once."""


class Paradex(Venue):
    """Paradex's perpetuals: quoted in USD, settled in USDC."""

    spec = VenueSpec(
        name="paradex",
        title="Paradex",
        base_url="https://api.prod.paradex.trade",
        docs_url="https://docs.paradex.trade",
        history_start=datetime(2023, 10, 1, tzinfo=UTC),
        pager=Ascending,
        page_size=960,
        page_span=timedelta(days=40),  # a month with its context; each settlement is a request
        candles=(
            CandleSpec(
                kinds=("mark", "index"),
                pager=Ascending,
                page_size=BARS,
                page_span=(BARS - 1) * HOUR,
            ),
            CandleSpec(
                kinds=("trade",),
                pager=Ascending,
                page_size=BARS,
                page_span=(BARS - 1) * HOUR,
                empty_bars="omitted",
            ),
        ),
        books=DEPTHS,
        budget=Budget("requests", 1500, 60),
        refusal=ErrorCodes(
            "error",
            "message",
            meanings={
                "NOT_FOUND": UnknownSymbolError,
                "MARKET_NOT_FOUND": UnknownSymbolError,
                "INVALID_SYMBOL": UnknownSymbolError,
                "RATE_LIMIT_EXCEEDED": RateLimitedError,
            },
        ),
        statuses={"listed": "trading"},
        never_stated=("next_funding_time",),
    )
    book_call = BOOKS

    async def fetch_listings(self) -> list[Listing]:
        """List the perpetuals among the markets; all that are listed trade."""
        return [
            Listing.linear(
                row,
                status="listed",
                interval_hours=row.funding_period_hours or None,
                listed_ms=row.open_at or None,
            )
            for row in await self.fetch(MARKETS)
            if row.asset_kind == "PERP"
        ]

    async def fetch_markets(self) -> list[MarketRow]:
        """Fetch the summaries of all perpetuals; a rate is of its market's whole funding period."""
        summaries, listed = await together(
            self.fetch(SUMMARIES, {"market": "ALL"}), self.attempt(self.listed(), {})
        )
        hours = {symbol: listing.interval_hours for symbol, listing in listed.items()}
        return [
            MarketRow.of(row, interval_hours=hours.get(row.venue_symbol))
            for row in summaries
            if row.is_perpetual
        ]

    async def fetch_history(self, symbol: str, ask: Ask) -> Page:
        """Fetch the periods that end within the ask, one request for each."""
        listing = (await self.listed()).get(symbol)
        opened_ms = (listing and present(listing.listed_ms)) or 0
        hours = hours_of(listing, USUAL_HOURS)
        start_ms, end_ms = max(ask.start_ms, opened_ms + 1), min(ask.end_ms, to_ms(self.now()))
        edges = period_edges(start_ms, end_ms, int(hours * HOUR_MS))
        sampled = {time_ms: await self._sample(symbol, time_ms) for time_ms in edges}
        told = [complaint for _, complaint in sampled.values() if complaint is not None]
        leave_out(told, len(sampled), venue=self.spec.name, endpoint=SAMPLES.path)
        paid = paid_until({time_ms: sample for time_ms, (sample, _) in sampled.items()})
        return Page(
            [
                Settlement(symbol, time_ms, rate, interval_hours=hours)
                for time_ms, rate in paid.items()
                if rate is not None
            ],
            passed_over_ms=[time_ms for time_ms, rate in paid.items() if rate is None],
        )

    async def fetch_candles(self, symbol: str, kind: str, ask: Ask) -> CandlePage:
        """Fetch one stretch of bars, which wants both edges."""
        edges: Params = {"start_at": ask.start_ms, "end_at": ask.end_ms}
        asked: Params = {"symbol": symbol, "resolution": "60", "price_kind": PRICES[kind]}
        rows = await self.fetch(CANDLES, {**asked, **edges})
        blank = {} if kind == "trade" else {"volume_quote": None}
        return CandlePage([Candle.of(row, venue_symbol=symbol, **blank) for row in rows])

    async def _sample(self, symbol: str, time_ms: int) -> tuple[Sample | None, str | None]:
        """Fetch the last sample up to a moment, if one is within reach of it; say what is wrong."""
        start_ms = time_ms - REACH_MS
        edges: Params = {"start_at": start_ms, "end_at": time_ms, "page_size": 100}
        complaint, last = None, None
        for row in await self.fetch(SAMPLES, {"market": symbol, **edges}):
            if row.market != symbol or not start_ms <= row.time_ms <= time_ms:
                got = f"got {row.market} at {row.time_ms}"
                complaint = f"asked for {symbol} up to {time_ms}, {got}"
            elif last is None or row.time_ms > last.time_ms:
                last = row
        if last is None:
            return None, complaint
        if last.premium * last.rate < 0:
            return None, f"premium and rate of {symbol} differ in sign at {last.time_ms}"
        period_ms = (last.funding_period_hours or USUAL_HOURS) * HOUR_MS
        return Sample(last.time_ms, last.index, last.premium, last.rate, period_ms), complaint
