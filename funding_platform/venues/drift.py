"""Drift, relaunched in July 2026 as Velocity: the same API on another host, with few perpetuals.

Drift's own data end in spring 2026. Its host still answers for single days: to read that archive,
set the venue's URL to ``https://data.api.drift.trade``. A rate is spelled in three ways:

====================  =============================================  ==================
stats/markets         percent, what each side receives               long < 0: longs pay
fundingRates          quote per base; divide by the oracle's TWAP    long > 0: longs pay
its oldest form       the same in integers, of 1e-9 and 1e-6         rate > 0: longs pay
====================  =============================================  ==================

It is due every full hour and made by the first transaction after it: minutes later, or not at all.
"""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from funding_platform.core.time_grid import HOUR, floor_hour, from_ms, to_ms
from funding_platform.venues.base import Venue, VenueSpec
from funding_platform.venues.endpoints import Endpoint, Params, Refusal
from funding_platform.venues.errors import PagingError, UnknownSymbolError
from funding_platform.venues.limits import Budget
from funding_platform.venues.paging import Ascending, Ask
from funding_platform.venues.payloads import (
    MaybeReal,
    Payload,
    Percent,
    Positive,
    Real,
    Time,
    fraction,
    present,
    product,
)
from funding_platform.venues.records import Listing, Market, Page, Settlement, dollars

FIRST: Final = datetime(2022, 11, 1, tzinfo=UTC)
RECENT: Final = timedelta(days=30)
"""What the plain history certainly holds; older rates are asked for day by day."""


class _Amount(Payload):
    min: MaybeReal = None


class _Limits(Payload):
    amount: _Amount = msgspec.field(default_factory=_Amount)


class _Rates(Payload):
    long: Percent


class _Held(Payload):
    long: MaybeReal
    short: MaybeReal  # negative

    @property
    def larger(self) -> float | None:
        """The side that matters: the venue's own market maker holds the difference."""
        long, short = present(self.long), present(self.short)
        return None if long is None or short is None else max(abs(long), abs(short))


class _Perpetual(Payload, tag_field="marketType", tag="perp"):
    symbol: str
    status: str
    ui_status: str
    base_asset: str
    quote_asset: str
    limits: _Limits
    oracle_price: MaybeReal
    mark_price: MaybeReal
    quote_volume: MaybeReal
    open_interest: _Held
    funding_rate: _Rates

    @property
    def rate(self) -> float:
        """What longs pay: the percentage that they receive, with its sign turned."""
        return 0.0 - fraction(self.funding_rate.long)  # not -0.0


class _Spot(Payload, tag_field="marketType", tag="spot"):
    """A market without funding, left out."""


class _Markets(Payload):
    markets: list[_Perpetual | _Spot]


class _Level(Payload):
    price: Real


class _Book(Payload):
    """Best bid and ask, and the prices of the same moment: all in millionths."""

    market_name: str
    bids: list[_Level]
    asks: list[_Level]
    mark_price: MaybeReal
    oracle: MaybeReal


class _Record(Payload):
    ts: Time
    symbol: str
    funding_rate_long: Real
    oracle_price_twap: Positive

    @property
    def rate(self) -> float:
        """As a fraction of the price."""
        return self.funding_rate_long / self.oracle_price_twap


class _RawRecord(Payload):
    ts: Time
    funding_rate: Real
    oracle_price_twap: Positive

    @property
    def rate(self) -> float:
        """As a fraction of the price: billionths divided by millionths."""
        return self.funding_rate / self.oracle_price_twap / 1e3


class _Meta(Payload):
    next_page: str | int | None = None


class _History(Payload):
    """Rates in decimals or, under the name of the oldest form, in integers without a symbol."""

    records: list[_Record] | None = None
    funding_rates: list[_RawRecord] | None = None
    meta: _Meta = msgspec.field(default_factory=_Meta)

    def rates(self, symbol: str) -> list[tuple[str, int, float]] | None:
        """Symbol, second and rate of each; None where there is neither list."""
        if self.records is not None:
            return [(row.symbol, row.ts, row.rate) for row in self.records]
        if self.funding_rates is not None:
            return [(symbol, row.ts, row.rate) for row in self.funding_rates]
        return None


MARKETS: Final = Endpoint("/stats/markets", _Markets)
BOOK: Final = Endpoint("/l2", _Book, host="https://dlob.velocity.exchange")
HISTORY: Final = Endpoint("/market/{symbol}/fundingRates", _History)
HISTORY_OF_DAY: Final = Endpoint("/market/{symbol}/fundingRates/{year}/{month}/{day}", _History)


def _refusal(status: int, body: bytes) -> Refusal | None:
    """Errors carry a text and no code."""
    return Refusal(UnknownSymbolError, "no such market") if status == 404 else None


