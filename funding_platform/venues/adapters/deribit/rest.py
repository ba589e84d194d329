"""Deribit: funding accrues by the second, settles into profit and loss, and is published hourly.

What an hour paid is ``interest_1h``. ``interest_8h``, and ``funding_8h`` of the live market, are
rolling sums of eight hours: adding those up hour by hour would count each hour eight times.
"""

from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from msgspec import field

from funding_platform.core.time_grid import HOUR
from funding_platform.venues.adapters.deribit.books import BOOKS, DEPTHS
from funding_platform.venues.contract import Venue
from funding_platform.venues.errors import RateLimitedError, ServerError, UnknownSymbolError
from funding_platform.venues.paging.ascending import Ascending
from funding_platform.venues.paging.backward import Backward
from funding_platform.venues.paging.pager import Ask
from funding_platform.venues.parsing.candles import Candle, CandlePage
from funding_platform.venues.parsing.fields import MaybeReal, Positive, Real, Time
from funding_platform.venues.parsing.payloads import Payload, product
from funding_platform.venues.parsing.records import Listing, MarketRow, Page, Settlement, dollars
from funding_platform.venues.rest.endpoints import Endpoint, ErrorCodes, Params
from funding_platform.venues.rest.limits import Budget
from funding_platform.venues.specification import CandleSpec, VenueSpec


class _Instrument(Payload, rename=None):
    venue_symbol: str = field(name="instrument_name")
    instrument_type: Literal["reversed", "linear"]
    base: str = field(name="base_currency")
    quote: str = field(name="quote_currency")
    settle: str = field(name="settlement_currency")
    is_active: bool
    contract_size: MaybeReal
    tick_size: MaybeReal
    min_size: MaybeReal = field(name="min_trade_amount")
    listed_ms: Time = field(name="creation_timestamp")
    settlement_period: str = ""  # combinations have none


class Market(Payload, rename=None, kw_only=True):
    """What REST and stream say alike of a future."""

    venue_symbol: str = field(name="instrument_name")
    mark_price: Positive | None
    open_interest: MaybeReal  # dollars where the contract is inverse, else base
    funding_8h: Real | None = None  # perpetuals only


class _Summary(Market, rename=None, kw_only=True):
    volume_24h_usd: MaybeReal = field(name="volume_usd")
    best_bid: MaybeReal = field(name="bid_price", default=None)
    best_ask: MaybeReal = field(name="ask_price", default=None)
    index_price: MaybeReal = field(name="estimated_delivery_price", default=None)  # of perpetuals


class _Interest(Payload, rename=None):
    timestamp: Time  # the end of the hour
    interest_1h: Real
    index_price: MaybeReal = None


class _Columns(Payload, rename=None):
    """Bars as columns, in no order to rely on."""

    ticks: list[Time]
    open: list[MaybeReal]
    high: list[MaybeReal]
    low: list[MaybeReal]
    close: list[MaybeReal]
    volume: list[MaybeReal]  # coin
    cost: list[MaybeReal]  # dollars of inverse contracts, quote of others

    def __post_init__(self) -> None:
        columns = (self.open, self.high, self.low, self.close, self.volume, self.cost)
        if any(len(column) != len(self.ticks) for column in columns):
            raise ValueError("holds columns of different lengths")


INSTRUMENTS: Final = Endpoint("/api/v2/public/get_instruments", list[_Instrument], within="result")
SUMMARIES: Final = Endpoint(
    "/api/v2/public/get_book_summary_by_currency", list[_Summary], within="result"
)
HISTORY: Final = Endpoint(
    "/api/v2/public/get_funding_rate_history", list[_Interest], within="result"
)

MOST_BARS: Final = 5_000
CANDLES: Final = Endpoint("/api/v2/public/get_tradingview_chart_data", _Columns, within="result")


