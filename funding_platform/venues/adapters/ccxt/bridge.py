"""Every exchange that ccxt knows, as a venue: ``open_venue("ccxt:gate")``.

ccxt knows where an exchange keeps what, and how to read it. The rest is ours: our client sends the
requests, within budgets and bounds, and our pager decides when a history is whole.
"""

from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any, ClassVar, Final, TypeVar, get_args

import msgspec

from funding_platform.core.symbols import ContractType
from funding_platform.core.tables.collected import FUNDING_RATES, INSTRUMENTS
from funding_platform.core.time_grid import FIRST_PERPETUAL
from funding_platform.venues.adapters.ccxt.candles import (
    CALLS,
    HELD,
    LENGTH,
    Bar,
    Held,
    candle_specs,
    interest_spec,
)
from funding_platform.venues.adapters.ccxt.exchange import (
    HISTORY,
    PREDICTIONS,
    PREFIX,
    WITHOUT_UNTIL,
    connected,
    exchange_class,
    funding_tables,
    refusals,
    typed_errors,
)
from funding_platform.venues.adapters.ccxt.payloads import (
    Depth,
    Prediction,
    Rate,
    Swap,
    Ticker,
    listing_of,
    market_of,
)
from funding_platform.venues.books.records import Book, in_base
from funding_platform.venues.books.specification import BookSpec
from funding_platform.venues.contract import Venue
from funding_platform.venues.errors import ContractError
from funding_platform.venues.paging.either_end import EitherEnd
from funding_platform.venues.paging.open_ended import OpenEnded
from funding_platform.venues.paging.pager import Ask
from funding_platform.venues.parsing.candles import Candle, CandlePage, InterestPage
from funding_platform.venues.parsing.leniency import leave_out
from funding_platform.venues.parsing.plausibility import CRITICAL_COLUMNS
from funding_platform.venues.parsing.records import Listing, MarketRow, Page, Settlement
from funding_platform.venues.rest.http import HttpClient
from funding_platform.venues.rest.limits import Budget
from funding_platform.venues.specification import VenueSpec

T = TypeVar("T")
BOOK: Final = "fetchOrderBook"
BOOK_DEPTH: Final = 100
"""Levels that every exchange grants: some take one of a few numbers, this one among them."""

PAGE_SIZE: Final = 100
"""As many rows as every exchange grants; those that grant more by their documentation:"""

PAGE_SIZES: Final = {
    "binance": 1000,
    "binanceusdm": 1000,
    "binancecoinm": 1000,
    "bybit": 200,
    "krakenfutures": 100_000,  # all of it with every answer
}
TICK_SIZE: Final = 4
"""ccxt's ``precisionMode`` where a precision is a step."""


