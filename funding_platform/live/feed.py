"""One venue's part of the board: its streams, and REST for whatever they do not bring.

Three things go on side by side. The venue's listings are asked for every hour, and when a stream
names a perpetual that is not among them; every connection that the stream plans for them is kept
up; and a snapshot by REST fills in what is not streamed: at once where something has begun, ended
or fallen silent, and again and again for as long as that lasts.
"""

import asyncio
import logging
from collections.abc import Sequence
from operator import attrgetter
from typing import Final

from funding_platform.core.plain_text import first_few
from funding_platform.core.system.clock import Clock
from funding_platform.core.tables.collected import INSTRUMENTS
from funding_platform.live.bell import Bell
from funding_platform.live.links import Linking, Links
from funding_platform.live.refill import filling_updates
from funding_platform.live.sources import Pacing, Sink, Source
from funding_platform.live.statistics import FeedHealth, FeedStatistics
from funding_platform.venues.contract import Venue
from funding_platform.venues.errors import VenueError
from funding_platform.venues.streams.events import (
    Connected,
    Event,
    Failed,
    Gap,
    GivenUp,
    Refused,
    Stale,
    Updates,
)
from funding_platform.venues.streams.transport import OpenTransport, open_websocket
from funding_platform.venues.unexpected import typed_failures

_LOG = logging.getLogger(__name__)

_MOST_STRANGERS: Final = 10_000
"""Names that are remembered as not listed; a stream that invents more is not asked after."""

_LONGEST_RETRY_SECONDS: Final = 60.0

_symbol = attrgetter("venue_symbol")


