"""Binance USD-M futures; Aster copied its API."""

from datetime import UTC, datetime
from typing import Final

from funding_platform.venues.base import Venue, VenueSpec
from funding_platform.venues.concurrency import task_group
from funding_platform.venues.endpoints import Endpoint, ErrorCodes, Params
from funding_platform.venues.errors import RateLimitedError, UnknownSymbolError
from funding_platform.venues.limits import Budget
from funding_platform.venues.paging import Ascending, Ask
from funding_platform.venues.payloads import (
    MaybeReal,
    MaybeTime,
    Payload,
    Real,
    RealOrBlank,
    Time,
    product,
)
from funding_platform.venues.records import Listing, Market, Page, Settlement, dollars

PERPETUALS: Final = {"PERPETUAL", "TRADIFI_PERPETUAL"}  # the second: shares, funds, commodities


class _Filter(Payload):
    filter_type: str = ""
    tick_size: MaybeReal = None
    min_qty: MaybeReal = None


class _Symbol(Payload):
    symbol: str
    status: str
    contract_type: str
    quote_asset: str
    base_asset: str = ""
    margin_asset: str | None = None
    onboard_date: MaybeTime = None
    filters: tuple[_Filter, ...] = ()

    def rule(self, kind: str) -> _Filter:
        """The trading rule of that type; an empty one where there is none."""
        return next((rule for rule in self.filters if rule.filter_type == kind), _Filter())


class _ExchangeInfo(Payload):
    symbols: list[_Symbol]


class _PremiumIndex(Payload):
    symbol: str
    last_funding_rate: RealOrBlank  # in spite of its name, the estimate for nextFundingTime
    next_funding_time: Time  # 0 on dated futures
    mark_price: Real
    index_price: Real


class _FundingInfo(Payload):
    symbol: str
    funding_interval_hours: Real


class _Ticker(Payload):
    symbol: str
    quote_volume: Real


class _Book(Payload):
    symbol: str
    bid_price: Real
    ask_price: Real


class _OpenInterest(Payload):
    symbol: str
    open_interest: Real


class _Funding(Payload):
    symbol: str
    funding_time: Time
    funding_rate: Real
    mark_price: MaybeReal = None  # empty on early rows


FUNDING: Final = Budget("funding", 500, 300)
EXCHANGE_INFO: Final = Endpoint("/fapi/v1/exchangeInfo", _ExchangeInfo)
PREMIUM_INDEX: Final = Endpoint("/fapi/v1/premiumIndex", list[_PremiumIndex], weight=10)
FUNDING_INFO: Final = Endpoint("/fapi/v1/fundingInfo", list[_FundingInfo], budget=FUNDING)
TICKERS: Final = Endpoint("/fapi/v1/ticker/24hr", list[_Ticker], weight=40)
BOOKS: Final = Endpoint("/fapi/v1/ticker/bookTicker", list[_Book], weight=5)
OPEN_INTEREST: Final = Endpoint("/fapi/v1/openInterest", _OpenInterest)
HISTORY: Final = Endpoint("/fapi/v1/fundingRate", list[_Funding], budget=FUNDING)


class Binance(Venue):
    """Binance USD-M futures."""

    spec = VenueSpec(
        name="binance",
        title="Binance",
        base_url="https://fapi.binance.com",
        docs_url="https://developers.binance.com/docs/derivatives/usds-margined-futures",
        history_start=datetime(2019, 9, 1, tzinfo=UTC),
        pager=Ascending,
        page_size=1000,
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

    # Aster, which inherits all of this, counts these two calls differently.
    funding_info = FUNDING_INFO
    history = HISTORY

    async def fetch_listings(self) -> list[Listing]:
        """Perpetuals of exchangeInfo, with the interval from fundingInfo."""
        async with task_group() as group:
            info = group.create_task(self.fetch(EXCHANGE_INFO))
            hours = group.create_task(self._intervals())
        return [
            Listing(
                venue_symbol=row.symbol,
                base=row.base_asset or row.symbol.removesuffix(row.quote_asset),
                quote=row.quote_asset,
                settle=row.margin_asset,
                contract_type="linear",
                status=row.status,
                contract_size=1.0,
                interval_hours=hours.result().get(row.symbol),
                tick_size=row.rule("PRICE_FILTER").tick_size,
                min_size=row.rule("LOT_SIZE").min_qty,
                listed_ms=row.onboard_date,
            )
            for row in info.result().symbols
            if row.contract_type in PERPETUALS
        ]

    async def fetch_markets(self) -> list[Market]:
        """PremiumIndex, joined with what the other bulk calls and openInterest add."""
        async with task_group() as group:
            premium = group.create_task(self.fetch(PREMIUM_INDEX))
            hours = group.create_task(self._intervals())
            tickers = group.create_task(self.attempt(self.fetch(TICKERS), []))
            books = group.create_task(self.attempt(self.fetch(BOOKS), []))
            listed = group.create_task(self.attempt(self.listings(), []))
        listings = {row.venue_symbol: row for row in listed.result()}
        rows = [
            row
            for row in premium.result()
            if row.next_funding_time > 0 and self.trades(listings.get(row.symbol))
        ]
        interest = await self.attempt_each([row.symbol for row in rows], self._open_interest)
        volumes = {row.symbol: row.quote_volume for row in tickers.result()}
        bids = {row.symbol: row.bid_price for row in books.result()}
        asks = {row.symbol: row.ask_price for row in books.result()}
        quotes = {symbol: listing.quote for symbol, listing in listings.items()}
        return [
            Market(
                venue_symbol=row.symbol,
                predicted_rate=row.last_funding_rate,
                interval_hours=hours.result().get(row.symbol),
                next_funding_ms=row.next_funding_time,
                mark_price=row.mark_price,
                index_price=row.index_price,
                open_interest_base=interest.get(row.symbol),
                open_interest_usd=dollars(
                    quotes.get(row.symbol), product(interest.get(row.symbol), row.mark_price)
                ),
                volume_24h_usd=dollars(quotes.get(row.symbol), volumes.get(row.symbol)),
                best_bid=bids.get(row.symbol),
                best_ask=asks.get(row.symbol),
            )
            for row in rows
        ]

    async def fetch_history(self, symbol: str, ask: Ask) -> Page:
        """One page of fundingRate, whose two edges are included."""
        edges: Params = {"startTime": ask.start_ms, "endTime": ask.end_ms, "limit": ask.limit}
        rows = await self.fetch(self.history, {"symbol": symbol, **edges})
        return Page(
            [Settlement(r.symbol, r.funding_time, r.funding_rate, r.mark_price) for r in rows]
        )

    def trades(self, listing: Listing | None) -> bool:
        """Whether a symbol trades, as far as exchangeInfo, which may fail, knows."""
        return listing is None or listing.status == "TRADING"

    async def _intervals(self) -> dict[str, float]:
        """Hours by symbol. One that fundingInfo leaves out has an unknown interval, not 8."""
        rows = await self.attempt(self.fetch(self.funding_info), [])
        return {row.symbol: row.funding_interval_hours for row in rows}

    async def _open_interest(self, symbol: str) -> float:
        answer = await self.fetch(OPEN_INTEREST, {"symbol": symbol})
        if answer.symbol != symbol:
            raise self.broken(f"asked for {symbol}, got {answer.symbol}", OPEN_INTEREST, "$.symbol")
        return answer.open_interest
