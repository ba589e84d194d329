"""What both venues really hold of a pair: fills and positions read until the two agree.

A venue may show a fill before the position, or the position before the fill, and either may lag:
they are read again until they agree, for as long as the grace. After that the position is right,
and the difference is put down as a synthetic fill, but for what late fills have left older pairs of
the instrument with: that is taken over from them. A position that has become smaller was reduced
by the venue (a liquidation, auto-deleveraging); one that is larger, or the wrong way round, nobody
can explain: it is given back like any other excess, and new risk is halted.
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from funding_platform.core.system.clock import Clock
from funding_platform.core.trading import ZERO, Fill, Holding
from funding_platform.execution.pair.book import PairBook
from funding_platform.execution.pair.pairs import LEGS, LegName
from funding_platform.execution.pair.rules import ExecutionRules
from funding_platform.execution.pair.truth.handover import Handover
from funding_platform.execution.store.journal import Journal
from funding_platform.execution.store.records import NewEvent
from funding_platform.venues.errors import VenueError
from funding_platform.venues.orders.contract import ExchangeClient


class Truth:
    """Reads what is held, and brings a pair's book up to it."""

    def __init__(
        self,
        clients: Mapping[str, ExchangeClient],
        journal: Journal,
        rules: ExecutionRules,
        clock: Clock,
    ) -> None:
        self._clients = clients
        self._journal = journal
        self._handover = Handover(journal)
        self._rules = rules
        self._clock = clock

    async def bring_up(self, book: PairBook, since: datetime) -> bool:
        """Read both legs until fills and positions agree; tell whether both venues answered.

        Parameters
        ----------
        since
            Fills before it have been read.
        """
        began = heard = self._clock.timer()
        while True:
            try:
                positions = await self._read(book, since)
            except VenueError as error:
                if self._clock.timer() - heard >= self._rules.silence_seconds:
                    book.blame(f"{error.venue} does not say what is held: {error.message}")
                    return False
                await self._clock.sleep(max(self._rules.poll_seconds, error.retry_after or 0.0))
                continue
            heard = self._clock.timer()
            differing = {leg: at for leg, at in positions.items() if at != book.signed(leg)}
            if not differing:
                return True
            if self._clock.timer() - began >= self._rules.grace_seconds:
                for leg, position in differing.items():
                    self._handover.take_left(book, leg)
                    if position != book.signed(leg):
                        self._believe(book, leg, position)
                return True
            await self._clock.sleep(self._rules.poll_seconds)

    async def _read(self, book: PairBook, since: datetime) -> dict[LegName, Decimal]:
        """Take the fills of both legs, and return their positions.

        What another pair has by now is that one's to look after.
        """
        answers = await asyncio.gather(*(self._read_leg(book, leg, since) for leg in LEGS))
        positions = {}
        for leg, (fills, holding) in zip(LEGS, answers, strict=True):
            for fill in fills:
                book.add_fill(book.legs[leg].venue, fill)
            if self._handover.is_handed_on(book, leg):
                book.handed_on.add(leg)
                positions[leg] = book.signed(leg)
                continue
            book.mark(leg, holding)
            self._handover.take_unread(book, leg, fills)
            positions[leg] = ZERO if holding is None else holding.quantity
        return positions

    async def _read_leg(
        self, book: PairBook, leg: LegName, since: datetime
    ) -> tuple[list[Fill], Holding | None]:
        """Ask for positions first: a fill in between is then seen among the fills."""
        at = book.legs[leg]
        client = self._clients[at.venue]
        holding = (await client.holdings()).get(at.venue_symbol)
        return list(await client.fills(since)), holding

    def _believe(self, book: PairBook, leg: LegName, position: Decimal) -> None:
        """Let the venue be right about a position that its fills do not explain."""
        at, expected = book.legs[leg], book.signed(leg)
        said = f"{at.instrument}: {position:f} are held, fills come to {expected:f}"
        shrank = abs(position) < abs(expected) and position * expected >= 0
        book.adjust(leg, position, at.mark_price, self._clock.now())
        book.note("leg_shrank" if shrank else "mismatch", said)
        if not shrank:
            book.blame(f"a position that cannot be explained: {said}")
            self._journal.halt(
                "a position that cannot be explained",
                NewEvent(kind="halted", reason=said, actor="executor", pair_id=book.pair.pair_id),
            )
