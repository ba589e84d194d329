"""Markets whose books a test writes level by level."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from funding_platform.core.trading import (
    InstrumentLimits,
    Level,
    OrderBook,
    OrderKind,
    OrderRequest,
    Side,
    TimeInForce,
)
from funding_platform.paper import PaperEngine, PaperRules, Settlement

START = datetime(2026, 3, 1, tzinfo=UTC)
BTC = "BTCUSDT"
MONEY = Decimal(1_000_000)

LIMITS = InstrumentLimits(
    venue_symbol=BTC,
    quantity_step=Decimal("0.001"),
    price_step=Decimal("0.1"),
    min_quantity=Decimal("0.001"),
    min_notional_usd=Decimal(5),
    price_band=Decimal("0.1"),
)

Number = float | Decimal
Rows = Sequence[tuple[Number, Number]]


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def levels(rows: Rows) -> tuple[Level, ...]:
    return tuple(Level(Decimal(str(price)), Decimal(str(quantity))) for price, quantity in rows)


class WrittenMarket:
    """A market that is what a test last said."""

    def __init__(self, limits: InstrumentLimits = LIMITS) -> None:
        self._limits = {limits.venue_symbol: limits}
        self._books: dict[str, OrderBook] = {}
        self._marks: dict[str, Decimal] = {}
        self._settlements: dict[str, list[Settlement]] = {}

    def write(self, bids: Rows, asks: Rows, symbol: str = BTC, mark: Number | None = None) -> None:
        book = OrderBook(venue_symbol=symbol, bids=levels(bids), asks=levels(asks), seen_at=START)
        self._books[symbol] = book
        if mark is not None:
            self._marks[symbol] = Decimal(str(mark))
        elif book.mid is not None:
            self._marks[symbol] = book.mid

    def list_symbol(self, limits: InstrumentLimits) -> None:
        self._limits[limits.venue_symbol] = limits

    def settle(self, at: datetime, rate: str, mark: str, symbol: str = BTC) -> None:
        settlement = Settlement(settled_at=at, rate=Decimal(rate), mark=Decimal(mark))
        self._settlements.setdefault(symbol, []).append(settlement)

    def limits(self, symbol: str) -> InstrumentLimits | None:
        return self._limits.get(symbol)

    def book(self, symbol: str, at: datetime) -> OrderBook | None:
        return self._books.get(symbol)

    def mark(self, symbol: str, at: datetime) -> Decimal | None:
        return self._marks.get(symbol)

    def settlements(self, symbol: str, since: datetime, until: datetime) -> Sequence[Settlement]:
        known = self._settlements.get(symbol, ())
        return [x for x in known if since < x.settled_at <= until]


def request(
    client_id: str,
    side: Side,
    quantity: Number | str,
    price: Number | str | None = None,
    *,
    symbol: str = BTC,
    tif: TimeInForce = TimeInForce.GOOD_TILL_CANCEL,
    reduce_only: bool = False,
) -> OrderRequest:
    """A limit order, or a market order where there is no price."""
    return OrderRequest(
        client_id=client_id,
        venue_symbol=symbol,
        side=side,
        quantity=Decimal(str(quantity)),
        kind=OrderKind.MARKET if price is None else OrderKind.LIMIT,
        limit_price=None if price is None else Decimal(str(price)),
        time_in_force=tif,
        reduce_only=reduce_only,
    )


def opened(
    market: WrittenMarket, rules: PaperRules | None = None, deposit: Decimal = MONEY
) -> PaperEngine:
    engine = PaperEngine(market, rules)
    engine.deposit(deposit)
    return engine
