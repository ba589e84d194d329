"""Two venues on paper, a store, and an executor over them that can die and be started again."""

import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from funding_platform.core.system.clock import Clock
from funding_platform.core.trading import (
    ZERO,
    InstrumentLimits,
    Level,
    OrderBook,
    OrderReport,
    OrderRequest,
)
from funding_platform.execution import (
    AtomicPairExecutor,
    Conditions,
    ExecutionRules,
    InstrumentRef,
    Journal,
    PairIntent,
    PaperExchange,
    Reconciler,
    Reconciliation,
    open_store,
)
from funding_platform.execution.pair.exposure import traded, trading_usd
from funding_platform.execution.pair.pairs import LegName
from funding_platform.execution.store.changes import Changes
from funding_platform.execution.store.records import HaltRecord
from funding_platform.paper import PaperEngine, PaperRules
from funding_platform.paper.market import Settlement
from funding_platform.venues.errors import VenueTimeoutError
from funding_platform_tests.execution.stored import all_fills, all_orders, all_payments
from funding_platform_tests.execution.virtual_time import VirtualTime

T = TypeVar("T")
Span = tuple[datetime, datetime]

CAPITAL = Decimal(100_000)
PLENTY = Decimal(1_000)
BTC, ETH = "BTCUSDT", "ETHUSDT"
SYMBOLS = (BTC, ETH)
VENUES = {LegName.LONG: "alpha", LegName.SHORT: "beta"}
SIZE = Decimal(1_000)

LIMITS = InstrumentLimits(
    venue_symbol=BTC,
    quantity_step=Decimal("0.01"),
    price_step=Decimal("0.01"),
    min_quantity=Decimal("0.01"),
    min_notional_usd=Decimal(5),
    price_band=Decimal("0.1"),
)


class LadderMarket:
    """Books of ten levels around a mid, a hundredth apart, with as much on each as a test says."""

    def __init__(self, limits: Mapping[str, InstrumentLimits], mid: Decimal, each: Decimal) -> None:
        self.known = dict(limits)
        self.mids = dict.fromkeys(self.known, mid)
        self.each = each
        self._settlements: dict[str, list[Settlement]] = {}

    def settle(self, symbol: str, at: datetime, rate: Decimal) -> None:
        settlement = Settlement(settled_at=at, rate=rate, mark=self.mids[symbol])
        self._settlements.setdefault(symbol, []).append(settlement)

    def limits(self, symbol: str) -> InstrumentLimits | None:
        return self.known.get(symbol)

    def book(self, symbol: str, at: datetime) -> OrderBook | None:
        if symbol not in self.mids:
            return None
        mid, tick = self.mids[symbol], Decimal("0.01")
        steps = [tick * number for number in range(1, 11)]
        return OrderBook(
            venue_symbol=symbol,
            bids=tuple(Level(mid - step, self.each) for step in steps),
            asks=tuple(Level(mid + step, self.each) for step in steps),
            seen_at=at,
        )

    def mark(self, symbol: str, at: datetime) -> Decimal | None:
        return self.mids.get(symbol)

    def settlements(self, symbol: str, since: datetime, until: datetime) -> Sequence[Settlement]:
        known = self._settlements.get(symbol, ())
        return [x for x in known if since < x.settled_at <= until]


class Note(StrEnum):
    """What is noted of a life, each with its instant."""

    LOOK = "look"
    ROUND = "round"
    RESTART = "restart"
    MISSED_LOOK = "missed look"
    LOST_ANSWER = "lost answer"


class WatchedExchange(PaperExchange):
    """Takes note of every order that is handed to it, and of answers that are lost."""

    placed: list[str]
    cuts: list[Span]
    note: Callable[[Note], None]
    time: VirtualTime

    def disconnect(self, seconds: float) -> None:
        now = self.time.now()
        self.cuts.append((now, now + timedelta(seconds=seconds)))
        super().disconnect(seconds)

    def deleverage(self, symbol: str, quantity: Decimal) -> None:
        self.note(Note.RESTART)
        super().deleverage(symbol, quantity)

    async def place(self, order: OrderRequest) -> OrderReport:
        self.placed.append(order.client_id)
        return await super().place(order)

    async def _read(
        self, call: str, look: Callable[[datetime], T], symbols: Sequence[str] | None = None
    ) -> T:
        try:
            return await super()._read(call, look, symbols)
        except VenueTimeoutError:
            self.note(Note.LOST_ANSWER)
            raise


class WatchedJournal(Journal):
    """Takes note of rounds of orders, and of steps that are left to the next look."""

    note: Callable[[Note], None]

    def write(self, step: str, *changes: Changes) -> None:
        if step == "left":
            self.note(Note.RESTART)
        if any(one.new_orders for one in changes):
            self.note(Note.ROUND)
        super().write(step, *changes)

    def write_risk(self, step: str, changes: Changes) -> HaltRecord | None:
        if step == "complete":
            self.note(Note.ROUND)
        return super().write_risk(step, changes)


class WatchedReconciler(Reconciler):
    """Takes note of its looks, and of those that a venue did not answer."""

    note: Callable[[Note], None]

    async def reconcile(self) -> Reconciliation:
        self.note(Note.LOOK)
        found = await super().reconcile()
        if not found.complete:
            self.note(Note.MISSED_LOOK)
        return found


