"""What goes over a stream, declared once: decoding, encoding and the published schema are of it."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec

Channel: TypeAlias = Literal["funding_rates", "opportunities", "curves", "events"]
CHANNELS: Final[tuple[Channel, ...]] = ("funding_rates", "opportunities", "curves", "events")

Name: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Names: TypeAlias = Annotated[tuple[Name, ...], msgspec.Meta(max_length=200)]


class Filters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which rows are wanted; what is left out leaves all in.

    Parameters
    ----------
    venues, bases, symbols
        Of a row, or of either leg of a pair.
    tiers
        Of pairs.
    min_net_apr
        Of pairs, fraction per year; one of unknown net does not pass.
    """

    venues: Names = ()
    bases: Names = ()
    symbols: Names = ()
    tiers: tuple[Literal["actionable", "watch", "reject"], ...] = ()
    min_net_apr: float | None = None


class Subscribe(msgspec.Struct, frozen=True, tag="subscribe", forbid_unknown_fields=True):
    """From a client: follow channels from now on, in place of what was followed of them."""

    channels: Annotated[tuple[Channel, ...], msgspec.Meta(min_length=1, max_length=4)]
    filters: Filters = Filters()


class Unsubscribe(msgspec.Struct, frozen=True, tag="unsubscribe", forbid_unknown_fields=True):
    """From a client: follow channels no more."""

    channels: Annotated[tuple[Channel, ...], msgspec.Meta(min_length=1, max_length=4)]


Request: TypeAlias = Subscribe | Unsubscribe


class Subscribed(msgspec.Struct, frozen=True, tag="subscribed"):
    """What is followed now."""

    channels: tuple[Channel, ...]


class Snapshot(msgspec.Struct, frozen=True, tag="snapshot"):
    """All rows of a channel, in place of whatever was known of it.

    Parameters
    ----------
    channel
        Which.
    sequence
        Of this state; changes that follow have higher ones.
    as_of
        The newest instant that it tells of.
    source
        ``live`` (the board) or ``lake``.
    data
        Rows, as the REST answer of the channel has them.
    """

    channel: Channel
    sequence: int
    as_of: datetime | None
    source: Literal["live", "lake"]
    data: list[dict[str, Any]]


class Changes(msgspec.Struct, frozen=True, tag="changes"):
    """Rows that are other than before, whole, and keys of those that are gone.

    To a client that was slow it may be several changes in one: of each row the latest.
    """

    channel: Channel
    sequence: int
    as_of: datetime | None
    source: Literal["live", "lake"]
    data: list[dict[str, Any]]
    removed: list[list[str]]


class Heartbeat(msgspec.Struct, frozen=True, tag="heartbeat"):
    """Nothing has changed for a while; the stream lives."""

    sequence: int
    at: datetime


class Refused(msgspec.Struct, frozen=True, tag="error"):
    """What was asked for cannot be done; the stream goes on."""

    detail: str
    hint: str


class Closing(msgspec.Struct, frozen=True, tag="closing"):
    """The stream ends after this, and why."""

    reason: str


Message: TypeAlias = Subscribed | Snapshot | Changes | Heartbeat | Refused | Closing

_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder(Request)


def encode(message: Message) -> bytes:
    """Write a message as JSON."""
    return _ENCODER.encode(message)


def decode(text: str | bytes) -> Request:
    """Read what a client says.

    Raises
    ------
    msgspec.MsgspecError
        If it is none of ``Request``.
    """
    said: Request = _DECODER.decode(text)
    return said
