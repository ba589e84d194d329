"""What a pair that is over is left with, where another has its instrument by then.

An account holds one position per symbol, so that a fill that comes late changes what the pair
holds that has the instrument now:

    position = sum of the last pair's fills + sum of the fills of those before

The fill stays with the pair whose order it was, with its price and fee. What it did to the
position is handed on to the last pair by two synthetic fills, at the last known price and without
a fee: one takes it from the old pair, one gives it to the last. Together they are worth nothing.
Dollars of an inverse contract are handed on at the price at which they were opened: they are that
much base, and at another price they would be more in the one pair than in the other.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from funding_platform.core.trading import ZERO, Fill
from funding_platform.execution.errors import UnknownPairError
from funding_platform.execution.pair.book import SYNTHETIC, PairBook, is_ours, load, pair_of
from funding_platform.execution.pair.exposure import traded
from funding_platform.execution.pair.pairs import LEGS, InstrumentRef, LegName
from funding_platform.execution.store.journal import Journal

TAKEN_OVER: Final = "taken_over"
HANDED_ON: Final = "handed_on"


class Handover:
    """Hands what older pairs are left with on to the last pair of an instrument."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def is_handed_on(self, book: PairBook, leg: LegName) -> bool:
        """Tell whether another pair has the instrument of a leg by now."""
        if not book.state.final:
            return False
        last = self._journal.last_pair(book.legs[leg].instrument)
        return last is not None and last.pair_id != book.pair.pair_id

    def take_unread(self, book: PairBook, leg: LegName, fills: Sequence[Fill]) -> None:
        """Put fills down with the older pairs whose orders they are, and take over what they did.

        Parameters
        ----------
        book
            Of the pair that has the instrument.
        fills
            All that its venue told of; those that are known, or of other instruments, are left.
        """
        at = book.legs[leg]
        others = [
            (pair_of(one.client_id), one)
            for one in fills
            if one.venue_symbol == at.venue_symbol
            and one.client_id is not None
            and is_ours(one.client_id)
            and pair_of(one.client_id) != book.pair.pair_id
        ]
        if not others:
            return
        known = self._journal.fill_ids(at.venue, min(one.filled_at for _, one in others))
        unread = [(x, one) for x, one in others if (at.venue_symbol, one.fill_id) not in known]
        for pair_id in sorted({x for x, _ in unread}):
            try:
                old = load(self._journal, pair_id)
            except UnknownPairError:
                continue  # nobody's that we know of: reconciliation halts for it
            new = [one for x, one in unread if x == pair_id and old.add_fill(at.venue, one)]
            for one in new:
                old.note("fill_adopted", f"{at.venue} {one.fill_id}")
            if new:
                self._hand_on(old, book, leg)

    def take_left(self, book: PairBook, leg: LegName) -> None:
        """Take over what the fills that are known have left older pairs with."""
        instrument = book.legs[leg].instrument
        for pair_id in self._journal.left_with(instrument, but=book.pair.pair_id):
            self._hand_on(load(self._journal, pair_id), book, leg)

    def _hand_on(self, old: PairBook, book: PairBook, leg: LegName) -> None:
        """Write both sides of it, in one transaction."""
        at = book.legs[leg]
        its = _leg_at(old, at.instrument)
        quantity = old.signed(its)
        if quantity:
            own = [one for one in old.fills.values() if one.leg is its]
            when = max(one.filled_at for one in own if not one.fill_id.endswith(HANDED_ON))
            number = sum(one.fill_id.endswith(HANDED_ON) for one in own)
            name = f"{SYNTHETIC}{old.pair.pair_id}{its[0]}{number:03d}"
            said = f"{at.instrument}: {quantity:f} of pair {old.pair.pair_id}, which is over"
            price = _opened_at(old, its) if at.inverse else at.mark_price
            old.give(its, f"{name}-{HANDED_ON}", quantity, price, when)
            old.note(HANDED_ON, f"{at.instrument}: {quantity:f} to pair {book.pair.pair_id}")
            book.take(leg, f"{name}-{TAKEN_OVER}", quantity, price, when)
            book.note(TAKEN_OVER, said)
        self._journal.write("hand on", old.take_changes(), book.take_changes())


def _leg_at(book: PairBook, instrument: InstrumentRef) -> LegName:
    """Return the leg of a pair that traded an instrument."""
    return next(leg for leg in LEGS if book.legs[leg].instrument == instrument)


def _opened_at(book: PairBook, leg: LegName) -> Decimal:
    """Return the average price of what an inverse leg is left with."""
    trades = traded(True, (one for one in book.fills.values() if one.leg is leg))
    return book.signed(leg) / sum((one.base for one in trades), ZERO)
