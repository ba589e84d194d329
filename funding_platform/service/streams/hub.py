"""What changes, for everybody who follows: looked at once, kept for a while, encoded once.

The hub looks once a second, at channels that somebody follows. It keeps the last steps of each. A
client has no queue: it knows the sequence that it was told last. Who keeps up gets the next step,
whose bytes all clients with the same filters share; who is behind gets the steps in between as one,
of each row the latest; who is behind what is kept gets a snapshot.
"""

import asyncio
import logging
import secrets
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from funding_platform.arbitrage.filters import OpportunityFilter
from funding_platform.core.errors import FundingError
from funding_platform.flows.live.latest import VENUES
from funding_platform.service.market import current_opportunities, current_rates, current_strips
from funding_platform.service.reader import Readers, Sources
from funding_platform.service.streams.events import Events
from funding_platform.service.streams.messages import Changes, Channel, Filters, Snapshot, encode
from funding_platform.service.streams.states import (
    EMPTY,
    State,
    Step,
    joined,
    passes,
    state_of,
    step_between,
    wanted_of,
)
from funding_platform.service.versions import Versions
from funding_platform.telemetry import declared
from funding_platform.telemetry.metrics import Family

_LOG = logging.getLogger(__name__)

LOOKED_AT_EVERY_SECONDS: Final = 1.0

KEPT_ROWS: Final = 20_000
"""Of the steps of a channel, the last ones that have so many rows together."""

LINGERING_SECONDS: Final = 60.0
"""How long a channel is kept after the last who followed it: time to connect again."""

PAIRS_SHOWN: Final = 500
_EVERYTHING: Final = Filters()