class CcxtBridge(Venue):
    """One exchange behind ccxt. ``venue_symbol`` is ccxt's own: ``BTC/USDT:USDT``."""

    exchange_class: ClassVar[Any]

    def __init__(self, http: HttpClient, clock: Callable[[], datetime]) -> None:
        super().__init__(http, clock)
        self._exchange = connected(self.exchange_class, http)

    async def fetch_listings(self) -> list[Listing]:
        """List the swaps among ccxt's markets; it does not know their funding intervals."""
        self._exchange.set_markets(await self._call("fetchMarkets"))
        swaps = [row for row in self._exchange.markets.values() if row["swap"]]
        steps = self._exchange.precisionMode == TICK_SIZE
        return [listing_of(row, steps=steps) for row in self._read_rows(Swap, swaps)]

    async def fetch_markets(self) -> list[MarketRow]:
        """Fetch predicted rates, with tickers and intervals where the exchange has them in bulk."""
        listings = await self.listed()
        markets = []
        for contract_type in get_args(ContractType):
            symbols = [s for s, row in listings.items() if row.contract_type == contract_type]
            if not symbols:
                continue
            predictions = await self._predictions(symbols)
            tickers = await self._bulk("fetchTickers", Ticker, symbols)
            stated = await self._bulk("fetchFundingIntervals", Prediction, symbols)
            markets += [
                market_of(row, listings[symbol].quote, stated.get(symbol, row), tickers.get(symbol))
                for symbol, row in predictions.items()
                if symbol in listings
            ]
        return markets

    async def fetch_history(self, symbol: str, ask: Ask) -> Page:
        """Fetch one page of ccxt's history, never its pagination."""
        await self.listings()
        until = {} if self._exchange.id in WITHOUT_UNTIL else {"until": ask.end_ms}
        rows = await self._call(HISTORY, symbol, ask.start_ms, ask.limit, until)
        return Page(
            [
                Settlement(row.symbol, row.timestamp, row.funding_rate)
                for row in self._read_rows(Rate, rows)
            ]
        )

    async def fetch_candles(self, symbol: str, kind: str, ask: Ask) -> CandlePage:
        """Fetch one page of ccxt's bars."""
        rows = await self._through_time(CALLS[kind], symbol, ask)
        bars = self._read_rows(Bar, rows)
        return CandlePage([Candle.of(row, venue_symbol=symbol) for row in bars])

    async def fetch_open_interest(self, symbol: str, ask: Ask) -> InterestPage:
        """Fetch one page of what ccxt knows was held of a contract."""
        rows = self._read_rows(Held, await self._through_time(HELD, symbol, ask))
        listing = (await self.listed())[symbol]
        return InterestPage([row.point(self._exchange.id, listing) for row in rows])

    async def fetch_book(self, listing: Listing, depth: int) -> Book:
        """Fetch a book, whose sizes ccxt gives in contracts; it does not say whose it is."""
        symbol = listing.venue_symbol
        answer = self._read(Depth, await self._call(BOOK, symbol, depth))
        bids, asks = (in_base(side, listing, self.spec.name) for side in (answer.bids, answer.asks))
        return Book(symbol, bids, asks, answer.timestamp)

    async def _through_time(self, name: str, symbol: str, ask: Ask) -> Any:
        await self.listings()
        return await self._call(
            name, symbol, LENGTH, ask.start_ms, ask.limit, {"until": ask.end_ms}
        )

    async def _predictions(self, symbols: list[str]) -> dict[str, Prediction]:
        """Fetch all at once, or else one by one."""
        all_at_once, one_by_one = PREDICTIONS
        if self._exchange.has.get(all_at_once) is True:
            rows = await self._call(all_at_once, symbols)
            return self._read_by_symbol(Prediction, rows)

        async def ask(symbol: str) -> Prediction:
            return self._read(Prediction, await self._call(one_by_one, symbol))

        return await self.attempt_each(symbols, ask, required=True)

    async def _bulk(self, name: str, kind: type[T], symbols: list[str]) -> dict[str, T]:
        """Fetch what the exchange adds in one call; nothing where it has no such call."""

        async def ask() -> dict[str, T]:
            return self._read_by_symbol(kind, await self._call(name, symbols))

        return await self.attempt(ask(), {}) if self._exchange.has.get(name) is True else {}

    async def _call(self, name: str, *args: Any) -> Any:
        with typed_errors(self.spec.name, name):
            return await getattr(self._exchange, name)(*args)

    def _read(self, kind: type[T], answer: Any) -> T:
        """Read a structure of ccxt's, checked like any other answer."""
        try:
            return msgspec.convert(answer, kind, strict=False)
        except msgspec.ValidationError as error:
            raise ContractError(f"not ccxt's structure: {error}", venue=self.spec.name) from error

    def _read_by_symbol(self, kind: type[T], answer: Any) -> dict[str, T]:
        """Read structures by symbol, without those that cannot be read."""
        answer = self._read(dict[str, Any], answer)
        rows = [{"symbol": symbol, "row": row} for symbol, row in answer.items()]
        kept = self._readable(kind, rows, lambda one: one["row"])
        return {one["symbol"]: row for one, row in kept}

    def _read_rows(self, kind: type[T], answer: Any) -> list[T]:
        """Read a list of structures, without those that cannot be read."""
        rows = self._read(list[Any], answer)
        return [row for _, row in self._readable(kind, rows, lambda one: one)]

    def _readable(
        self, kind: type[T], rows: list[Any], structure: Callable[[Any], Any]
    ) -> list[tuple[Any, T]]:
        """Keep the rows that can be read, each with what it is."""
        kept, told = [], []
        for number, row in enumerate(rows):
            try:
                kept.append((row, self._read(kind, structure(row))))
            except ContractError as error:
                name = row.get("symbol") if isinstance(row, dict) else None
                told.append(f"{name or f'row {number}'}: {error.__cause__}")
        leave_out(told, len(rows), venue=self.spec.name)
        return kept


@cache
def bridge_class(name: str) -> type[CcxtBridge]:
    """Make the adapter of one exchange behind ccxt by its name there.

    Errors are those of ``exchange_class``.
    """
    kind = exchange_class(name)
    exchange = kind()
    window = max(1.0, exchange.rateLimit / 1000)  # milliseconds between calls of cost 1
    tables = funding_tables(exchange)
    has_history = FUNDING_RATES in tables
    pager = OpenEnded if name in WITHOUT_UNTIL else EitherEnd
    documentation = exchange.urls.get("doc") or exchange.urls["www"]
    spec = VenueSpec(
        name=PREFIX + name,
        title=f"{exchange.name} through ccxt",
        base_url=exchange.urls["www"],  # ccxt gives the address of every call
        docs_url=documentation[0] if isinstance(documentation, list) else documentation,
        offers=(INSTRUMENTS, *tables),
        history_start=FIRST_PERPETUAL if has_history else None,
        pager=pager if has_history else None,
        page_size=PAGE_SIZES.get(name, PAGE_SIZE),
        candles=candle_specs(exchange),
        open_interest=interest_spec(exchange),
        books=BookSpec(depths=(BOOK_DEPTH,), usual=BOOK_DEPTH) if exchange.has.get(BOOK) else None,
        budget=Budget("requests", 1000 * window / exchange.rateLimit, window),
        refusal=refusals(exchange),
        statuses={"active": "trading", "inactive": "halted", "unstated": "unknown"},
        never_stated=CRITICAL_COLUMNS,  # it depends on the exchange
    )
    return type(f"{name}Bridge", (CcxtBridge,), {"spec": spec, "exchange_class": kind})
