"""What a trader does next: the strategy's orders, the house's exits, and what may not be.

Pure: the same ``Seen`` gives the same ``Decisions``.
"""

from collections.abc import Container, Iterable
from dataclasses import dataclass, field, replace

import numpy as np

from funding_platform.core.errors import FundingError
from funding_platform.core.trading.payoffs import TRADED
from funding_platform.execution.config import TradingConfig
from funding_platform.execution.cycle.entries import Admission
from funding_platform.execution.cycle.exits import house_exits
from funding_platform.execution.cycle.facts import (
    Decisions,
    Refusal,
    Refused,
    Seen,
    ToClose,
    ToOpen,
)
from funding_platform.execution.cycle.held import HeldBook
from funding_platform.strategies.contract import Close, Open, Strategy


def decide(strategy: Strategy, seen: Seen, config: TradingConfig) -> Decisions:
    """Decide what is closed, what is opened, and what is refused and why.

    Exits of the house come before those of the strategy, for they hold whatever the strategy says.
    A strategy that raises an error of its own opens and closes nothing; the exits of the house
    stand.
    """
    book = book_of(seen, config)
    closes = {close.pair.pair_id: close for close in house_exits(seen, book, config.exits)}
    refused: list[Refused] = []
    orders = _Orders()
    try:
        orders = _asked(strategy, seen, _without(book, closes), config)
    except Exception as error:  # noqa: BLE001 - somebody else's code, and the house must go on
        words = error.message if isinstance(error, FundingError) else repr(error)
        refused.append(Refused(reason=Refusal.STRATEGY_FAILED, words=words))
    for close in orders.closes:
        closes.setdefault(close.pair.pair_id, close)
    opens, not_opened = _admitted(orders, seen, config, closes)
    return Decisions(
        closes=tuple(closes.values()), opens=tuple(opens), refused=(*refused, *not_opened)
    )


@dataclass(slots=True)
class _Orders:
    """What a strategy has ordered, by name; ``singles`` counts orders of one leg."""

    closes: list[ToClose] = field(default_factory=list)
    opens: list[ToOpen] = field(default_factory=list)
    singles: int = 0


def _asked(strategy: Strategy, seen: Seen, book: HeldBook, config: TradingConfig) -> _Orders:
    """Ask the strategy; an order of what does not exist is its failure."""
    asked = _Orders()
    for order in strategy.decide(seen.market, book):
        if isinstance(order, Close):
            if order.position_id < 0:
                raise IndexError(f"no position has the number {order.position_id}")
            pair = seen.held[order.position_id]
            if not pair.closing:
                asked.closes.append(ToClose(pair=pair, reason=order.reason))
        elif order.long is None or order.short is None:
            asked.singles += 1
        else:
            asked.opens.append(_pair_of(order, order.long, order.short, seen, config))
    return asked


def book_of(seen: Seen, config: TradingConfig) -> HeldBook:
    """Lay out what is held as a strategy sees it; an account that says nothing counts nothing."""
    accounts = seen.venues.values()
    return HeldBook(
        pairs=seen.held,
        market=seen.market,
        max_pairs=config.limits.max_pairs,
        equity_usd=sum(account.equity_usd or 0.0 for account in accounts),
        free_usd=sum(account.free_usd or 0.0 for account in accounts),
    )


def _without(book: HeldBook, closes: Container[str]) -> HeldBook:
    """Show a strategy what it holds, with what the house closes on its way out."""
    leaving = [pair.pair_id in closes for pair in book.pairs]
    pairs = [
        replace(pair, closing=True) if leaves else pair
        for pair, leaves in zip(book.pairs, leaving, strict=True)
    ]
    return replace(book, pairs=pairs, leaving=sum(leaving))


def readmit(
    opens: Iterable[ToOpen], seen: Seen, config: TradingConfig, gone: Container[str]
) -> tuple[list[ToOpen], list[Refused]]:
    """Admit again what was decided on, where not everything that was to be closed is gone."""
    admission = Admission(seen, config, gone)
    answers = [(opening, admission.admit(opening)) for opening in opens]
    return (
        [opening for opening, fault in answers if fault is None],
        [fault for _, fault in answers if fault is not None],
    )


def _admitted(
    orders: _Orders, seen: Seen, config: TradingConfig, leaving: Container[str]
) -> tuple[list[ToOpen], list[Refused]]:
    """Admit the orders to open in their order, the most wanted first."""
    if (closed := Admission(seen, config).closed_to_all()) is not None:
        return [], [closed]
    refused = _untraded(seen)
    if orders.singles:
        words = "the strategy orders a single leg; only pairs are traded here"
        refused.append(Refused(reason=Refusal.NOT_A_PAIR, words=words))
    opens, not_opened = readmit(orders.opens, seen, config, leaving)
    return opens, [*refused, *not_opened]


def _untraded(seen: Seen) -> list[Refused]:
    """Say of which opportunities a strategy is not shown a leg, once for each such leg."""
    return [
        Refused(
            reason=Refusal.CONTRACT_NOT_TRADED,
            words=f"{leg} is of type {kind}: what the coin is worth that it pays in, when it pays, "
            f"is not known to a trader; traded are {' and '.join(TRADED)} contracts",
            long=leg,
        )
        for leg, kind in seen.untraded.items()
    ]


def _pair_of(order: Open, long: int, short: int, seen: Seen, config: TradingConfig) -> ToOpen:
    market = seen.market
    predicted = market.predicted_rate_8h
    divergence = float(predicted[short] - predicted[long])
    return ToOpen(
        base=str(market.instruments["base"][long]),
        long=market.legs[long],
        short=market.legs[short],
        size_usd=config.sizes.position_usd if order.size_usd is None else order.size_usd,
        memo=order.memo,
        divergence_8h=divergence if np.isfinite(divergence) else None,
    )
