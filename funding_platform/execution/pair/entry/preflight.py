"""Pre-flight: everything that could make an order fail is asked of both venues before the first.

What is asked is one thing (``look_at``), and what follows from it another (``judge``), which is
pure. Reducing orders never pass here: what would forbid an opening must not forbid a close.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from funding_platform.core.system.clock import Clock
from funding_platform.core.trading import (
    Balance,
    FeeRates,
    Holding,
    InstrumentLimits,
    OrderBook,
    payoffs,
)
from funding_platform.execution.pair.entry.sizing import Size, size_pair
from funding_platform.execution.pair.liquidity import BPS, Liquidity, look
from funding_platform.execution.pair.pairs import LEGS, InstrumentRef, LegName, PairIntent
from funding_platform.execution.pair.refusals import Refusal, RefusalKind
from funding_platform.execution.pair.rules import ExecutionRules
from funding_platform.venues.errors import UnknownSymbolError, VenueError
from funding_platform.venues.orders.contract import ExchangeClient

MAX_MID_GAP_BPS: Final = Decimal(500)
"""Two venues whose mids are further apart do not trade the same thing, or one counts in another
unit: an order of the same quantity would be worth something else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LegFacts:
    """What a venue says before anything is ordered of it.

    Parameters
    ----------
    skew
        How far its clock is from ours, beyond what the way there and back explains.
    limits, fees
        None where it does not list the symbol.
    """

    skew: timedelta
    limits: InstrumentLimits | None
    fees: FeeRates | None
    book: OrderBook
    holding: Holding | None
    balance: Balance
    seen_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Preflight:
    """Whether a pair can be opened, and how it would be.

    Parameters
    ----------
    refusals
        Why not; empty where it can.
    size
        None where a venue said too little for one.
    liquidity
        Of both legs at that size.
    """

    refusals: tuple[Refusal, ...]
    facts: Mapping[LegName, LegFacts]
    size: Size | None = None
    liquidity: Mapping[LegName, Liquidity]

    def also(self, refusal: Refusal) -> "Preflight":
        """Return the same with one more reason."""
        return replace(self, refusals=(*self.refusals, refusal))

    @property
    def score(self) -> Decimal | None:
        """The worse of both books; None where they were not looked at."""
        return min((one.score for one in self.liquidity.values()), default=None)


async def look_at(
    client: ExchangeClient, symbol: str, rules: ExecutionRules, clock: Clock
) -> LegFacts:
    """Ask a venue for everything at once.

    Raises
    ------
    VenueError
        If it does not answer.
    """
    left, began = clock.now(), clock.timer()
    server, limits, fees, book, holdings, balance = await asyncio.gather(
        client.server_time(),
        client.limits([symbol]),
        client.fees([symbol]),
        client.order_book(symbol, rules.book_depth),
        client.holdings(),
        client.balance(),
    )
    way = timedelta(seconds=clock.timer() - began)
    off = abs(server - (left + way / 2))
    return LegFacts(
        skew=max(off - way / 2, timedelta(0)),
        limits=limits.get(symbol),
        fees=fees.get(symbol),
        book=book,
        holding=holdings.get(symbol),
        balance=balance,
        seen_at=clock.now(),
    )


async def preflight(
    intent: PairIntent,
    clients: Mapping[str, ExchangeClient],
    rules: ExecutionRules,
    clock: Clock,
) -> Preflight:
    """Ask both venues at once, and judge."""
    refusals = _without_asking(intent, clients, rules, clock)
    if refusals:
        return Preflight(refusals=tuple(refusals), facts={}, liquidity={})
    instruments = {leg: intent.instrument(leg) for leg in LEGS}
    answers = await asyncio.gather(
        *(
            look_at(clients[one.venue], one.venue_symbol, rules, clock)
            for one in instruments.values()
        ),
        return_exceptions=True,
    )
    facts = {}
    for leg, answer in zip(LEGS, answers, strict=True):
        if isinstance(answer, LegFacts):
            facts[leg] = answer
        elif isinstance(answer, UnknownSymbolError):
            refusals.append(Refusal(RefusalKind.UNKNOWN_SYMBOL, answer.message))
        elif isinstance(answer, VenueError):
            refusals.append(Refusal(RefusalKind.VENUE_UNREACHABLE, answer.message))
        else:
            raise answer
    if refusals:
        return Preflight(refusals=tuple(refusals), facts=facts, liquidity={})
    return judge(intent, facts, rules)


def _without_asking(
    intent: PairIntent,
    clients: Mapping[str, ExchangeClient],
    rules: ExecutionRules,
    clock: Clock,
) -> list[Refusal]:
    """Return what can be told without a venue."""
    refusals = [
        Refusal(RefusalKind.UNKNOWN_VENUE, f"there is no account on {intent.instrument(leg).venue}")
        for leg in LEGS
        if intent.instrument(leg).venue not in clients
    ]
    if intent.long == intent.short:
        refusals.append(Refusal(RefusalKind.SAME_INSTRUMENT, f"both legs are {intent.long}"))
    age = (clock.now() - intent.decided_at).total_seconds()
    if age > rules.max_intent_age_seconds:
        refusals.append(Refusal(RefusalKind.STALE_INTENT, f"it was decided on {age:.0f} s ago"))
    return refusals