class Hub:
    """Follows lake and board, for those who follow it.

    Parameters
    ----------
    readers
        Ask both.
    versions
        Tell whether there is anything new.
    """

    def __init__(self, readers: Readers, versions: Versions) -> None:
        self._readers = readers
        self._versions = versions
        self._events = Events()
        self._states: dict[Channel, State] = {}
        self._steps: dict[Channel, deque[Step]] = {}
        self._whole_since: dict[Channel, int] = {}
        self._left_at: dict[Channel, float] = {}
        self._encoded: dict[tuple[Channel, Filters, int | None], bytes | None] = {}
        self._seen: object = None
        self._wakes: set[asyncio.Event] = set()
        self._look = asyncio.Lock()
        self._followers: Counter[Channel] = Counter()
        self.epoch = secrets.token_hex(4)
        self.sequence = 0
        self.ends = False
        self.clients = 0
        self.let_go = 0

    async def follow(self, channels: Iterable[Channel]) -> None:
        """Count somebody who follows channels, and see that these have a state."""
        named = [*channels]
        self._followers.update(named)
        missing = [channel for channel in named if channel not in self._states]
        if missing:
            await self._refresh(missing)

    def leave(self, channels: Iterable[Channel]) -> None:
        """Count them no more."""
        for channel in channels:
            self._followers[channel] -= 1
            self._left_at[channel] = time.monotonic()

    def end(self) -> None:
        """Have every stream told that the service ends."""
        self.ends = True
        self._wake_all()

    async def keep(self) -> None:
        """Look again and again, while somebody follows."""
        while True:
            await asyncio.sleep(LOOKED_AT_EVERY_SECONDS)
            versions = (self._versions.lake, self._versions.board)
            followed = self._followed()
            if followed and versions != self._seen:
                await self._refresh(followed)
                self._seen = versions

    def _followed(self) -> list[Channel]:
        """Return the channels that somebody follows or followed lately; forget the others."""
        long_ago = time.monotonic() - LINGERING_SECONDS
        for channel in [*self._states]:
            if self._followers[channel] <= 0 and self._left_at.get(channel, 0.0) < long_ago:
                for kept in (self._states, self._steps, self._whole_since):
                    kept.pop(channel, None)
        return [*self._states]

    async def _refresh(self, channels: Sequence[Channel]) -> None:
        """Look at channels, and wake those who follow if something has changed."""
        async with self._look:
            sequence, found = self.sequence + 1, {}
            for channel in channels:
                seen = await self._seen_since(channel, self._states.get(channel), sequence)
                if seen is not None:
                    found[channel] = seen
            # All of it at once: whoever looks in between sees a sequence and its states.
            moved = [self._moves(channel, *seen) for channel, seen in found.items()]
            if any(moved):
                self.sequence = sequence
                self._encoded.clear()
                self._wake_all()

    def _moves(self, channel: Channel, state: State, step: Step) -> bool:
        """Have a channel show a state; tell whether that is news."""
        is_new = channel not in self._states
        self._states[channel] = state
        if is_new:  # nothing is known of what it showed before this, to whomever
            self._steps[channel] = deque()
            self._whole_since[channel] = step.sequence
        elif step:
            self._remember(channel, step)
        return is_new or len(step) > 0

    async def _seen_since(
        self, channel: Channel, before: State | None, sequence: int
    ) -> tuple[State, Step] | None:
        """Ask what a channel shows, and what has changed; None while that cannot be told."""
        asked = self._happened if channel == "events" else _ASKED[channel]

        def work(sources: Sources) -> tuple[State, Step]:
            after = asked(sources)
            return after, step_between(before or EMPTY, after, sequence)

        try:
            return await self._readers.ask(work)
        except FundingError as error:
            _LOG.info("nothing new of %s for now: %s", channel, error.message)
            return None if before is not None else (EMPTY, step_between(EMPTY, EMPTY, sequence))

    def _remember(self, channel: Channel, step: Step) -> None:
        steps = self._steps[channel]
        steps.append(step)
        held = sum(map(len, steps))
        while held > KEPT_ROWS and len(steps) > 1:
            dropped = steps.popleft()
            held -= len(dropped)
            self._whole_since[channel] = dropped.sequence

    def wake(self, event: asyncio.Event) -> None:
        """Set an event whenever there is something new, and when the service ends."""
        self._wakes.add(event)

    def let_sleep(self, event: asyncio.Event) -> None:
        """Set it no more."""
        self._wakes.discard(event)

    def _wake_all(self) -> None:
        for event in self._wakes:
            event.set()

    def _happened(self, sources: Sources) -> State:
        latest = sources.live(VENUES)
        frame = None if latest is None else latest.frames[VENUES]
        self._events.note(self._versions.lake, frame, sources.now)
        return State(self._events.rows(), sources.now, "lake" if latest is None else "live")

    def snapshot(self, channel: Channel, filters: Filters) -> bytes:
        """Write all that a channel shows, as far as it is wanted."""
        asked = (channel, filters, None)
        kept = self._encoded.get(asked)
        if kept is not None:
            return kept
        state = self._states.get(channel, EMPTY)
        rows = [row for row in state.rows.values() if passes(filters, row)]
        told = encode(Snapshot(channel, self.sequence, state.as_of, state.source, rows))
        if filters == _EVERYTHING:  # of which there is one a channel, whoever asks
            self._encoded[asked] = told
        return told

    def keeps(self, channel: Channel, sequence: int) -> bool:
        """Tell whether everything after a sequence is kept."""
        since = self._whole_since.get(channel)
        return since is not None and since <= sequence <= self.sequence

    def changes(self, channel: Channel, filters: Filters, since: int) -> bytes | None:
        """Write what has changed after a sequence, as one step; None where nothing wanted has."""
        asked = (channel, filters, since)
        if asked not in self._encoded:
            self._encoded[asked] = self._written(channel, filters, since)
        return self._encoded[asked]

    def _written(self, channel: Channel, filters: Filters, since: int) -> bytes | None:
        steps = [step for step in self._steps.get(channel, ()) if step.sequence > since]
        rows, gone = wanted_of(joined(steps), filters) if steps else ([], [])
        if not rows and not gone:
            return None
        state = self._states[channel]
        removed = [[str(part) for part in key] for key in gone]
        return encode(Changes(channel, self.sequence, state.as_of, state.source, rows, removed))

    def families(self) -> list[Family]:
        """Return how many follow, and how many were let go."""
        return [
            declared.SERVICE_STREAM_CLIENTS.single(float(self.clients)),
            declared.SERVICE_STREAMS_LET_GO.single(float(self.let_go)),
        ]


def _rates(sources: Sources) -> State:
    seen = current_rates(sources)
    return state_of("funding_rates", seen.frame, seen.as_of, seen.source)


def _pairs(sources: Sources) -> State:
    seen = current_opportunities(sources, OpportunityFilter(limit=PAIRS_SHOWN))
    return state_of("opportunities", seen.frame, seen.as_of, seen.source)


def _curves(sources: Sources) -> State:
    seen = current_strips(sources)
    return state_of("curves", seen.frame, seen.as_of, seen.source)


_ASKED: Final[Mapping[Channel, Callable[[Sources], State]]] = {
    "funding_rates": _rates,
    "opportunities": _pairs,
    "curves": _curves,
}
