"""The sandbox's market as a paper account trades it: in the units of trading, and decimals.

What is quoted in dollars is listed: linear contracts, and inverse ones, whose quantity is dollars.
"""

import math
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Final

import numpy as np

from funding_platform.core.symbols import canonical_base, is_dollar
from funding_platform.core.time_grid import HOUR_MS, from_ms, to_ms
from funding_platform.core.trading import InstrumentLimits, Level, OrderBook
from funding_platform.core.trading.payoffs import TRADED
from funding_platform.paper import Settlement
from funding_platform.sandbox.books.ladder import Level as Rung
from funding_platform.sandbox.books.ladder import order_book
from funding_platform.sandbox.markets.market import Instrument, Market, Quote
from funding_platform.sandbox.markets.series import Span

MIN_NOTIONAL_USD: Final = Decimal(5)
PRICE_BAND: Final = Decimal("0.1")

_MARK_DECIMALS: Final = 12
_SECOND_MS: Final = 1_000


class SandboxPaperMarket:
    """One venue of the sandbox's market, as it is now: the instants asked for are its present.

    Parameters
    ----------
    market
        Whose clock, quotes, books and settlements they are.
    venue
        Name of the venue.
    """

    def __init__(self, market: Market, venue: str) -> None:
        self._market = market
        self._venue = venue
        self._books: dict[str, tuple[int, OrderBook]] = {}

    def limits(self, symbol: str) -> InstrumentLimits | None:
        """Return what orders must be; None where it does not trade, or is not quoted in dollars."""
        quote = self._quote(symbol)
        if quote is None:
            return None
        step = _exact(quote.instrument.size_step) * _units(quote.instrument)
        return InstrumentLimits(
            venue_symbol=symbol,
            quantity_step=step,
            price_step=_price(quote.instrument, quote.instrument.tick_size),
            min_quantity=step,
            min_notional_usd=MIN_NOTIONAL_USD,
            price_band=PRICE_BAND,
            contract_type=quote.instrument.contract.contract_type,
        )

    def book(self, symbol: str, at: datetime) -> OrderBook | None:
        """Return the book that all endpoints show; it moves once a second."""
        second = self._market.now_ms() // _SECOND_MS
        made_in, book = self._books.get(symbol, (-1, None))
        if book is not None and made_in == second:
            return book
        quote = self._quote(symbol)
        if quote is None:
            return None
        shown = order_book(self._market, self._venue, symbol)
        book = OrderBook(
            venue_symbol=symbol,
            bids=_levels(quote.instrument, shown.bids),
            asks=_levels(quote.instrument, shown.asks),
            seen_at=from_ms(second * _SECOND_MS),
        )
        self._books[symbol] = (second, book)
        return book

    def mark(self, symbol: str, at: datetime) -> Decimal | None:
        """Return the mark of the quote."""
        quote = self._quote(symbol)
        if quote is None or quote.mark is None:
            return None
        return _price(quote.instrument, round(quote.mark, _MARK_DECIMALS))

    def settlements(self, symbol: str, since: datetime, until: datetime) -> Sequence[Settlement]:
        """Return what was settled after ``since`` and not after ``until``, in order."""
        quote = self._quote(symbol)
        if quote is None:
            return ()
        history = self._market.settlements(self._venue, symbol).until(to_ms(until))
        first = int(np.searchsorted(history.times_ms, to_ms(since), side="right"))
        rows = history.slice(slice(first, None))
        marks = [math.nan] * len(rows.rates) if rows.marks is None else rows.marks.tolist()
        return [
            Settlement(
                settled_at=from_ms(time_ms),
                rate=_exact(rate),
                mark=_price(quote.instrument, self._mark_at(quote, time_ms, mark)),
            )
            for time_ms, rate, mark in zip(
                rows.times_ms.tolist(), rows.rates.tolist(), marks, strict=True
            )
        ]

    def _mark_at(self, quote: Quote, time_ms: int, stated: float) -> float:
        """Return the mark of a settlement: as stated, else as its hour began, else as it is."""
        if not math.isnan(stated):
            return stated
        hour_ms = time_ms // HOUR_MS * HOUR_MS
        bars = self._market.candles(
            self._venue,
            quote.instrument.venue_symbol,
            "mark",
            Span(hour_ms, hour_ms, 1),
            _MARK_DECIMALS,
        )
        if len(bars.opens):
            return float(bars.opens[0])
        assert quote.mark is not None, "a market with settlements and no marks"
        return quote.mark

    def _quote(self, symbol: str) -> Quote | None:
        quote = self._market.quotes(self._venue).get(symbol)
        if quote is None:
            return None
        contract = quote.instrument.contract
        traded = contract.contract_type in TRADED and is_dollar(contract.quote)
        return quote if traded else None


def _levels(instrument: Instrument, side: Sequence[Rung]) -> tuple[Level, ...]:
    units = _units(instrument)
    return tuple(
        Level(_price(instrument, rung.price), _exact(rung.contracts) * units) for rung in side
    )


def _units(instrument: Instrument) -> Decimal:
    """Return how much canonical base one contract is, or how many dollars where it is inverse."""
    size = _exact(instrument.contract_size)
    if instrument.contract.contract_type == "inverse":
        return size
    return size * _multiplier(instrument.contract.base)


def _price(instrument: Instrument, price: float) -> Decimal:
    """Return a price in the quote per canonical base."""
    return _exact(price) / _multiplier(instrument.contract.base)


@cache
def _multiplier(base: str) -> int:
    return canonical_base(base).multiplier


def _exact(number: float) -> Decimal:
    """Return the decimal that a float is the nearest one to, as everybody would write it."""
    return Decimal(repr(number))
