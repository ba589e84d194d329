"""Bybit v5: USDT and USDC perpetuals (category linear) and coin-margined ones (inverse)."""

from datetime import UTC, datetime
from typing import Final, Generic, Literal, TypeVar

from funding_platform.venues.base import Venue, VenueSpec
from funding_platform.venues.concurrency import task_group
from funding_platform.venues.endpoints import Endpoint, ErrorCodes, Params, Refusal
from funding_platform.venues.errors import (
    PagingError,
    RateLimitedError,
    RequestError,
    ServerError,
    UnknownSymbolError,
)
from funding_platform.venues.limits import Budget
from funding_platform.venues.paging import Ask, Backward
from funding_platform.venues.payloads import (
    MaybeReal,
    Payload,
    Real,
    RealOrBlank,
    Time,
    Whole,
    present,
    product,
)
from funding_platform.venues.records import Listing, Market, Page, Settlement

T = TypeVar("T")
Category = Literal["linear", "inverse"]


class _Rows(Payload, Generic[T]):
    list: list[T]
    next_page_cursor: str = ""


class _Reply(Payload, Generic[T]):
    ret_code: int
    result: _Rows[T]


class _PriceFilter(Payload):
    tick_size: MaybeReal = None


class _LotSizeFilter(Payload):
    min_order_qty: MaybeReal = None


class _Instrument(Payload):
    symbol: str
    contract_type: str
    status: str
    base_coin: str
    quote_coin: str
    settle_coin: str
    launch_time: Time
    funding_interval: Whole  # minutes
    price_filter: _PriceFilter
    lot_size_filter: _LotSizeFilter


class _Ticker(Payload):
    symbol: str
    funding_rate: RealOrBlank  # empty on dated futures
    next_funding_time: Time  # 0 on dated futures
    funding_interval_hour: RealOrBlank
    mark_price: Real
    index_price: Real
    bid1_price: RealOrBlank
    ask1_price: RealOrBlank
    volume24h: RealOrBlank
    turnover24h: RealOrBlank
    open_interest: RealOrBlank  # both sides
    open_interest_value: RealOrBlank
    single_open_interest: MaybeReal = None
    single_open_interest_value: MaybeReal = None


class _Funding(Payload):
    symbol: str
    funding_rate: Real
    funding_rate_timestamp: Time


INSTRUMENTS: Final = Endpoint("/v5/market/instruments-info", _Reply[_Instrument])
TICKERS: Final = Endpoint("/v5/market/tickers", _Reply[_Ticker])
HISTORY: Final = Endpoint("/v5/market/funding/history", _Reply[_Funding])
_CODES: Final = ErrorCodes(
    "retCode", "retMsg", success=0, meanings={10006: RateLimitedError, 10016: ServerError}
)


def _refusal(status: int, body: bytes) -> Refusal | None:
    """As the code says; a bad parameter (10001) is told from a bad symbol by its text only."""
    refusal = _CODES(status, body)
    if refusal and refusal.kind is RequestError and "symbol" in refusal.message.lower():
        return Refusal(UnknownSymbolError, refusal.message)
    return refusal


def category(symbol: str) -> Category:
    """Inverse perpetuals end in USD (BTCUSD); linear ones in USDT or PERP."""
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
        budget=Budget("requests", 600, 5),
        refusal=_refusal,
        statuses={
            "Trading": "trading",
            "PreLaunch": "halted",
            "Delivering": "halted",
            "Closed": "delisted",
        },
    )

    async def fetch_listings(self) -> list[Listing]:
        """Perpetuals of both categories."""
        async with task_group() as group:
            linear = group.create_task(self._instruments("linear"))
            inverse = group.create_task(self.attempt(self._instruments("inverse"), []))
        return [*linear.result(), *inverse.result()]

    async def fetch_markets(self) -> list[Market]:
        """The tickers of both categories, which hold everything."""
        async with task_group() as group:
            linear = group.create_task(self._tickers("linear"))
            inverse = group.create_task(self.attempt(self._tickers("inverse"), []))
        return [*linear.result(), *inverse.result()]

    async def fetch_history(self, symbol: str, ask: Ask) -> Page:
        """One page, newest first; the venue wants both edges."""
        edges: Params = {"startTime": ask.start_ms, "endTime": ask.end_ms, "limit": ask.limit}
        reply = await self.fetch(HISTORY, {"category": category(symbol), "symbol": symbol, **edges})
        return Page(
            [
                Settlement(r.symbol, r.funding_rate_timestamp, r.funding_rate)
                for r in reply.result.list
            ]
        )

    async def _instruments(self, wanted: Category) -> list[Listing]:
        rows: list[_Instrument] = []
        cursors = [""]
        while True:
            params = {"category": wanted, "limit": 1000, "cursor": cursors[-1]}
            page = (await self.fetch(INSTRUMENTS, params)).result
            rows.extend(page.list)
            if not page.next_page_cursor:
                break
            if page.next_page_cursor in cursors:
                raise PagingError("the cursor came again", venue="bybit", endpoint=INSTRUMENTS.path)
            cursors.append(page.next_page_cursor)
        kind = f"{wanted.capitalize()}Perpetual"  # the others are dated
        return [_listing(row, wanted) for row in rows if row.contract_type == kind]

    async def _tickers(self, wanted: Category) -> list[Market]:
        reply = await self.fetch(TICKERS, {"category": wanted})
        return [
            _market(row)
            for row in reply.result.list
            if category(row.symbol) == wanted and row.next_funding_time > 0
        ]


def _listing(row: _Instrument, contract_type: Category) -> Listing:
    return Listing(
        venue_symbol=row.symbol,
        base=row.base_coin,
        quote=row.quote_coin,
        settle=row.settle_coin,
        contract_type=contract_type,
        status=row.status,
        contract_size=1.0,
        interval_hours=row.funding_interval / 60 or None,
        tick_size=row.price_filter.tick_size,
        min_size=row.lot_size_filter.min_order_qty,
        listed_ms=row.launch_time or None,
    )


def _market(row: _Ticker) -> Market:
    held = _one_side(row.single_open_interest, row.open_interest)
    held_value = _one_side(row.single_open_interest_value, row.open_interest_value)
    volume, turnover = row.volume24h, row.turnover24h
    if category(row.symbol) == "inverse":  # contracts of 1 USD, valued in coin
        held, held_value, volume, turnover = held_value, held, turnover, volume
    return Market(
        venue_symbol=row.symbol,
        predicted_rate=row.funding_rate,
        interval_hours=row.funding_interval_hour,
        next_funding_ms=row.next_funding_time,
        mark_price=row.mark_price,
        index_price=row.index_price,
        open_interest_base=held,
        open_interest_usd=held_value,
        volume_24h_usd=turnover,
        best_bid=row.bid1_price,
        best_ask=row.ask1_price,
    )


def _one_side(single: MaybeReal, both: RealOrBlank) -> float | None:
    """Open interest of one side; ``openInterest`` counts both, the single one came in 2026."""
    known = present(single)
    return product(both, 0.5) if known is None else known