class World:
    """All of it.

    Parameters
    ----------
    url
        Of the store, whose tables are there already.
    """

    def __init__(
        self,
        url: str,
        rules: ExecutionRules | None = None,
        limits: Mapping[LegName, InstrumentLimits] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.url = url
        self.rules = rules or ExecutionRules()
        self.time = VirtualTime()
        self.clock = clock or self.time.clock()
        self.markets: dict[str, LadderMarket] = {}
        self.venues: dict[str, WatchedExchange] = {}
        self.placed: list[str] = []
        self.cuts: list[Span] = []
        self.notes: list[tuple[datetime, Note]] = []
        for leg, venue in VENUES.items():
            own = (limits or {}).get(leg, LIMITS)
            known = {symbol: replace(own, venue_symbol=symbol) for symbol in SYMBOLS}
            self.markets[venue] = LadderMarket(known, Decimal(100), PLENTY)
            engine = PaperEngine(self.markets[venue], PaperRules())
            engine.deposit(CAPITAL / 2)
            self.venues[venue] = WatchedExchange(
                venue,
                engine,
                clock=self.clock,
                conditions=Conditions(timeout_seconds=2.0),
            )
            self.venues[venue].placed = self.placed
            self.venues[venue].cuts = self.cuts
            self.venues[venue].note = self.note
            self.venues[venue].time = self.time
        self.start()

    def start(self) -> None:
        self.store = open_store(self.url, self.clock.now)
        self.journal = WatchedJournal(self.store)
        self.journal.note = self.note
        self.executor = AtomicPairExecutor(self.venues, self.journal, self.rules, self.clock)
        watched = WatchedReconciler(self.executor)
        watched.note = self.note
        self.reconciler: Reconciler = watched

    def note(self, trouble: Note) -> None:
        self.notes.append((self.time.now(), trouble))

    def die_with(self, rules: ExecutionRules) -> None:
        """Begin anew under other rules."""
        self.rules = rules
        self.die()

    def die(self) -> None:
        """Leave everything as it is, and begin anew from what is stored."""
        self.note(Note.RESTART)
        self.store.close()
        self.start()

    def intent(
        self, size: Decimal = SIZE, symbol: str = BTC, *, turned: bool = False
    ) -> PairIntent:
        return intent_at(self.time.now(), size, symbol, turned=turned)

    async def settle_down(self, cycles: int = 2, seconds: float = 10.0) -> None:
        """Reconcile as the sidecar does, for two cycles."""
        for _ in range(cycles):
            await self.executor.clock.sleep(seconds)
            await self.reconciler.reconcile()

    # What holds at the end

    def _is_naked(self, symbol: str) -> bool:
        """Tell whether a lot or more is held on one venue alone, at the mids of its pair."""
        legs = {x.venue: x for x in self.journal.active_legs() if x.venue_symbol == symbol}
        if not legs:
            return any(self.positions(symbol))
        found = zip(self.venues, self.positions(symbol), strict=True)
        net = sum((held / legs[venue].per_base for venue, held in found), ZERO)
        return abs(net) >= self.journal.pair(next(iter(legs.values())).pair_id).lot

    def positions(self, symbol: str) -> list[Decimal]:
        """What is really held of a symbol, by venue."""
        return [one.engine.state.account.quantity(symbol) for one in self.venues.values()]

    def wrong(self) -> list[str]:
        """Return everything that does not hold; nothing where all does."""
        said = [f"{one} was sent twice" for one, sent in Counter(self.placed).items() if sent > 1]
        for symbol in SYMBOLS:
            held = self.positions(symbol)
            if self._is_naked(symbol):
                said.append(f"net exposure in {symbol}: {held}")
            if any(held) and not self._live(symbol):
                said.append(f"no pair is live, and {symbol} is held: {held}")
        live = [one for one in self.journal.pairs() if not one.state.final]
        said += [f"{one.pair_id} is {one.state}" for one in live if not one.state.settled]
        for venue, paper in self.venues.items():
            said += [f"{venue}: open order {one.client_id}" for one in paper.engine.open_orders()]
            placed = set(paper.engine.state.orders)
            ours = {one.client_id for one in all_orders(self.journal) if one.venue == venue}
            said += [f"{venue}: order {one} is not in the journal" for one in placed - ours]
        said += [f"{one.client_id} is {one.state}" for one in self.journal.unfinished_orders()]
        said += self._money()
        return said

    def _live(self, symbol: str) -> bool:
        return any(one.venue_symbol == symbol for one in self.journal.active_legs())

    def _money(self) -> list[str]:
        """Capital + P&L of all pairs is what the accounts are worth, to a millionth of a cent."""
        ours, worth = CAPITAL, CAPITAL
        for venue, paper in self.venues.items():
            account = paper.engine.state.account
            worth += account.equity_usd - account.deposits_usd
            legs = defaultdict(list)
            for fill in (one for one in all_fills(self.journal) if one.venue == venue):
                legs[fill.venue_symbol, fill.pair_id].append(fill)
                ours -= fill.fee_usd
            for (symbol, _), fills in legs.items():
                trades = traded(symbol in account.inverse, fills)
                ours += trading_usd(trades, account.marks[symbol])
            ours += sum(
                (one.amount_usd for one in all_payments(self.journal) if one.venue == venue), ZERO
            )
        return [] if abs(worth - ours) < Decimal("1E-8") else [f"worth {worth}, by us {ours}"]


def copy_of(template: Path, folder: Path) -> str:
    """Return the URL of a store of one's own, whose tables are there already."""
    file = folder / "store.sqlite"
    shutil.copyfile(template, file)
    return f"sqlite:///{file}"


def intent_at(
    now: datetime, size: Decimal = SIZE, symbol: str = BTC, *, turned: bool = False
) -> PairIntent:
    """A decision of this instant."""
    long, short = reversed(VENUES.values()) if turned else VENUES.values()
    return PairIntent(
        base=symbol.removesuffix("USDT"),
        long=InstrumentRef(long, symbol),
        short=InstrumentRef(short, symbol),
        size_usd=size,
        decided_at=now,
    )
