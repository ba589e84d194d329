"""Where the market comes from, where it goes, and how often it is asked for."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeAlias

import polars as pl

from funding_platform.venues.contract import Venue
from funding_platform.venues.parsing.records import Listing
from funding_platform.venues.streams.contract import VenueStream
from funding_platform.venues.streams.updates import MarketUpdate

MakeStream: TypeAlias = Callable[[Iterable[Listing]], VenueStream]
"""Makes a venue's stream of what it lists: a subclass of ``VenueStream``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One venue.

    Parameters
    ----------
    name
        Its name.
    open
        Opens its REST side.
    stream
        Makes its stream; None where it has none and is polled.
    stream_url
        Base URL of the stream; None for the venue's own.
    """

    name: str
    open: Callable[[], AbstractAsyncContextManager[Venue]]
    stream: MakeStream | None = None
    stream_url: str | None = None


class Sink(Protocol):
    """What takes the market in: the board. It must not wait."""

    def list_instruments(self, instruments: pl.DataFrame) -> None:
        """Take over what is known of instruments: rows of ``core.instruments``."""
        ...

    def apply(self, venue: str, received_at: datetime, updates: Sequence[MarketUpdate]) -> None:
        """Take what one message says."""
        ...

    def mark_gap(
        self,
        venue: str,
        symbols: Sequence[str] | None,
        reason: str,
        at: datetime,
        until: str | None = None,
    ) -> None:
        """Note that perpetuals are not heard of any more, until they are again.

        ``until`` is the value that has to be said again, where not any will do.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Pacing:
    """How often REST is asked, in seconds.

    Parameters
    ----------
    listings
        Between two looks at what a venue lists.
    strangers
        The least between two of them, where a stream names what is not listed.
    outage
        Between two snapshots while a connection is down, or where there is no stream.
    lacking
        Between two snapshots while all connections are up, for what none of them brings: a value
        that no channel has, a perpetual that was declined or has fallen silent.
    at_once
        The least between two snapshots, where something has just happened.
    after_failure
        Until another try.
    budget_share
        How much of a venue's budget all this may take: collections want some of it, too.
    """

    listings: float = 3_600.0
    strangers: float = 60.0
    outage: float = 10.0
    lacking: float = 60.0
    at_once: float = 1.0
    after_failure: float = 5.0
    budget_share: float = 0.25
