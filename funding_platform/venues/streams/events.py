"""What a connection tells of itself, beside what the venue says of the market."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from funding_platform.venues.errors import VenueError
from funding_platform.venues.streams.contract import Socket
from funding_platform.venues.streams.updates import MarketUpdate


@dataclass(frozen=True, slots=True)
class Updates:
    """A message of the venue was read.

    Parameters
    ----------
    updates
        What it says; nothing where it is an acknowledgement.
    received_at
        When it came.
    unread
        Rows of it that could not be.
    """

    updates: Sequence[MarketUpdate]
    received_at: datetime
    unread: Sequence[VenueError] = ()


@dataclass(frozen=True, slots=True)
class Connected:
    """Data flow, for the first time or again."""

    socket: Socket


@dataclass(frozen=True, slots=True)
class Gap:
    """Data no longer flow.

    Parameters
    ----------
    socket
        Of what.
    since
        When the last came.
    reason
        Why.
    """

    socket: Socket
    since: datetime
    reason: VenueError


@dataclass(frozen=True, slots=True)
class Stale:
    """Data flow, but not of every perpetual of which they have to.

    Parameters
    ----------
    channel
        On which channel.
    symbols
        Those that have just fallen silent.
    """

    socket: Socket
    channel: str
    symbols: AbstractSet[str]


@dataclass(frozen=True, slots=True)
class Refused:
    """The venue declines some of what we subscribed to."""

    socket: Socket
    reason: VenueError


@dataclass(frozen=True, slots=True)
class Failed:
    """A try to connect brought no data; another one follows."""

    socket: Socket
    reason: VenueError


@dataclass(frozen=True, slots=True)
class GivenUp:
    """Connection after connection failed; the next is tried after ``seconds``."""

    socket: Socket
    seconds: float
    reason: VenueError


Event: TypeAlias = Updates | Connected | Gap | Stale | Refused | Failed | GivenUp
