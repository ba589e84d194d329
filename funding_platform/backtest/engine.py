"""A run from its first decision to its last: the clock, the orders on their way, the records.

Between decisions the kernel keeps the accounts on the true clocks of both legs. At a decision time
the order is: time passes, orders that are due are filled, silent markets are dealt with, the
strategy is asked, and what the account is worth is written down.
"""

import math
from collections import deque
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numpy as np

from funding_platform.backtest import books as b
from funding_platform.backtest.config import BacktestConfig
from funding_platform.backtest.data.provider import FundingDataProvider
from funding_platform.backtest.errors import DataError, StrategyError
from funding_platform.backtest.kernel.accounts import component_sums, take_stock
from funding_platform.backtest.kernel.clock import advance
from funding_platform.backtest.kernel.closing import close_position
from funding_platform.backtest.kernel.opening import open_position
from funding_platform.backtest.kernel.pricing import measure_silence
from funding_platform.backtest.market import ReplayedMarket
from funding_platform.backtest.orders import fault_of
from funding_platform.backtest.positions import Account, Holdings, SimulatedBook
from funding_platform.backtest.results.records import Recorder
from funding_platform.backtest.results.result import BacktestResult
from funding_platform.backtest.rules import fees_of, rules_of
from funding_platform.backtest.sizing import size_usd
from funding_platform.core.arrays import Ints
from funding_platform.core.time_grid import HOUR_US, to_us
from funding_platform.strategies.contract import Close, Open, Order, Position, Strategy
from funding_platform.strategies.cross_venue_carry import PairCarry
from funding_platform.strategies.errors import MissingDataError

_US_PER_MINUTE: Final = HOUR_US // 60
_MAX_ENTRIES_AT_ONCE: Final = 16
"""A fill of two legs, or its closing, writes fewer entries than this into the ledger."""


def run_backtest(
    config: BacktestConfig, provider: FundingDataProvider, strategy: Strategy | None = None
) -> BacktestResult:
    """Run a strategy over a window: the same configuration and data give the same result.

    Parameters
    ----------
    config
        What to run. Its venues, symbols and bases narrow the provider's data.
    provider
        The data. Rows before the start serve the first decisions.
    strategy
        Instead of the one in the configuration.

    Raises
    ------
    UnknownInstrumentError
        If the configuration names a venue, symbol or base that the data does not have.
    NoOverlapError
        If the strategy trades pairs of venues, and no asset is on two of them.
    DataError
        If there is nothing in the window, or a venue's fees are unknown at the start.
    StrategyError
        If the strategy raises, or gives an order that makes no sense.
    """
    end = config.window[1]
    data = provider.load_data(config.read_from, end, config.venues, config.symbols, config.bases)
    if strategy is not None:  # the configuration of the result is of what was run
        config = config.model_copy(update={"strategy": None})
    chosen = config.strategy if strategy is None else strategy
    if chosen is None:
        raise StrategyError("the configuration has no strategy, and none was handed over")
    if isinstance(chosen, PairCarry):
        data.require_pairs()
    # A run keeps one core busy; its data has to be hashed.
    with ThreadPoolExecutor(1) as beside:
        beside.submit(getattr, data, "fingerprint")
        return _Run(config, data, chosen).result()


