"""An exchange client that trades on paper, and fails as real ones do.

The venue is ``paper.engine``; here is what lies between it and the caller: the time that a message
takes, answers that are lost, connections that are cut, reports that come twice or late. The object
is the venue *and* the way to it, so it outlives whoever trades: after a crash the next one is
handed the same.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TypeVar

from funding_platform.core.clock import Clock
from funding_platform.core.trading import (
    ZERO,
    Balance,
    FeeRates,
    Fill,
    FundingPayment,
    Holding,
    InstrumentLimits,
    OrderBook,
    OrderReport,
    OrderRequest,
)
from funding_platform.execution.paper.faults import Faults, Outcome, Script
from funding_platform.paper.engine import PaperEngine
from funding_platform.paper.errors import RefusedError, UnlistedError
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


@dataclass(slots=True, kw_only=True)
class Conditions:
    """How far away the venue is, and how well it keeps up; may be changed at any time.

    Parameters
    ----------
    order_seconds
        How long an order is on its way.
    data_seconds
        How old an answer to a question is when it arrives.
    timeout_seconds
        How long a caller waits for an answer that is lost.
    grace_seconds
        How long after it came an order is not known to those who ask for it.
    stale_seconds
        By how much ``holdings`` lags behind.
    clock_skew
        By how much the venue's clock is ahead of ours.
    reads_per_second
        Questions that it answers within any second; None where it answers all.
    """

    order_seconds: float = 0.0
    data_seconds: float = 0.0
    timeout_seconds: float = 10.0
    grace_seconds: float = 0.0
    stale_seconds: float = 0.0
    clock_skew: timedelta = timedelta(0)
    reads_per_second: int | None = None


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
    """

    def __init__(
        self,
        venue: str,
        engine: PaperEngine,
        *,
        clock: Clock | None = None,
        conditions: Conditions | None = None,
        faults: Faults | None = None,
    ) -> None:
        self._venue = venue
        self.engine = engine
        self.conditions = conditions or Conditions()
        self.faults = faults or Faults()
        self._clock = clock or Clock()
        self._cut_until: datetime | None = None
        self._scripts: dict[str, Script] = {}
        self._created: dict[str, datetime] = {}
        self._late: list[tuple[datetime, str]] = []
        self._held: list[tuple[datetime, Mapping[str, Holding]]] = []
        self._reads: list[datetime] = []

    @property
    def venue(self) -> str:
        """Name of the venue."""
        return self._venue

    async def prepare(self) -> None:
        """Do nothing: the account is in one-way mode and has no other."""
        await self._read("prepare", lambda _: None)

    async def server_time(self) -> datetime:
        """Return the venue's clock."""
        return await self._read("server_time", lambda now: now + self.conditions.clock_skew)

    async def limits(self, symbols: Sequence[str]) -> Mapping[str, InstrumentLimits]:
        """Return what orders must be; a symbol that is not listed is left out."""
        limits = self.engine.market.limits
        found = await self._read("limits", lambda _: {x: limits(x) for x in symbols})
        return {symbol: stated for symbol, stated in found.items() if stated is not None}

    async def fees(self, symbols: Sequence[str]) -> Mapping[str, FeeRates]:
        """Return what fills cost: the same for every symbol."""
        return await self._read("fees", lambda _: dict.fromkeys(symbols, self.engine.rules.fees))

    async def order_book(self, symbol: str, depth: int) -> OrderBook:
        """Return the best ``depth`` levels of both sides, without our own orders."""
        try:
            book = await self._read("order_book", lambda now: self.engine.book(symbol, now))
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
        now = self._catch_up()
        if script is None:
            report = self._book(order, now, None)
            self.faults.pass_point("place.after")
            return report
        self._scripts[order.client_id] = script
        return await self._meet(order, script, now)

    async def cancel(self, symbol: str, client_id: str) -> OrderReport:
        """Take an order back, once; return what is known of it afterwards."""
        self.faults.pass_point("cancel.before")
        if self._is_cut(self._clock.now()):
            raise self._unknown(client_id, "the connection is cut")
        await self._pause(self.conditions.order_seconds)
        now = self._catch_up()
        known = self._known(symbol, client_id, now)
        report = self.engine.cancel(client_id, now) if known else None
        if report is None:
            raise OrderNotFoundError(
                f"no order {client_id} of {symbol}", venue=self._venue, client_id=client_id
            )
        self._promise_late_fill(report, now)
        self._note_holdings(now)
        self.faults.pass_point("cancel.after")
        return report

    async def order(self, symbol: str, client_id: str) -> OrderReport | None:
        """Ask what became of an order; None where the venue does not know it, or not yet."""
        return await self._read("order", lambda now: self._known(symbol, client_id, now))

    async def open_orders(self) -> Sequence[OrderReport]:
        """Return every order that can still fill."""
        return await self._read(
            "open_orders",
            lambda now: [
                report
                for report in self.engine.open_orders()
                if not self._is_hidden(report.client_id, now)
            ],
        )

    async def fills(self, since: datetime) -> Sequence[Fill]:
        """Return every fill since an instant, in order; some come twice."""
        fills = await self._read("fills", lambda _: self.engine.fills(since))
        return [fill for fill in fills for _ in range(2 if self._is_doubled(fill) else 1)]

    async def holdings(self) -> Mapping[str, Holding]:
        """Return what is held by symbol."""
        return await self._read("holdings", self._holdings)

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
        now = self._catch_up()
        self.engine.deleverage(symbol, quantity, now)
        self._note_holdings(now)

    def liquidate(self, symbol: str) -> None:
        """Take away all of a position, with the venue's fee for it."""
        now = self._catch_up()
        self.engine.liquidate(symbol, now)
        self._note_holdings(now)

    async def _meet(self, order: OrderRequest, script: Script, now: datetime) -> OrderReport:
        """Let an order meet what is in store for it."""
        if script.outcome is Outcome.REJECTED:
            raise self._rejected(order, "declined by script", script)
        report = None
        if script.reaches_venue:
            try:
                report = self._book(order, now, self._cap(order, script))
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
        self._promise_late_fill(report, now)
        self.faults.pass_point("place.after")
        return report

    def _book(self, order: OrderRequest, now: datetime, cap: Decimal | None) -> OrderReport:
        try:
            report = self.engine.place(order, now, cap)
        except RefusedError as error:
            raise OrderRejectedError(
                error.message, venue=self._venue, client_id=order.client_id, reason=error.reason
            ) from error
        self._created[order.client_id] = now
        self._note_holdings(now)
        return report

    def _cap(self, order: OrderRequest, script: Script) -> Decimal | None:
        """Return what may fill of an order; None for all of it."""
        if script.outcome in {Outcome.LATE_FILL, Outcome.TIMEOUT_UNFILLED}:
            return ZERO
        limits = self.engine.market.limits(order.venue_symbol)
        if script.outcome is Outcome.PARTIAL and limits is not None:
            return limits.round_quantity(order.quantity * script.share)
        return None

    def _promise_late_fill(self, report: OrderReport, now: datetime) -> None:
        """Take note that an order which is over will fill nevertheless."""
        script = self._scripts.get(report.client_id)
        if script and script.outcome is Outcome.LATE_FILL and report.state.final:
            del self._scripts[report.client_id]
            self._late.append((now + timedelta(seconds=script.seconds), report.client_id))

    def _catch_up(self) -> datetime:
        """Let happen at the venue what is due by now; return the present."""
        now = self._clock.now()
        due = sorted(late for late in self._late if late[0] <= now)
        self._late = [late for late in self._late if late[0] > now]
        for at, client_id in due:
            self.engine.fill_late(client_id, at)
            self._note_holdings(at)
        return self.engine.advance(now)

    async def _read(self, call: str, look: Callable[[datetime], T]) -> T:
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
        answer = look(self._catch_up())
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

    def _is_hidden(self, client_id: str, now: datetime) -> bool:
        created = self._created.get(client_id)
        grace = timedelta(seconds=self.conditions.grace_seconds)
        return created is not None and now < created + grace

    def _is_doubled(self, fill: Fill) -> bool:
        script = self._scripts.get(fill.client_id or "")
        return script is not None and script.outcome is Outcome.DUPLICATE_FILL

    def _note_holdings(self, now: datetime) -> None:
        if self.conditions.stale_seconds:
            self._held.append((now, self.engine.holdings()))

    def _known(self, symbol: str, client_id: str, now: datetime) -> OrderReport | None:
        """Return an order as far as it is known to those who ask."""
        report = None if self._is_hidden(client_id, now) else self.engine.order(client_id)
        return report if report is not None and report.venue_symbol == symbol else None

    def _holdings(self, now: datetime) -> Mapping[str, Holding]:
        """Return what is held, or was a while ago where the venue lags."""
        if not self.conditions.stale_seconds:
            return self.engine.holdings()
        shown = now - timedelta(seconds=self.conditions.stale_seconds)
        while len(self._held) > 1 and self._held[1][0] <= shown:
            self._held.pop(0)
        return self._held[0][1] if self._held and self._held[0][0] <= shown else {}

    def _rejected(self, order: OrderRequest, message: str, script: Script) -> OrderRejectedError:
        return OrderRejectedError(
            message, venue=self._venue, client_id=order.client_id, reason=script.reason
        )

    def _unknown(self, client_id: str, message: str) -> OutcomeUnknownError:
        return OutcomeUnknownError(
            f"{client_id}: {message}", venue=self._venue, client_id=client_id
        )
