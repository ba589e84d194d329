"""What a venue's dialect declares: how it talks on a socket, and what of the market it says there.

A dialect is a ``Dialect``: the paths that it answers on, what a client's message makes of a
connection, and its channels, each from the market at an instant to rows, and from rows to frames.
The server (``sandbox.conversation``) keeps connections and cadence, tells what of a row has
changed, and commits the faults; a dialect is free of clocks and sockets.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from typing import Any, Final, TypeAlias

import msgspec

from funding_platform.sandbox.limits import Budget
from funding_platform.sandbox.wire.contract import Request

Row: TypeAlias = Mapping[str, Any]
"""One instrument on a channel, field by field as the venue spells it."""

ABNORMAL: Final = 1006
"""The close code of a connection that ends without one: TCP is closed, and no frame says so."""


def encode(document: object) -> str:
    """Write a document as the text of a message."""
    return msgspec.json.encode(document).decode()


@dataclass(frozen=True, slots=True)
class Topic:
    """One subscription.

    Attributes
    ----------
    name
        As the venue spells it; tells the subscriptions of a connection apart, and is what a fault
        names after the path: ``/v5/public/linear#tickers.BTCUSDT``.
    channel
        Name of the channel that it is of.
    key
        Whose row it is, by the keys of the channel's rows; None for all of them.
    """

    name: str
    channel: str
    key: str | None = None


@dataclass(slots=True)
class Session:
    """One connection as a dialect sees it.

    Attributes
    ----------
    path, params
        The path below the venue that was connected to, and its query.
    placeholders
        What stands for the ``{name}`` in the dialect's path.
    identity
        What the venue may call the connection.
    look
        The market at this instant.
    declines
        Whether a fault makes the venue decline a topic of that name, as if it did not know it.
    topics
        What is subscribed to, by name.
    numbers
        1, 2, 3 and so on, for what a venue numbers per connection.
    memory
        The dialect's own.
    """

    path: str
    params: Mapping[str, str]
    placeholders: Mapping[str, str]
    identity: str
    look: Callable[[], Request]
    declines: Callable[[str], bool]
    topics: dict[str, Topic] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=lambda: count(1))
    memory: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Heard:
    """What a message of the client leads to, in this order.

    Attributes
    ----------
    unsubscribe
        Names of topics that end.
    replies
        What is sent back, before the first data of what is subscribed to.
    subscribe
        Topics that begin, or begin anew; each sends its first frames at once.
    late_replies
        What is sent back after those: Bybit's acknowledgement may come behind the data.
    beat_seconds
        From now on the dialect's beat comes so often.
    close
        The code to close with; ``ABNORMAL`` drops the connection without a word.
    """

    unsubscribe: tuple[str, ...] = ()
    replies: tuple[str, ...] = ()
    subscribe: tuple[Topic, ...] = ()
    late_replies: tuple[str, ...] = ()
    beat_seconds: float | None = None
    close: int | None = None


NOTHING: Final = Heard()
"""The venue says nothing to that."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a channel has to say for one topic.

    Attributes
    ----------
    request
        The market at this instant.
    rows
        The topic's rows, whole, by key.
    changed
        Of the rows that changed since the last delivery the fields that did; on the first, all.
    first
        Whether the topic has just begun: a snapshot, where the venue tells them apart.
    """

    topic: Topic
    session: Session
    request: Request
    rows: Mapping[str, Row]
    changed: Mapping[str, Row]
    first: bool


@dataclass(frozen=True, slots=True)
class Channel:
    """One kind of data.

    Attributes
    ----------
    name
        Topics name it.
    period_seconds
        How often it looks at the market.
    rows
        The market as rows by key: made once per instant, for all topics together.
    frames
        What is sent for one delivery: nothing, one frame, or several where the venue shards.
    repeats
        Whether it speaks every period, also where nothing has changed.
    """

    name: str
    period_seconds: float
    rows: Callable[[Request], Mapping[str, Row]]
    frames: Callable[[Delivery], Iterable[str]]
    repeats: bool = False


@dataclass(frozen=True, slots=True)
class Beat:
    """What the venue sends to see whether the client is there.

    Attributes
    ----------
    message
        Made at each beat.
    every_seconds
        How often; None where it begins only when a message of the client asks for it
        (``Heard.beat_seconds``).
    """

    message: Callable[[Session], str]
    every_seconds: float | None


@dataclass(frozen=True, slots=True)
class Patience:
    """After how long without a sign of life the venue closes a connection.

    Attributes
    ----------
    seconds
        So long.
    code
        The code that it closes with.
    either_way
        Whether what the venue itself sends counts as a sign, besides what the client sends.
    """

    seconds: float
    code: int = ABNORMAL
    either_way: bool = False


def _close(session: Session) -> Heard:
    """Close for a violated policy."""
    return Heard(close=1008)


@dataclass(frozen=True)
class Dialect:
    """One venue's public stream.

    Attributes
    ----------
    paths
        Where it is connected to, below the venue; a ``{name}`` stands for one part of a path.
    channels
        What it carries.
    hear
        What a message of the client leads to.
    greet
        What a new connection leads to: a greeting, or the topics that its address names.
    beat, patience
        How the venue keeps watch on a connection.
    messages
        How many messages a client may send on one connection; enforced with the limits.
    flooded
        What one message too many leads to.
    lifetime_seconds
        After how long the venue cuts every connection.
    farewell
        What it says before it cuts one for its own reasons.
    required_headers
        Names, in lower case, without which the handshake is refused.
    """

    venue: str
    paths: tuple[str, ...]
    channels: tuple[Channel, ...]
    hear: Callable[[str, Session], Heard]
    greet: Callable[[Session], Heard] = lambda session: NOTHING
    beat: Beat | None = None
    patience: Patience | None = None
    messages: Budget | None = None
    flooded: Callable[[Session], Heard] = _close
    lifetime_seconds: float | None = None
    farewell: Callable[[Session], str] | None = None
    required_headers: tuple[str, ...] = ()

    def placeholders(self, path: str) -> Mapping[str, str] | None:
        """Read a path's placeholders; None for a path that is not served."""
        matches = (pattern.fullmatch(path) for pattern in self._patterns)
        return next((match.groupdict() for match in matches if match is not None), None)

    def channel(self, name: str) -> Channel:
        """Find a channel by its name."""
        return next(channel for channel in self.channels if channel.name == name)

    @cached_property
    def _patterns(self) -> list[re.Pattern[str]]:
        # Outside of placeholders a path means itself.
        return [
            re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(path)))
            for path in self.paths
        ]
