"""An exchange client that trades on paper, and fails as real ones do.

The venue is ``paper.engine``; here is what lies between it and the caller: the time that a message
takes, answers that are lost, connections that are cut, reports that come twice or late. The object
is the venue *and* the way to it, so it outlives whoever trades: after a crash the next one is
handed the same.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TypeVar

from funding_platform.core.system.clock import Clock
from funding_platform.core.trading import (
    Balance,
    FeeRates,
    Fill,
    FundingPayment,
    Holding,
    InstrumentLimits,
    OrderBook,
    OrderReport,
    OrderRequest,
    RejectReason,
)
from funding_platform.execution.paper.conditions import Conditions
from funding_platform.execution.paper.faults import Faults, Outcome, Script
from funding_platform.paper.engine import PaperEngine
from funding_platform.paper.errors import RefusedError, UnlistedError
from funding_platform.paper.venue import PaperVenue, Trick
from funding_platform.venues.errors import (
    ConnectionFailedError,
    RateLimitedError,
    UnknownSymbolError,
    VenueTimeoutError,
)
from funding_platform.venues.orders.errors import (
    OrderNotFoundError,
    OrderRejectedError,
    OutcomeUnknownError,
)

T = TypeVar("T")


class PaperExchange:
    """One paper account on one venue, as an ``ExchangeClient``.

    Parameters
    ----------
    venue
        Name of the venue that it stands for.
    engine
        The venue.
    clock
        The time that latency and faults live in; the engine is told the present from it.
    conditions
        Latency and the like; none where it says nothing.
    faults
        What is to go wrong; nothing where it says nothing.
    save
        Called whenever the account may have changed, before anybody is told: ``AccountFile.save``.
    """

    def __init__(
        self,
        venue: str,
        engine: PaperEngine,
        *,
        clock: Clock | None = None,
        conditions: Conditions | None = None,
        faults: Faults | None = None,
        save: Callable[[], None] | None = None,
    ) -> None:
        self._venue = venue
        self.engine = engine
        self.conditions = conditions or Conditions()
        self._account = PaperVenue(engine, self.conditions)
        self.faults = faults or Faults()
        self._clock = clock or Clock()
        self._save = save or (lambda: None)
        self._cut_until: datetime | None = None
        self._reads: list[datetime] = []

    @property
    def venue(self) -> str:
        """Name of the venue."""
        return self._venue

    async def prepare(self) -> None:
        """Do nothing: the account is in one-way mode and has no other."""
        await self._read("prepare", lambda _: None, ())

    async def server_time(self) -> datetime:
        """Return the venue's clock."""
        return await self._read("server_time", lambda now: now + self.conditions.clock_skew, ())

    async def limits(self, symbols: Sequence[str]) -> Mapping[str, InstrumentLimits]:
        """Return what orders must be; a symbol that is not listed is left out."""
        limits = self.engine.market.limits
        found = await self._read("limits", lambda _: {x: limits(x) for x in symbols}, ())
        return {symbol: stated for symbol, stated in found.items() if stated is not None}

    async def fees(self, symbols: Sequence[str]) -> Mapping[str, FeeRates]:
        """Return what fills cost: the same for every symbol; nothing where it is not known."""
        fees = await self._read("fees", lambda _: self.engine.rules.known_fees(), ())
        return {} if fees is None else dict.fromkeys(symbols, fees)

    async def order_book(self, symbol: str, depth: int) -> OrderBook:
        """Return the best ``depth`` levels of both sides, without our own orders."""
        try:
            book = await self._read("order_book", lambda now: self.engine.book(symbol, now), ())
        except UnlistedError as error:
            raise UnknownSymbolError(error.message, venue=self._venue) from error
        return OrderBook(
            venue_symbol=symbol,
            bids=book.bids[:depth],
            asks=book.asks[:depth],
            seen_at=book.seen_at,
        )

    async def place(self, order: OrderRequest) -> OrderReport:
        """Send an order, once; it meets what ``faults`` has in store for it."""
        self.faults.pass_point("place.before")
        script = self.faults.of_order(order)
        if self._is_cut(self._clock.now()):
            raise self._unknown(order.client_id, "the connection is cut")
        await self._pause(self.conditions.order_seconds)
        if script is not None:
            return await self._meet(order, script)
        report = self._book(order, None)
        self.faults.pass_point("place.after")
        return report

    async def cancel(self, symbol: str, client_id: str) -> OrderReport:
        """Take an order back, once; return what is known of it afterwards."""
        self.faults.pass_point("cancel.before")
        if self._is_cut(self._clock.now()):
            raise self._unknown(client_id, "the connection is cut")
        await self._pause(self.conditions.order_seconds)
        report = self._account.cancel(symbol, client_id, self._clock.now())
        self._save()
        self.faults.pass_point("cancel.after")
        if report is None:
            raise OrderNotFoundError(
                f"no order {client_id} of {symbol}", venue=self._venue, client_id=client_id
            )
        return report

    async def order(self, symbol: str, client_id: str) -> OrderReport | None:
        """Ask what became of an order; None where the venue does not know it, or not yet."""
        return await self._read(
            "order", lambda now: self._account.order(symbol, client_id, now), [symbol]
        )

    async def open_orders(self) -> Sequence[OrderReport]:
        """Return every order that can still fill."""
        return await self._read("open_orders", self._account.open_orders)

    async def fills(self, since: datetime) -> Sequence[Fill]:
        """Return every fill since an instant, in order; some come twice."""
        return await self._read("fills", lambda _: self._account.fills(since))

    async def holdings(self) -> Mapping[str, Holding]:
        """Return what is held by symbol."""
        return await self._read("holdings", self._account.holdings)

    async def balance(self) -> Balance:
        """Return what the account is worth."""
        return await self._read("balance", lambda _: self.engine.balance())

    async def funding_payments(self, since: datetime) -> Sequence[FundingPayment]:
        """Return the funding received and paid since an instant, in order."""
        return await self._read("funding_payments", lambda _: self.engine.payments(since))

    async def aclose(self) -> None:
        """Do nothing: there is no connection."""

    def disconnect(self, seconds: float) -> None:
        """Cut the connection for a while, from now on: every call fails."""
        self._cut_until = self._clock.now() + timedelta(seconds=seconds)

    def deleverage(self, symbol: str, quantity: Decimal) -> None:
        """Take away some of a position, as a venue does that has nobody to liquidate against."""
        self._account.deleverage(symbol, quantity, self._clock.now())
        self._save()

    def liquidate(self, symbol: str) -> None:
        """Take away all of a position, with the venue's fee for it."""
        self._account.liquidate(symbol, self._clock.now())
        self._save()

    async def _meet(self, order: OrderRequest, script: Script) -> OrderReport:
        """Let an order meet what is in store for it."""
        if script.outcome is Outcome.REJECTED:
            raise self._rejected(order, "declined by script", script.reason)
        report = None
        if script.reaches_venue:
            try:
                report = self._book(order, script.trick)
            except OrderRejectedError:
                if not script.loses_answer:
                    raise
        if script.outcome is Outcome.CRASH:
            raise script.error(f"{order.client_id} was {'' if report else 'not '}sent")
        if script.outcome is Outcome.DISCONNECT:
            self.disconnect(script.seconds)
            raise self._unknown(order.client_id, "the connection was cut")
        if report is None or script.loses_answer:
            await self._pause(self.conditions.timeout_seconds)
            raise self._unknown(order.client_id, "no answer in time")
        self.faults.pass_point("place.after")
        return report

    def _book(self, order: OrderRequest, trick: Trick | None) -> OrderReport:
        try:
            report = self._account.place(order, self._clock.now(), trick)
        except RefusedError as error:
            raise self._rejected(order, error.message, error.reason) from error
        self._save()
        return report

    async def _read(
        self, call: str, look: Callable[[datetime], T], symbols: Sequence[str] | None = None
    ) -> T:
        """Reach the venue with a question and return what it knows by then.

        Raises
        ------
        ConnectionFailedError, VenueTimeoutError, RateLimitedError
            If it does not answer.
        """
        self.faults.pass_point(f"{call}.before")
        now = self._clock.now()
        if self._is_cut(now):
            raise ConnectionFailedError("the connection is cut", venue=self._venue, endpoint=call)
        if self.faults.loses_read():
            await self._pause(self.conditions.timeout_seconds)
            raise VenueTimeoutError("no answer in time", venue=self._venue, endpoint=call)
        self._count_read(call, now)
        answer = look(self._account.catch_up(self._clock.now(), symbols))
        self._save()
        await self._pause(self.conditions.data_seconds)
        self.faults.pass_point(f"{call}.after")
        return answer

    def _count_read(self, call: str, now: datetime) -> None:
        most = self.conditions.reads_per_second
        if most is None:
            return
        self._reads = [at for at in self._reads if at > now - timedelta(seconds=1)]
        if len(self._reads) >= most:
            error = RateLimitedError("too many questions", venue=self._venue, endpoint=call)
            error.retry_after = 1.0
            raise error
        self._reads.append(now)

    async def _pause(self, seconds: float) -> None:
        if seconds > 0:
            await self._clock.sleep(seconds)

    def _is_cut(self, now: datetime) -> bool:
        return self._cut_until is not None and now < self._cut_until

    def _rejected(
        self, order: OrderRequest, message: str, reason: RejectReason
    ) -> OrderRejectedError:
        return OrderRejectedError(
            message, venue=self._venue, client_id=order.client_id, reason=reason
        )

    def _unknown(self, client_id: str, message: str) -> OutcomeUnknownError:
        return OutcomeUnknownError(
            f"{client_id}: {message}", venue=self._venue, client_id=client_id
        )