class _Run:
    """The state of one run: clock, account, orders on their way, positions, records."""

    def __init__(
        self, config: BacktestConfig, data: FundingDataProvider, strategy: Strategy
    ) -> None:
        self.config, self.data, self.strategy = config, data, strategy
        self.panel = data.panel
        fees = fees_of(config, data)
        self.rules = rules_of(config, fees, self.panel)
        self.books = b.empty_books(config.max_positions)
        self.account = Account(self.books, config.capital_usd)
        self.market = ReplayedMarket(
            data.instruments,
            self.panel,
            data.predictions,
            data.features,
            fees,
            config.outages.stale_us,
            config.costs.half_spread_bps,
        )
        silence, price_age = np.zeros((2, len(self.books.legs)), dtype=np.int64)
        self.ages = silence, price_age
        self.due: deque[tuple[int, Order, int]] = deque()
        self.positions = Holdings()
        self.slots: dict[int, int] = {}
        self.free = list(range(2 * config.max_positions - 2, -1, -2))
        self.given_out = 0
        self.reasons: dict[str, int] = {name: n for n, name in enumerate(b.EXIT_REASONS)}
        self.recorder = Recorder(config, data)
        self.book: SimulatedBook | None = None

    def result(self) -> BacktestResult:
        """Run from start to end, and hand back what happened."""
        start, end = (to_us(moment) for moment in self.config.window)
        step = round(self.config.decision_hours * HOUR_US)
        delay = round(self.config.entry_delay_minutes * _US_PER_MINUTE)
        self.recorder.opening(start)
        for now in (*range(start, end, step), end):
            self._fill_until(now)
            self._pass_time(now)
            self.market.move_to(now)
            self._close_silent(now)
            if now < end:
                self._decide(now, delay)
            elif self.config.close_at_end:
                self._close_all(end)
            self._record(now)
        self.recorder.unfilled = len(self.due)
        return self.recorder.result(self.books, list(self.reasons))

    def _decide(self, now: int, delay: int) -> None:
        """Ask the strategy; its orders are filled now, or put on their way."""
        for order in self._ordered():
            if isinstance(order, Open):
                if self._room() <= 0:
                    self.recorder.refused[b.BOOK_FULL] += 1
                    continue
                self.positions.add(
                    Position(self.given_out, order.long, order.short, now, order.memo)
                )
                self.due.append((now + delay, order, self.given_out))
                self.given_out += 1
            else:
                if self.positions.is_closing(order.position_id):
                    continue
                self.positions.mark(order.position_id, closing=True)
                self.due.append((now + delay, order, order.position_id))
            self.book = None
            if delay == 0:
                self._fill(now, *self.due.pop()[1:])

    def _ordered(self) -> Iterable[Order]:
        """Yield the strategy's orders, each checked as it comes."""
        if self.book is None:
            self.book = self.positions.book(self._room(), self.account)
        try:
            for order in self.strategy.decide(self.market, self.book):
                if fault := fault_of(order, self.positions, self.market, self.config.position_usd):
                    raise StrategyError(f"{self._where()}: {fault}")
                yield order
        except (StrategyError, DataError):
            raise
        except MissingDataError as error:
            raise DataError(error.message, hint=error.hint) from error
        except Exception as error:
            raise StrategyError(
                f"{self._where()} raised {type(error).__name__}: {error}",
                hint="FUNDING_TRACEBACK=1 shows the strategy's own traceback",
            ) from error

    def _room(self) -> int:
        """Count how many positions may be added to those that nothing closes yet."""
        return self.config.max_positions - self.positions.staying()

    def _where(self) -> str:
        return f"strategy {type(self.strategy).__name__} at {self.market.time:%Y-%m-%d %H:%M} UTC"

    def _fill_until(self, now: int) -> None:
        """Fill orders on their way that are due by now, each at its own time."""
        while self.due and self.due[0][0] <= now:
            when, order, position = self.due.popleft()
            self._pass_time(when)
            self._fill(when, order, position)

    def _fill(self, when: int, order: Order, position: int) -> None:
        """Open or close, unless the market does not let it."""
        if position not in self.positions:  # liquidated while the order was on its way
            return
        self._reserve()
        if isinstance(order, Close):
            self._close(when, position, order.reason)
            return
        status = self._open(when, position, order) if self.free else b.BOOK_FULL
        if status == b.FILLED:
            self.slots[position] = self.free.pop()
            self.recorder.moved = True
        else:
            self.recorder.refused[status] += 1
            self.positions.remove(position)
            self.book = None

    def _open(self, when: int, position: int, order: Open) -> int:
        """Open a position in the next free slot, or say why not."""
        long, short = (-1 if leg is None else int(leg) for leg in (order.long, order.short))
        base = int(self.panel.facts.base[max(long, short)])
        size = size_usd(self.config, order, self.account, self.panel.reference, base, when)
        if not size > 0.0:
            return b.NO_VOLATILITY if math.isnan(size) else b.NO_CAPITAL
        slot = self.free[-1]
        status = int(
            open_position(
                self.panel, self.rules, self.books, slot, when, long, short, size, position
            )
        )
        self.recorder.note_apart(status, self.books.legs[slot : slot + 2])
        return status

    def _close(self, when: int, position: int, reason: str) -> None:
        """Close a position; a frozen one, or one not yet open, stays."""
        slot = self.slots.get(position)
        silence, _ = self._ages(when)
        frozen = slot is not None and bool((silence[slot : slot + 2] > self.rules.stale_us).any())
        if slot is None or frozen:
            self.positions.mark(position, closing=False)
            self.recorder.frozen += frozen
            self.book = None
            return
        code = self.reasons.setdefault(reason, len(self.reasons))
        self._close_now(when, position, code)

    def _close_now(self, when: int, position: int, reason: int) -> None:
        """Close a position at its last prices."""
        self._reserve()
        before = int(self.books.account[0]["n_closed"])
        close_position(self.panel, self.rules, self.books, self.slots[position], when, reason)
        self._forget_closed(before)

    def _pass_time(self, until: int) -> None:
        """Let the kernel work, with books as large as it needs."""
        self._reserve()
        before = int(self.books.account[0]["n_closed"])
        while not advance(self.panel, self.rules, self.books, until):
            self.books = b.with_room(self.books, 0, len(self.books.entries))
        self._forget_closed(before)

    def _reserve(self) -> None:
        """Make room for all that one step can close or write."""
        needed = len(self.books.legs) + _MAX_ENTRIES_AT_ONCE
        self.books = b.with_room(self.books, needed, needed)

    def _ages(self, now: int) -> tuple[Ints, Ints]:
        """Measure how long each slot's leg has had a silent market, and how old its price is."""
        measure_silence(self.panel, self.books, now, *self.ages)
        return self.ages

    def _close_silent(self, now: int) -> None:
        """Close what has been delisted, or stale where the configuration says so."""
        outages = self.config.outages
        silence, price_age = self._ages(now)
        stale = price_age > outages.stale_us
        if stale.any():
            self.recorder.stale |= set(self.books.legs["trade"][stale].tolist())
        limit = outages.delisted_us if outages.when_stale == "freeze" else outages.stale_us
        for slot in np.flatnonzero(silence > limit):
            leg = self.books.legs[slot]
            if leg["active"]:  # not closed with the leg before
                reason = b.DELISTED if silence[slot] > outages.delisted_us else b.SILENT
                self.recorder.note_silent(reason, int(leg["instrument"]))
                self._close_now(now, int(leg["position"]), reason)

    def _close_all(self, end: int) -> None:
        """Close what is open at the end, at its last price, frozen or not."""
        frozen = np.flatnonzero(self._ages(end)[0] > self.rules.stale_us)
        self.recorder.frozen += len(set((frozen // 2).tolist()))
        for position in list(self.slots):
            self._close_now(end, position, b.RUN_ENDED)

    def _forget_closed(self, before: int) -> None:
        """Forget the positions of legs closed since there were ``before`` of them."""
        after = int(self.books.account[0]["n_closed"])
        if after == before:
            return
        closed = self.books.closed[before:after]
        for instrument in closed["instrument"][closed["delisted"]].tolist():
            self.recorder.note_silent(b.DELISTED, instrument)
        for position in set(closed["position"].tolist()):
            self.free.append(self.slots.pop(position))
            self.positions.remove(position)
        self.book = None
        self.recorder.moved = True

    def _record(self, now: int) -> None:
        take_stock(self.books, self.config.capital_usd)
        component_sums(self.books, self.recorder.components)
        self.recorder.row(now, self.books, len(self.slots))