class Deribit(Venue):
    """Deribit's perpetuals: inverse ones margined in coins, linear ones in stablecoins."""

    spec = VenueSpec(
        name="deribit",
        title="Deribit",
        base_url="https://www.deribit.com",
        docs_url="https://docs.deribit.com",
        history_start=datetime(2019, 4, 1, tzinfo=UTC),
        pager=Ascending,
        page_size=744,
        page_span=timedelta(days=30),  # of more than 744 rows, the rest is left out silently
        candles=(
            CandleSpec(
                kinds=("trade",),
                pager=Backward,
                page_size=MOST_BARS,
                page_span=MOST_BARS * HOUR,  # of more, the old end is left out silently
            ),
        ),
        books=DEPTHS,
        budget=Budget("credits", 100, 5),  # a burst of 100, refilled by 20 a second
        refusal=ErrorCodes(
            "code",
            "message",
            within="error",
            meanings={
                10020: UnknownSymbolError,  # invalid_or_unsupported_instrument
                10028: RateLimitedError,
                11094: ServerError,  # internal_server_error
                13020: UnknownSymbolError,  # not_found
            },
            details="data",
            symbol_spelled="instrument_name",  # of the parameters that are called invalid
        ),
        statuses={"active": "trading", "inactive": "halted"},
        never_stated=("next_funding_time",),
    )
    book_call = BOOKS

    async def fetch_listings(self) -> list[Listing]:
        """List the futures of all currencies that never expire."""
        params = {"currency": "any", "kind": "future", "expired": "false"}
        return [
            Listing.of(
                row,
                contract_type="inverse" if row.instrument_type == "reversed" else "linear",
                status="active" if row.is_active else "inactive",
                interval_hours=1.0,
                order_unit=1.0,  # orders say an amount, not how many contracts that is
            )
            for row in await self.fetch(INSTRUMENTS, params)
            if row.settlement_period == "perpetual"
        ]

    async def fetch_markets(self) -> list[MarketRow]:
        """Fetch the summaries of every currency that a perpetual settles in, one call each."""
        listed = await self.listed()
        currencies = dict.fromkeys(row.settle for row in listed.values() if row.settle)
        answers = await self.attempt_each(
            currencies,
            lambda currency: self.fetch(SUMMARIES, {"currency": currency, "kind": "future"}),
            required=True,
        )
        rows = [
            row
            for summaries in answers.values()
            for row in summaries
            if (listing := listed.get(row.venue_symbol)) and listing.status == "active"
        ]
        paying = self.sifted(rows, _without_a_rate, SUMMARIES, "$.result")
        return [market(row, listed[row.venue_symbol]) for row in paying]

    async def fetch_history(self, symbol: str, ask: Ask) -> Page:
        """Fetch a page of get_funding_rate_history, which leaves out its start and not its end."""
        edges: Params = {"start_timestamp": ask.start_ms - 1, "end_timestamp": ask.end_ms}
        return Page(
            [
                Settlement(symbol, row.timestamp, row.interest_1h, None, row.index_price, 1.0)
                for row in await self.fetch(HISTORY, {"instrument_name": symbol, **edges})
            ]
        )

    async def fetch_candles(self, symbol: str, kind: str, ask: Ask) -> CandlePage:
        """Fetch one stretch of bars; there are none of mark and index."""
        edges: Params = {"start_timestamp": ask.start_ms, "end_timestamp": ask.end_ms}
        asked: Params = {"instrument_name": symbol, "resolution": "60"}
        bars = await self.fetch(CANDLES, {**asked, **edges})
        prices = (bars.open, bars.high, bars.low, bars.close)
        rows = zip(bars.ticks, *prices, bars.volume, bars.cost, strict=True)
        return CandlePage([Candle(symbol, *row) for row in rows])


def _without_a_rate(row: _Summary) -> str | None:
    return f"{row.venue_symbol} has no funding_8h" if row.funding_8h is None else None


def market(row: Market, listing: Listing) -> MarketRow:
    """Take as the rate what the last eight hours paid: the venue's own headline figure.

    ``current_funding``, the rate of the instant, would be exactly zero most of the time.
    """
    held: MaybeReal = row.open_interest
    held_usd: MaybeReal = product(row.open_interest, row.mark_price)
    if listing.contract_type == "inverse":
        coins = None if row.mark_price is None else 1 / row.mark_price
        held, held_usd = product(row.open_interest, coins), row.open_interest
    return MarketRow.of(
        row,
        predicted_rate=row.funding_8h,
        interval_hours=8.0,
        open_interest_base=held,
        open_interest_usd=dollars(listing.quote, held_usd),
    )