def judge(
    intent: PairIntent, facts: Mapping[LegName, LegFacts], rules: ExecutionRules
) -> Preflight:
    """Return what follows from what both venues said."""
    refusals = [
        refusal for leg in LEGS for refusal in _of_leg(intent.instrument(leg), facts[leg], rules)
    ]
    if refusals:
        return Preflight(refusals=tuple(refusals), facts=facts, liquidity={})
    mids = {leg: _mid(facts[leg]) for leg in LEGS}
    gap = abs(mids[LegName.LONG] / mids[LegName.SHORT] - 1) * BPS
    if gap > MAX_MID_GAP_BPS:
        prices = " and ".join(f"{intent.instrument(leg)} at {mids[leg]:f}" for leg in LEGS)
        refusals.append(Refusal(RefusalKind.PRICES_APART, f"{prices} cannot be one asset"))
    limits = {leg: _limits(facts[leg]) for leg in LEGS}
    instruments = {leg: intent.instrument(leg) for leg in LEGS}
    size, impossible = size_pair(intent.size_usd, mids, limits, instruments)
    refusals += impossible
    liquidity = {
        leg: look(
            facts[leg].book,
            leg.side,
            size.of_leg[leg],
            rules.price_bound_bps,
            rules.max_slippage_bps,
            inverse=limits[leg].inverse,
        )
        for leg in LEGS
    }
    if not refusals:
        for leg in LEGS:
            wanted = size.of_leg[leg]
            refusals += _of_size(instruments[leg], facts[leg], liquidity[leg], wanted, rules)
    return Preflight(refusals=tuple(refusals), facts=facts, size=size, liquidity=liquidity)


def _of_leg(instrument: InstrumentRef, facts: LegFacts, rules: ExecutionRules) -> list[Refusal]:
    """Return what forbids any order on a leg."""
    refusals = []

    def refuse(kind: RefusalKind, message: str) -> None:
        refusals.append(Refusal(kind, f"{instrument}: {message}"))

    if facts.limits is None:
        refuse(RefusalKind.UNKNOWN_SYMBOL, "the venue does not list it")
    elif facts.limits.contract_type not in payoffs.TRADED:
        refuse(
            RefusalKind.CONTRACT,
            f"it is of type {facts.limits.contract_type}: what the coin is worth that it pays in, "
            "when it pays, is not known here",
        )
    elif not facts.limits.trading:
        refuse(RefusalKind.NOT_TRADING, "it cannot be traded now")
    elif facts.fees is None:
        refuse(RefusalKind.FEES_UNKNOWN, "nobody knows what a fill costs")
    if facts.skew.total_seconds() > rules.max_clock_skew_seconds:
        refuse(RefusalKind.CLOCK_SKEW, f"clocks differ by {facts.skew.total_seconds():.1f} s")
    if facts.holding is not None and facts.holding.quantity:
        refuse(
            RefusalKind.FOREIGN_POSITION,
            f"{facts.holding.quantity:f} are held already, by no pair of ours",
        )
    if facts.book.mid is None:
        refuse(RefusalKind.BOOK_EMPTY, "nobody stands on one side of the book")
    age = (facts.seen_at - facts.book.seen_at).total_seconds()
    if age > rules.max_book_age_seconds:
        refuse(RefusalKind.BOOK_STALE, f"the book is {age:.1f} s old")
    return refusals


def _of_size(
    instrument: InstrumentRef,
    facts: LegFacts,
    liquidity: Liquidity,
    size: Decimal,
    rules: ExecutionRules,
) -> list[Refusal]:
    """Return what forbids an order of this size."""
    refusals = []
    if liquidity.within_bound < size:
        refusals.append(
            Refusal(
                RefusalKind.TOO_THIN,
                f"{instrument}: {liquidity.within_bound:f} of {size:f} stand within "
                f"{rules.price_bound_bps:f} bps",
            )
        )
    slipped = liquidity.slippage_bps
    if slipped is not None and slipped > rules.max_slippage_bps:
        refusals.append(
            Refusal(RefusalKind.SLIPPAGE, f"{instrument}: taking would cost {slipped:.1f} bps")
        )
    worth = payoffs.notional_usd(_limits(facts).inverse, size, liquidity.mid)
    needed = worth * rules.margin_share
    if facts.balance.free_usd < needed:
        refusals.append(
            Refusal(
                RefusalKind.MARGIN,
                f"{instrument}: {facts.balance.free_usd:.2f} USD are free, {needed:.2f} are needed",
            )
        )
    return refusals


def _mid(facts: LegFacts) -> Decimal:
    assert facts.book.mid is not None, "an empty book has been refused"
    return facts.book.mid


def _limits(facts: LegFacts) -> InstrumentLimits:
    assert facts.limits is not None, "a symbol that is not listed has been refused"
    return facts.limits
