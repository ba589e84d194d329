"""A venue that does what venues do beside matching: it answers late, twice, or not yet.

Two ways lead to it, and both see the same: ``execution.paper`` in the process, and the sandbox's
endpoint over a socket. What gets lost on the way is for them; here is what the venue itself does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from funding_platform.core.trading import ZERO, Fill, Holding, OrderReport, OrderRequest
from funding_platform.paper.engine import PaperEngine


@dataclass(frozen=True, slots=True, kw_only=True)
class Trick:
    """What the venue does to one order.

    Parameters
    ----------
    share
        Fills at most this fraction of the quantity, in whole steps; None for all of it.
    late_seconds
        Fills nothing until it is over, and so long after that all of it; None for no such thing.
    doubled
        Whether every fill of it is reported twice.
    """

    share: Decimal | None = None
    late_seconds: float | None = None
    doubled: bool = False


HELD = Trick(share=ZERO)
"""The order is taken, and fills nothing."""


@dataclass(slots=True, kw_only=True)
class Manners:
    """How well the venue keeps up with itself; may be changed at any time.

    Parameters
    ----------
    grace_seconds
        How long after it came an order is not known to those who ask for it.
    stale_seconds
        By how much ``holdings`` lags behind.
    """

    grace_seconds: float = 0.0
    stale_seconds: float = 0.0


class PaperVenue:
    """An account's view of a venue: the engine, and the venue's manners.

    Parameters
    ----------
    engine
        What matches and keeps the account.
    manners
        May be shared, and changed at any time.
    """

    def __init__(self, engine: PaperEngine, manners: Manners | None = None) -> None:
        self.engine = engine
        self.manners = manners or Manners()
        self._tricks: dict[str, Trick] = {}
        self._late: list[tuple[datetime, str]] = []
        self._held: list[tuple[datetime, Mapping[str, Holding]]] = []

    def catch_up(self, now: datetime, symbols: Sequence[str] | None = None) -> datetime:
        """Let happen what is due by ``now``; return the present, which does not go back.

        Parameters
        ----------
        symbols
            All that whoever asks wants to know of; everything that concerns the account if None.
        """
        due = sorted(late for late in self._late if late[0] <= now)
        self._late = [late for late in self._late if late[0] > now]
        for at, client_id in due:
            self.engine.fill_late(client_id, at)
            self._note_holdings(at)
        now = self.engine.advance(now, symbols)
        self._note_holdings(now)
        return now

    def place(self, order: OrderRequest, now: datetime, trick: Trick | None = None) -> OrderReport:
        """Take an order and match it, as far as the trick lets it.

        Raises
        ------
        RefusedError
            If it is declined; nothing of it exists.
        """
        now = self.catch_up(now, ())
        report = self.engine.place(order, now, self._cap(order, trick))
        if trick is not None:
            self._tricks[order.client_id] = trick
        self._promise_late_fill(report, now)
        self._note_holdings(now)
        return report

    def cancel(self, symbol: str, client_id: str, now: datetime) -> OrderReport | None:
        """Take an order back; None where it is not known, or not yet."""
        now = self.catch_up(now, ())
        if self.order(symbol, client_id, now) is None:
            return None
        report = self.engine.cancel(client_id, now)
        if report is not None:
            self._promise_late_fill(report, now)
        return report

    def order(self, symbol: str, client_id: str, now: datetime) -> OrderReport | None:
        """Return what is known of an order; None where it is not known, or not yet."""
        report = None if self._is_hidden(client_id, now) else self.engine.order(client_id)
        return report if report is not None and report.venue_symbol == symbol else None

    def open_orders(self, now: datetime) -> list[OrderReport]:
        """Return the orders that can still fill, as far as they are known."""
        reports = self.engine.open_orders()
        return [report for report in reports if not self._is_hidden(report.client_id, now)]

    def fills(self, since: datetime) -> list[Fill]:
        """Return every fill since an instant, in order; some come twice."""
        fills = self.engine.fills(since)
        return [fill for fill in fills for _ in range(2 if self._is_doubled(fill) else 1)]

    def holdings(self, now: datetime) -> Mapping[str, Holding]:
        """Return what is held, or was a while ago where the venue lags."""
        if not self.manners.stale_seconds:
            return self.engine.holdings()
        shown = now - timedelta(seconds=self.manners.stale_seconds)
        while len(self._held) > 1 and self._held[1][0] <= shown:
            self._held.pop(0)
        return self._held[0][1] if self._held and self._held[0][0] <= shown else {}

    def deleverage(self, symbol: str, quantity: Decimal, now: datetime) -> None:
        """Take away some of a position at the mark, as a venue does that has to."""
        now = self.catch_up(now)
        self.engine.deleverage(symbol, quantity, now)
        self._note_holdings(now)

    def liquidate(self, symbol: str, now: datetime) -> None:
        """Take away all of a position at the mark, with the venue's fee for it."""
        now = self.catch_up(now)
        self.engine.liquidate(symbol, now)
        self._note_holdings(now)

    def _cap(self, order: OrderRequest, trick: Trick | None) -> Decimal | None:
        """Return what may fill of an order; None for all of it."""
        limits = self.engine.market.limits(order.venue_symbol)
        if trick is None or limits is None:
            return None
        if trick.late_seconds is not None:
            return ZERO
        return None if trick.share is None else limits.round_quantity(order.quantity * trick.share)

    def _promise_late_fill(self, report: OrderReport, now: datetime) -> None:
        """Take note that an order which is over will fill nevertheless."""
        trick = self._tricks.get(report.client_id)
        if trick is not None and trick.late_seconds is not None and report.state.final:
            del self._tricks[report.client_id]
            self._late.append((now + timedelta(seconds=trick.late_seconds), report.client_id))

    def _is_hidden(self, client_id: str, now: datetime) -> bool:
        order = self.engine.state.orders.get(client_id)
        grace = timedelta(seconds=self.manners.grace_seconds)
        return order is not None and now < order.placed_at + grace

    def _is_doubled(self, fill: Fill) -> bool:
        trick = self._tricks.get(fill.client_id or "")
        return trick is not None and trick.doubled

    def _note_holdings(self, now: datetime) -> None:
        """Remember what is held from now on, for those who will see it late."""
        if not self.manners.stale_seconds:
            return
        holdings = self.engine.holdings()
        if not self._held or _quantities(self._held[-1][1]) != _quantities(holdings):
            self._held.append((now, holdings))


def _quantities(holdings: Mapping[str, Holding]) -> dict[str, Decimal]:
    """Return how much is held of each symbol."""
    return {symbol: holding.quantity for symbol, holding in holdings.items()}