class Drift(Venue):
    """Velocity's perpetuals, and those of Drift before it."""

    spec = VenueSpec(
        name="drift",
        title="Drift (Velocity)",
        base_url="https://data.velocity.exchange",
        docs_url="https://drift-labs.github.io/v2-teacher",
        history_start=FIRST,
        pager=Ascending,
        page_size=750,
        page_span=timedelta(days=31),
        budget=Budget("requests", 600, 60),  # none is published; the answers come from caches
        refusal=_refusal,
        statuses={
            "active": "trading",
            "initialized": "halted",
            "reduceOnly": "halted",
            "settlement": "delisted",
            "delisted": "delisted",
        },
    )

    async def fetch_listings(self) -> list[Listing]:
        """The perpetuals that the venue shows."""
        return [
            Listing(
                venue_symbol=row.symbol,
                base=row.base_asset,
                quote=row.quote_asset,
                settle=row.quote_asset,
                contract_type="linear",
                status=row.status,
                contract_size=1.0,
                interval_hours=1.0,
                min_size=row.limits.amount.min,
            )
            for row in await self._perpetuals()
        ]

    async def fetch_markets(self) -> list[Market]:
        """The active perpetuals, with the books of another host where that answers."""
        rows = [row for row in await self._perpetuals() if row.status == "active"]
        books = await self.attempt_each([row.symbol for row in rows], self._book)
        next_hour = to_ms(floor_hour(self.now()) + HOUR)
        return [_market(row, books.get(row.symbol), next_hour) for row in rows]

    async def fetch_history(self, symbol: str, ask: Ask) -> Page:
        """All rates of the ask: at one request where they are recent, else one for each day."""
        now = self.now()
        rows: list[Settlement] = []
        if ask.start_ms >= to_ms(now - RECENT):
            rows = await self._walk(HISTORY, symbol, {"limit": ask.limit}, ask.start_ms)
        else:
            day = from_ms(ask.start_ms).replace(hour=0, minute=0, second=0, microsecond=0)
            while day <= min(from_ms(ask.end_ms), now):
                date = {"year": day.year, "month": day.month, "day": day.day}
                with suppress(UnknownSymbolError):  # not listed by then
                    rows += await self._walk(HISTORY_OF_DAY, symbol, date, to_ms(day))
                day += timedelta(days=1)
        return Page([row for row in rows if ask.start_ms <= row.time_ms <= ask.end_ms])

    async def _walk(
        self, endpoint: Endpoint[_History], symbol: str, params: Params, until_ms: int
    ) -> list[Settlement]:
        """Page after page of rates, newest first, back to a moment."""
        rows: list[Settlement] = []
        tokens: list[str | int] = []
        while True:
            page: Params = {"page": tokens[-1]} if tokens else {}
            answer = await self.fetch(endpoint, {"symbol": symbol, **params, **page})
            found = self._settlements(answer, symbol, endpoint)
            rows += found
            token = answer.meta.next_page
            if not token or not found or min(row.time_ms for row in found) < until_ms:
                return rows
            if token in tokens:
                raise PagingError("a page came again", venue="drift", endpoint=endpoint.path)
            tokens.append(token)

    def _settlements(
        self, answer: _History, symbol: str, endpoint: Endpoint[_History]
    ) -> list[Settlement]:
        rates = answer.rates(symbol)
        if rates is None:
            raise self.broken("holds no rates under either name", endpoint)
        possible = range(to_ms(FIRST) // 1000, to_ms(self.now() + HOUR) // 1000)
        for _, second, _ in rates:
            if second not in possible:
                raise self.broken(f"{second} is no second from 2022 until now", endpoint, "$.ts")
        return [
            Settlement(of, second * 1000, rate, interval_hours=1.0) for of, second, rate in rates
        ]

    async def _perpetuals(self) -> list[_Perpetual]:
        rows = (await self.fetch(MARKETS)).markets
        return [r for r in rows if isinstance(r, _Perpetual) and r.ui_status != "hidden"]

    async def _book(self, symbol: str) -> _Book:
        book = await self.fetch(BOOK, {"marketName": symbol, "depth": 1})
        if book.market_name != symbol:
            raise self.broken(f"asked for {symbol}, got {book.market_name}", BOOK, "$.marketName")
        return book


def _market(row: _Perpetual, book: _Book | None, next_funding_ms: int) -> Market:
    """Prices come from the book where there is one: the statistics may be minutes old."""
    mark = _from_millionths(book.mark_price) if book else row.mark_price
    return Market(
        venue_symbol=row.symbol,
        predicted_rate=row.rate,
        interval_hours=1.0,
        next_funding_ms=next_funding_ms,
        mark_price=mark,
        index_price=_from_millionths(book.oracle) if book else row.oracle_price,
        open_interest_base=row.open_interest.larger,
        open_interest_usd=dollars(row.quote_asset, product(row.open_interest.larger, mark)),
        volume_24h_usd=dollars(row.quote_asset, row.quote_volume),
        best_bid=_from_millionths(book.bids[0].price) if book and book.bids else None,
        best_ask=_from_millionths(book.asks[0].price) if book and book.asks else None,
    )


def _from_millionths(price: MaybeReal) -> float | None:
    known = present(price)
    return None if known is None else known / 1e6
