"""The contract of a venue's stream: what it declares, and how a frame becomes updates.

A venue declares in ``adapters/<venue>/stream.py``: its ``StreamSpec``, the sockets it takes for a
list of perpetuals, and what a frame says. Reconnecting, heartbeats, budgets and staleness are the
same for all and live in ``connection``. Nothing here knows of the board or the lake.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar, TypeAlias

from funding_platform.core.system.clock import utc_now
from funding_platform.venues.errors import VenueError
from funding_platform.venues.parsing.records import Listing
from funding_platform.venues.rest.limits import Budget
from funding_platform.venues.streams.updates import MarketUpdate


@dataclass(frozen=True, kw_only=True)
class Channel:
    """One kind of data that a stream carries.

    Parameters
    ----------
    name
        What the venue calls it.
    values
        The fields of ``MarketUpdate`` that it fills.
    period
        How often it speaks of a perpetual, by the venue's documents or measured.
    silence
        The age of the newest data from which on it counts as stale, five to ten periods.
    of_each
        Whether every perpetual has to speak within ``silence``; where only changes are sent, any
        one of the channel is enough.
    """

    name: str
    values: tuple[str, ...]
    period: timedelta
    silence: timedelta
    of_each: bool = False


@dataclass(frozen=True, kw_only=True)
class Heartbeat:
    """What we have to send to be kept, besides the protocol's own pings, which are answered.

    Parameters
    ----------
    message
        The text.
    every
        How often.
    """

    message: str
    every: timedelta


@dataclass(frozen=True, kw_only=True)
class StreamSpec:
    """Every fact about a venue's stream that is not a payload, declared once.

    Parameters
    ----------
    base_url
        What the paths of sockets are appended to: ``wss://…``.
    channels
        What it carries, by what is asked of it.
    messages
        How many messages we may send on one socket.
    subscriptions
        The most subscriptions on one socket.
    batch
        The most subscriptions in one message.
    heartbeat
        What keeps the socket open; None where the protocol's pings do.
    lifetime
        After how long the venue cuts every socket; None where it does not.
    headers
        What has to be sent with the handshake.
    """

    base_url: str
    channels: tuple[Channel, ...]
    messages: Budget
    subscriptions: int
    batch: int
    heartbeat: Heartbeat | None = None
    lifetime: timedelta | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Socket:
    """One connection to be made.

    Parameters
    ----------
    path
        Appended to the base URL.
    messages
        What to send once it is open, in order, each within the venue's batch.
    channels
        Names of the channels that it carries.
    symbols
        The perpetuals that are expected to speak on it.
    """

    path: str
    messages: tuple[str, ...]
    channels: tuple[str, ...]
    symbols: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Frame:
    """What one message of the venue says.

    Parameters
    ----------
    channel
        Name of the channel that it is of; None for what is not data.
    updates
        What it says of perpetuals.
    answer
        What has to be sent back at once, such as the reply to a ping in JSON.
    refused
        What the venue declines of what we subscribed to; its data will not come.
    unread
        Rows that cannot be read or cannot be, each costing itself only.
    ends
        Whether the venue announces that it is about to close the socket.
    restart
        Whether a message was missed, so that the state has to be fetched anew.
    """

    channel: str | None = None
    updates: Sequence[MarketUpdate] = ()
    answer: str | None = None
    refused: VenueError | None = None
    unread: Sequence[VenueError] = ()
    ends: bool = False
    restart: bool = False


NOTHING = Frame()
"""An acknowledgement, a pong: a message that says nothing of the market."""


Reader: TypeAlias = Callable[[str | bytes], Frame]
"""Reads one message; raises ``VenueError`` where it is not what the venue's contract says."""


class VenueStream(ABC):
    """One venue's public stream.

    Parameters
    ----------
    listings
        The perpetuals to follow, as the venue's REST side lists them: what a frame leaves out
        (contract sizes, intervals, ids) is read there.
    clock
        The present, in UTC, for what follows from it alone: the next full hour.
    """

    name: ClassVar[str]
    spec: ClassVar[StreamSpec]

    def __init__(
        self, listings: Iterable[Listing], clock: Callable[[], datetime] = utc_now
    ) -> None:
        self.clock = clock
        self.listings = {listing.venue_symbol: listing for listing in listings}

    @abstractmethod
    def sockets(self) -> Sequence[Socket]:
        """Plan the connections that bring every channel of every listed perpetual."""

    @abstractmethod
    def reader(self, socket: Socket) -> Reader:
        """Make what reads the messages of one connection.

        What it remembers from message to message ends with the connection.
        """
