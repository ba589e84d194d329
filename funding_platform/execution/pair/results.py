"""What a step came to, from the book of the pair."""

from datetime import datetime
from decimal import Decimal

from funding_platform.core.trading import ZERO, payoffs
from funding_platform.execution.pair.book import PairBook
from funding_platform.execution.pair.liquidity import slippage_bps
from funding_platform.execution.pair.pairs import (
    LEGS,
    LegName,
    LegResult,
    PairIntent,
    PairResult,
    PairState,
    Pnl,
    Timings,
)


def refusal(intent: PairIntent, reasons: list[str], now: datetime) -> PairResult:
    """Return the result of an opening of which nothing was placed."""
    return PairResult(
        pair_id=intent.pair_id,
        state=PairState.REFUSED,
        reasons=tuple(reasons),
        legs={},
        pnl=Pnl(),
        timings=Timings(to_sent=None, to_done=(now - intent.decided_at).total_seconds(), naked=0.0),
    )


def result(
    book: PairBook,
    now: datetime,
    *,
    began: datetime,
    to_sent: float | None = None,
    since: frozenset[str] = frozenset(),
) -> PairResult:
    """Return what a pair has come to.

    Parameters
    ----------
    began
        When the step was decided on.
    since
        Orders that are of earlier steps.
    """
    return PairResult(
        pair_id=book.pair.pair_id,
        state=book.state,
        reasons=tuple(book.reasons),
        legs={leg: _leg(book, leg, since) for leg in LEGS},
        pnl=book.pnl(),
        timings=Timings(
            to_sent=to_sent,
            to_done=(now - began).total_seconds(),
            naked=float(book.naked_seconds(now)),
        ),
    )


def _leg(book: PairBook, leg: LegName, since: frozenset[str]) -> LegResult:
    fills = sorted(
        (
            one
            for one in book.fills.values()
            if one.leg is leg and one.client_id is not None and one.client_id not in since
        ),
        key=lambda one: (one.filled_at, one.fill_id),
    )
    # A close sells what an opening bought: the side that traded more is what the step was about.
    net = sum((one.signed for one in fills), ZERO)
    side = leg.side if net * leg.side.sign >= 0 and not since else leg.side.opposite
    ours = [one for one in fills if one.side is side]
    traded = sum((one.quantity for one in ours), ZERO)
    price: Decimal | None = None
    at = book.legs[leg]
    if traded:
        settled = (payoffs.settled(at.inverse, one.quantity, one.price) for one in ours)
        price = payoffs.average_price(at.inverse, traded, sum(settled, ZERO))
    mid = book.reference.get(leg, at.mid_price) if since else at.mid_price
    return LegResult(
        instrument=at.instrument,
        planned=_planned(book, leg),
        filled=abs(net),
        held=book.held(leg),
        average_price=price,
        slippage_bps=None if price is None else slippage_bps(side, price, mid),
        fees_usd=sum((one.fee_usd for one in fills), ZERO),
        fills=tuple(one.fill() for one in fills),
    )


def _planned(book: PairBook, leg: LegName) -> Decimal:
    """Return the size that the first order of a leg was for."""
    first = next((one.quantity for one in book.orders.values() if one.leg is leg), None)
    return book.pair.quantity * book.legs[leg].per_base if first is None else first
