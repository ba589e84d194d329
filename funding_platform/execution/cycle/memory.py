"""What the store says to a cycle: what is held, as decisions see it, and which bases rest."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select

from funding_platform.execution.cycle.held import HeldPair
from funding_platform.execution.ledger import PairLedger
from funding_platform.execution.pairs import LegName, PairState
from funding_platform.execution.store.schema import PAIRS
from funding_platform.execution.store.store import Store

DIVERGENCE: Final = "divergence_8h"
"""In a pair's facts: the predicted divergence when it was decided on."""

_ENDED = (PairState.CLOSED, PairState.ABORTED, PairState.REFUSED)


def held_pairs(pairs: Iterable[PairLedger]) -> list[HeldPair]:
    """Say what is held, in the order in which it was decided on."""
    return [_held(pair) for pair in pairs]


def resting_bases(store: Store, now: datetime, cooldown: timedelta) -> Mapping[str, datetime]:
    """Return until when each base rests whose last pair has just ended or come to nothing."""
    newest = func.max(PAIRS.c.updated_at).label("ended_at")
    query = (
        select(PAIRS.c.base, newest)
        .where(PAIRS.c.state.in_(_ENDED), PAIRS.c.updated_at > now - cooldown)
        .group_by(PAIRS.c.base)
    )
    return {row.base: row.ended_at + cooldown for row in store.rows(query)}


def _held(pair: PairLedger) -> HeldPair:
    record, pnl = pair.record, pair.pnl
    divergence = record.facts.get(DIVERGENCE)
    return HeldPair(
        pair_id=record.pair_id,
        base=record.base,
        long=pair.legs[LegName.LONG].instrument,
        short=pair.legs[LegName.SHORT].instrument,
        notional_usd=float(pair.notional_usd),
        ordered_at=record.decided_at,
        memo=float(record.memo),
        divergence_8h=None if divergence is None else float(divergence),
        pnl_usd=None if pnl is None else float(pnl.total_usd),
        closing=record.state is not PairState.OPEN,
    )
