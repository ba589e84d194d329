"""Backpack: bare arrays, and times that are UTC without saying so."""

from datetime import UTC, datetime
from typing import Annotated, Final, TypeAlias

from msgspec import Meta

from funding_platform.core.time_grid import EPOCH, HOUR, MILLISECOND, to_ms
from funding_platform.venues.base import Venue, VenueSpec
from funding_platform.venues.concurrency import task_group
from funding_platform.venues.endpoints import Endpoint, ErrorCodes, Params
from funding_platform.venues.errors import UnknownSymbolError
from funding_platform.venues.limits import Budget
from funding_platform.venues.offset_paging import BackwardOffset
from funding_platform.venues.paging import Ask
from funding_platform.venues.payloads import MaybeReal, Payload, Real, Time, Whole, product
from funding_platform.venues.records import Listing, Market, Page, Settlement, dollars

HOUR_MS: Final = HOUR // MILLISECOND
_EPOCH: Final = EPOCH.replace(tzinfo=None)
ZonelessTime: TypeAlias = Annotated[datetime, Meta(tz=False)]
HOURLY: Final = 1.0
"""What every perpetual pays by since 2025-08-20, where the list of markets does not say."""


class _PriceRule(Payload):
    tick_size: MaybeReal = None


class _QuantityRule(Payload):
    min_quantity: MaybeReal = None


class _Rules(Payload):
    price: _PriceRule
    quantity: _QuantityRule


class _Market(Payload):
    symbol: str
    base_symbol: str
    quote_symbol: str
    market_type: str
    order_book_state: str
    funding_interval: Whole | None  # milliseconds; null on spot markets
    filters: _Rules
    created_at: ZonelessTime | None = None


class _MarkPrice(Payload):
    symbol: str
    funding_rate: Real
    next_funding_timestamp: Time
    mark_price: MaybeReal
    index_price: MaybeReal


class _OpenInterest(Payload):
    symbol: str
    open_interest: Real


class _Ticker(Payload):
    symbol: str
    quote_volume: Real


class _Funding(Payload):
    symbol: str
    funding_rate: Real
    interval_end_timestamp: ZonelessTime


MARKETS: Final = Endpoint("/api/v1/markets", list[_Market])
MARK_PRICES: Final = Endpoint("/api/v1/markPrices", list[_MarkPrice])
OPEN_INTEREST: Final = Endpoint("/api/v1/openInterest", list[_OpenInterest])
TICKERS: Final = Endpoint("/api/v1/tickers", list[_Ticker])
HISTORY: Final = Endpoint("/api/v1/fundingRates", list[_Funding], budget=Budget("history", 30, 60))


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
        budget=Budget("requests", 2000, 60),
        refusal=ErrorCodes("code", "message", meanings={"INVALID_SYMBOL": UnknownSymbolError}),
        statuses={
            "Open": "trading",
            "PostOnly": "halted",
            "LimitOnly": "halted",
            "CancelOnly": "halted",
            "Closed": "delisted",
        },
    )

    async def fetch_listings(self) -> list[Listing]:
        """The perpetuals among the markets."""
        return [
            Listing(
                venue_symbol=row.symbol,
                base=row.base_symbol,
                quote=row.quote_symbol,
                settle=row.quote_symbol,
                contract_type="linear",
                status=row.order_book_state,
                contract_size=1.0,
                interval_hours=row.funding_interval and row.funding_interval / HOUR_MS,
                tick_size=row.filters.price.tick_size,
                min_size=row.filters.quantity.min_quantity,
                listed_ms=None if row.created_at is None else _milliseconds(row.created_at),
            )
            for row in await self.fetch(MARKETS)
            if row.market_type == "PERP"
        ]

    async def fetch_markets(self) -> list[Market]:
        """MarkPrices of all perpetuals, joined with open interest and turnover."""
        async with task_group() as group:
            prices = group.create_task(self.fetch(MARK_PRICES))
            interest = group.create_task(self.attempt(self.fetch(OPEN_INTEREST), []))
            tickers = group.create_task(self.attempt(self.fetch(TICKERS), []))
            listed = group.create_task(self.attempt(self.listings(), []))
        hours = {row.venue_symbol: row.interval_hours for row in listed.result()}
        held = {row.symbol: row.open_interest for row in interest.result()}
        volumes = {row.symbol: row.quote_volume for row in tickers.result()}
        return [
            Market(
                venue_symbol=row.symbol,
                predicted_rate=row.funding_rate,
                interval_hours=hours.get(row.symbol, HOURLY),
                next_funding_ms=row.next_funding_timestamp,
                mark_price=row.mark_price,
                index_price=row.index_price,
                open_interest_base=held.get(row.symbol),
                open_interest_usd=_dollars(
                    row.symbol, product(held.get(row.symbol), row.mark_price)
                ),
                volume_24h_usd=_dollars(row.symbol, volumes.get(row.symbol)),
            )
            for row in prices.result()
        ]

    async def fetch_history(self, symbol: str, ask: Ask) -> Page:
        """Rows from an offset on, newest first; one that ends in the future is still open."""
        offset = int(ask.token or 0)
        params: Params = {"symbol": symbol, "limit": ask.limit, "offset": offset}
        rows = [
            Settlement(row.symbol, _milliseconds(row.interval_end_timestamp), row.funding_rate)
            for row in await self.fetch(HISTORY, params)
        ]
        now_ms = to_ms(self.now())
        still_open = [row.time_ms for row in rows if row.time_ms > now_ms]
        if len(set(still_open)) > 1:
            raise self.broken(f"{len(still_open)} intervals of {symbol} end in the future", HISTORY)
        return Page([row for row in rows if row.time_ms <= now_ms], passed_over_ms=still_open)


def _milliseconds(time: datetime) -> int:
    return (time - _EPOCH) // MILLISECOND


def _dollars(symbol: str, amount: MaybeReal) -> MaybeReal:
    """An amount of a symbol's quote, as in ``BTC_USDC_PERP``, if that is a dollar."""
    return dollars(symbol.removesuffix("_PERP").rpartition("_")[2], amount)
