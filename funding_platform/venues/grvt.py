"""GRVT: rates in percent per the instrument's own interval, times in nanoseconds."""

from datetime import UTC, datetime
from typing import Annotated, Final, Generic, TypeAlias, TypeVar

from msgspec import Meta

from funding_platform.core.time_grid import HOUR, MILLISECOND
from funding_platform.venues.base import Venue, VenueSpec
from funding_platform.venues.endpoints import Endpoint, ErrorCodes, Params
from funding_platform.venues.errors import RateLimitedError, ServerError, UnknownSymbolError
from funding_platform.venues.limits import Budget
from funding_platform.venues.paging import Ask, BackwardToken
from funding_platform.venues.payloads import (
    LATEST_MS,
    MaybeReal,
    Payload,
    Percent,
    Whole,
    fraction,
    present,
    product,
)
from funding_platform.venues.records import Listing, Market, Page, Settlement, dollars

T = TypeVar("T")
NS_PER_MS: Final = 1_000_000
Nanoseconds: TypeAlias = Annotated[int, Meta(ge=0, le=LATEST_MS * 1_000_000)]
HOUR_MS: Final = HOUR // MILLISECOND
SHORTEST_HOURS: Final = 4
THOUSANDS: Final = {"KPEPE": "kPEPE", "KBONK": "kBONK", "KSHIB": "kSHIB"}
"""Contracts of a thousand units, whose capital K tells nothing: KAS and KAVA are coins."""


class _Result(Payload, Generic[T]):
    result: T


class _Instrument(Payload, rename=None):
    instrument: str
    base: str
    quote: str
    kind: str
    funding_interval_hours: Whole
    tick_size: MaybeReal = None
    min_size: MaybeReal = None


class _Ticker(Payload, rename=None):
    instrument: str
    funding_rate: Percent  # as funding_rate_8h_curr, which is not of eight hours either
    next_funding_time: Nanoseconds
    mark_price: MaybeReal
    index_price: MaybeReal = None
    best_bid_price: MaybeReal = None
    best_ask_price: MaybeReal = None
    open_interest: MaybeReal = None
    buy_volume_24h_q: MaybeReal = None  # by what takers did: the sum is what was traded
    sell_volume_24h_q: MaybeReal = None

    @property
    def volume(self) -> float | None:
        """Turnover in the quote currency."""
        bought, sold = present(self.buy_volume_24h_q), present(self.sell_volume_24h_q)
        return None if bought is None or sold is None else bought + sold


class _Funding(Payload, rename=None):
    instrument: str
    funding_rate: Percent
    funding_time: Nanoseconds
    funding_interval_hours: Whole
    mark_price: MaybeReal = None

    @property
    def time_ms(self) -> int:
        """When, in milliseconds."""
        return self.funding_time // NS_PER_MS

    def is_settlement(self, grid_ms: int) -> bool:
        """Whether it was paid. Rows of 2025 may be samples by the minute and state no interval."""
        return self.funding_interval_hours > 0 or self.time_ms % grid_ms == 0


class _History(Payload):
    result: list[_Funding]
    next: str | None = None


INSTRUMENTS: Final = Endpoint("/full/v1/all_instruments", _Result[list[_Instrument]], method="POST")
TICKER: Final = Endpoint("/full/v1/ticker", _Result[_Ticker], method="POST")
HISTORY: Final = Endpoint("/full/v1/funding", _History, method="POST")


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
        budget=Budget("requests", 1500, 60),  # 1500 are announced, but not per how long
        refusal=ErrorCodes(
            "code",
            "message",
            meanings={1004: UnknownSymbolError, 1006: RateLimitedError, 1009: ServerError},
        ),
        statuses={"active": "trading"},
    )

    async def fetch_listings(self) -> list[Listing]:
        """The active perpetuals; ``create_time`` is newer than they are, hence not a listing."""
        rows = (await self.fetch(INSTRUMENTS, {"is_active": True})).result
        return [
            Listing(
                venue_symbol=row.instrument,
                base=THOUSANDS.get(row.base, row.base),
                quote=row.quote,
                settle=row.quote,
                contract_type="linear",
                status="active",
                contract_size=1.0,
                interval_hours=row.funding_interval_hours or None,
                tick_size=row.tick_size,
                min_size=row.min_size,
            )
            for row in rows
            if row.kind == "PERPETUAL"
        ]

    async def fetch_markets(self) -> list[Market]:
        """The tickers, which have to be asked for one by one."""
        listings = {row.venue_symbol: row for row in await self.listings()}
        tickers = await self.attempt_each(listings, self._ticker, required=True)
        return [_market(row, listings[symbol]) for symbol, row in tickers.items()]

    async def fetch_history(self, symbol: str, ask: Ask) -> Page:
        """One page of funding, newest first, by cursor."""
        params: Params = {
            "instrument": symbol,
            "start_time": str(ask.start_ms * NS_PER_MS),
            "end_time": str(ask.end_ms * NS_PER_MS),
            "limit": ask.limit,
        }
        cursor: Params = {"cursor": ask.token} if ask.token else {}
        answer = await self.fetch(HISTORY, {**params, **cursor})
        hours = {row.venue_symbol: row.interval_hours for row in await self.listings()}
        grid_ms = int(present(hours.get(symbol)) or SHORTEST_HOURS) * HOUR_MS
        return Page(
            [_settlement(row) for row in answer.result if row.is_settlement(grid_ms)],
            token=answer.next,
            passed_over_ms=[row.time_ms for row in answer.result if not row.is_settlement(grid_ms)],
        )

    async def _ticker(self, symbol: str) -> _Ticker:
        ticker = (await self.fetch(TICKER, {"instrument": symbol})).result
        if ticker.instrument != symbol:
            raise self.broken(f"asked for {symbol}, got {ticker.instrument}", TICKER, "$.result")
        return ticker


def _market(row: _Ticker, listing: Listing) -> Market:
    return Market(
        venue_symbol=row.instrument,
        predicted_rate=fraction(row.funding_rate),
        interval_hours=listing.interval_hours,
        next_funding_ms=row.next_funding_time // NS_PER_MS,
        mark_price=row.mark_price,
        index_price=row.index_price,
        open_interest_base=row.open_interest,
        open_interest_usd=dollars(listing.quote, product(row.open_interest, row.mark_price)),
        volume_24h_usd=dollars(listing.quote, row.volume),
        best_bid=row.best_bid_price,
        best_ask=row.best_ask_price,
    )


def _settlement(row: _Funding) -> Settlement:
    return Settlement(
        row.instrument,
        row.time_ms,
        fraction(row.funding_rate),
        mark_price=row.mark_price,
        interval_hours=row.funding_interval_hours or None,
    )