class Feed:
    """Feeds the board with one venue.

    Parameters
    ----------
    source
        The venue.
    sink
        The board.
    statistics
        Counted on.
    pacing
        How often REST is asked.
    scale
        Multiplies the venue's budgets.
    clock
        The time that it lives in.
    open_transport
        Opens a socket.
    """

    def __init__(
        self,
        source: Source,
        sink: Sink,
        statistics: FeedStatistics,
        *,
        pacing: Pacing,
        scale: float,
        clock: Clock,
        open_transport: OpenTransport = open_websocket,
    ) -> None:
        self._source = source
        self._sink = sink
        self._statistics = statistics
        self._pacing = pacing
        self._clock = clock
        self._linking = Linking(
            self._take, source.stream_url, open_transport, scale=scale, clock=clock
        )
        self._links: Links | None = None
        self._listed: frozenset[str] = frozenset()
        self._strangers: set[str] = set()
        self._lacking = True
        self._listing_wanted = Bell(clock)
        self._refill_wanted = Bell(clock)

    async def run(self) -> None:
        """Feed until cancelled.

        Raises
        ------
        FundingError
            If the venue cannot be opened at all.
        """
        async with self._source.open() as venue, asyncio.TaskGroup() as tasks:
            if self._source.stream is not None:
                self._links = Links(tasks, self._linking)
            tasks.create_task(self._keep_listed(venue))
            await self._keep_filled(venue)

    def health(self) -> FeedHealth:
        """Tell how it stands."""
        now, links = self._clock.timer(), self._links
        connections = [] if links is None else links.connections
        ages = [connection.age for connection in connections]
        known = [age for age in ages if age is not None]
        return FeedHealth(
            connections=len(connections),
            live=len(known),
            age_seconds=max(known) if known and len(known) == len(ages) else None,
            silent=0 if links is None else links.silent(),
            messages_per_second=self._statistics.message_rate.per_second(now),
            updates_per_second=self._statistics.update_rate.per_second(now),
            counts=self._statistics,
        )

    async def _keep_listed(self, venue: Venue) -> None:
        """Ask what is listed, again and again, and follow it."""
        failures = 0
        while INSTRUMENTS in venue.spec.offers:  # an aggregator lists nothing of its own
            asked_at = self._clock.timer()
            try:
                await self._list(venue)
            except VenueError as error:
                failures += 1
                self._note_failure("listings", error)
                await self._clock.sleep(self._retry_after(error, failures))
                continue
            failures = 0
            await self._listing_wanted.wait(self._pacing.listings)
            early = asked_at + self._pacing.strangers - self._clock.timer()
            if early > 0:
                await self._clock.sleep(early)

    async def _list(self, venue: Venue) -> None:
        with typed_failures(self._source.name, "listings"):
            instruments = await venue.instruments()
            listings = await venue.listings()
        venue.warnings.clear()
        self._sink.list_instruments(instruments)
        self._listed = frozenset(listing.venue_symbol for listing in listings)
        self._strangers -= self._listed
        if self._links is not None and self._source.stream is not None:
            self._links.follow(self._source.stream(listings))

    async def _keep_filled(self, venue: Venue) -> None:
        """Fill in what is not streamed, again and again."""
        failures = 0
        while True:
            asked_before, began = venue.stats.requests, self._clock.timer()
            try:
                await self._refill(venue)
            except VenueError as error:
                failures += 1
                self._statistics.failed_refills += 1
                self._note_failure("market snapshot", error)
                await self._clock.sleep(self._retry_after(error, failures))
                continue
            failures = 0
            cost = self._seconds_worth(venue, venue.stats.requests - asked_before)
            await self._refill_wanted.wait(self._refill_after(cost))
            # What happens again and again is not asked after each time.
            early = began + max(self._pacing.at_once, cost / 4) - self._clock.timer()
            if early > 0:
                await self._clock.sleep(early)

    async def _refill(self, venue: Venue) -> None:
        with typed_failures(self._source.name, "market snapshot"):
            snapshot = await venue.market_snapshot()
        venue.warnings.clear()
        carried = {} if self._links is None else self._links.carried()
        updates = filling_updates(snapshot, carried, venue.stats.clock_ahead)
        self._lacking = bool(updates)
        self._statistics.refills += 1
        if self._listed:
            self._ask_after({update.venue_symbol for update in updates} - self._listed)
        if updates:
            self._sink.apply(self._source.name, self._clock.now(), updates)

    def _refill_after(self, cost: float) -> float | None:
        """Return the seconds until the next snapshot; None where only an event asks for one."""
        links = self._links
        if links is None or not links.live:
            return max(self._pacing.outage, cost)
        return max(self._pacing.lacking, cost) if self._lacking else None

    def _seconds_worth(self, venue: Venue, requests: int) -> float:
        """Return how long it takes to earn so many requests, of our share of the budget."""
        budget = venue.spec.budget
        per_second = budget.weight_per_window / budget.window_seconds * self._linking.scale
        return requests / (per_second * self._pacing.budget_share)

    def _retry_after(self, error: VenueError, failures: int) -> float:
        doubled = self._pacing.after_failure * 2.0 ** min(failures - 1, 16)
        return max(min(doubled, _LONGEST_RETRY_SECONDS), error.retry_after or 0.0)

    def _take(self, event: Event) -> None:
        """Take what a connection tells."""
        match event:
            case Updates():
                self._take_updates(event)
            case Connected():
                self._statistics.connects += 1
                self._refill_wanted.ring()
            case Gap():
                self._statistics.gaps += 1
                for channel in event.socket.channels:
                    self._note_gap(event.socket.symbols, channel, event.reason.message)
                self._note_failure("stream", event.reason)
            case Stale():
                self._statistics.stale += len(event.symbols)
                silent = sorted(event.symbols)
                self._note_gap(silent, event.channel, f"nothing on {event.channel}")
                _LOG.info("%s: silent: %s", self._source.name, first_few(silent, 5))
            case Refused():
                self._statistics.refusals += 1
                self._note_failure("subscription", event.reason)
                self._refill_wanted.ring()
                self._listing_wanted.ring()  # what is declined may be listed no more
            case Failed():
                self._statistics.failed_connects += 1
                self._note_failure("stream", event.reason)
            case GivenUp():
                self._statistics.given_up += 1
                self._note_failure("stream", event.reason)
                self._listing_wanted.ring()  # one unknown name may close a socket for all

    def _take_updates(self, event: Updates) -> None:
        listed = self._listed
        known = event.updates
        if not listed.issuperset(map(_symbol, known)):
            strangers = {u.venue_symbol for u in known if u.venue_symbol not in listed}
            known = [update for update in known if update.venue_symbol in listed]
            self._statistics.strangers += len(strangers)
            self._ask_after(strangers)
        self._statistics.note_message(len(known), len(event.unread), self._clock.timer())
        for error in event.unread:
            self._statistics.last_failure = error.message
        if known:
            self._sink.apply(self._source.name, event.received_at, known)

    def _ask_after(self, strangers: set[str]) -> None:
        """Have the listings asked for, for names that are new to us, too."""
        if strangers - self._strangers and len(self._strangers) < _MOST_STRANGERS:
            self._strangers |= strangers
            self._listing_wanted.ring()

    def _note_gap(self, symbols: Sequence[str], channel: str, reason: str) -> None:
        """Mark a gap that lasts until a channel's first value is said again, by whomever.

        What other channels go on saying does not end it.
        """
        values = () if self._links is None else self._links.values(channel)
        until = values[0] if values else None
        self._sink.mark_gap(self._source.name, symbols, reason, self._clock.now(), until)
        self._refill_wanted.ring()

    def _note_failure(self, what: str, error: VenueError) -> None:
        self._statistics.last_failure = error.message
        _LOG.warning("%s: %s: %s", self._source.name, what, error)
