"""What the store says to a cycle: what is held, as decisions see it, and which bases rest."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select

from funding_platform.core.parts import in_parts
from funding_platform.execution.cycle.held import HeldPair
from funding_platform.execution.ledger import PairLedger, ledgers
from funding_platform.execution.pair.pairs import LegName, PairState, Pnl
from funding_platform.execution.store.journal import Journal
from funding_platform.execution.store.schema import PAIRS
from funding_platform.execution.store.store import Store

DIVERGENCE: Final = "divergence_8h"
"""In a pair's facts: the predicted divergence when it was decided on."""

_TRADED = (PairState.CLOSED, PairState.ABORTED)
_AT_ONCE = 500


def held_pairs(pairs: Iterable[PairLedger]) -> list[HeldPair]:
    """Say what is held, in the order in which it was decided on."""
    return [_held(pair) for pair in pairs]


def resting_bases(store: Store, now: datetime, cooldown: timedelta) -> Mapping[str, datetime]:
    """Return until when each base rests whose last pair has just ended or come to nothing."""
    newest = func.max(PAIRS.c.updated_at).label("ended_at")
    query = (
        select(PAIRS.c.base, newest)
        .where(PAIRS.c.state.in_(_TRADED), PAIRS.c.updated_at > now - cooldown)
        .group_by(PAIRS.c.base)
    )
    return {row.base: row.ended_at + cooldown for row in store.rows(query)}


@dataclass(slots=True)
class Ended:
    """What the pairs that are over have brought, without adding all of them up again and again.

    A pair that ended within the hour is looked at anew: its last fill may be learned of late.
    """

    journal: Journal
    pnl: dict[str, Pnl] = field(default_factory=dict)
    total: Pnl = field(default_factory=Pnl)
    looked_at: datetime | None = None

    def look(self, now: datetime) -> Pnl:
        """Return the sum of all that are over by now."""
        query = select(PAIRS.c.pair_id).where(PAIRS.c.state.in_(_TRADED))
        if self.looked_at is not None:
            query = query.where(PAIRS.c.updated_at > self.looked_at - timedelta(hours=1))
        names = [row.pair_id for row in self.journal.store.rows(query)]
        for some in in_parts(names, _AT_ONCE):
            for pair in ledgers(self.journal, self.journal.pairs_named(some)):
                if pair.pnl is not None:
                    before = self.pnl.get(pair.record.pair_id, Pnl())
                    self.total = self.total + pair.pnl - before
                    self.pnl[pair.record.pair_id] = pair.pnl
        self.looked_at = now
        return self.total


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
