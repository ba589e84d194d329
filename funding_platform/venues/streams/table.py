"""Frames of a venue as a table, for people and for checks from outside."""

from collections.abc import Iterable
from typing import Any

import polars as pl
from msgspec import UNSET

from funding_platform.core.tables.schema import Type
from funding_platform.venues.errors import NotOfferedError
from funding_platform.venues.parsing.frames import stamps
from funding_platform.venues.parsing.records import Listing
from funding_platform.venues.streams.contract import Socket
from funding_platform.venues.streams.registry import stream_class, stream_names
from funding_platform.venues.streams.updates import VALUES
from funding_platform.venues.unexpected import typed_failures

_TIMES = {"event_ms": "event_time", "next_funding_ms": "next_funding_time"}


def parse_frames(
    venue: str,
    frames: Iterable[str | bytes],
    listings: Iterable[Listing],
    *,
    channel: str | None = None,
) -> pl.DataFrame:
    """Read the messages of one connection, in the order in which they came.

    One row per update, with the columns of ``MarketUpdate`` and its times in UTC; what a message
    says nothing of and what it says there is none of are both null. Rows that cannot be read are
    left out.

    Parameters
    ----------
    venue
        Name of the venue.
    frames
        The messages.
    listings
        What the venue's REST side lists.
    channel
        Name of a channel of the connection, where the venue's sockets differ.

    Raises
    ------
    NotOfferedError
        If the venue has no stream.
    VenueError
        If a message is not what the venue's contract says.
    """
    kind = stream_class(venue)
    if kind is None:
        named = ", ".join(stream_names())
        raise NotOfferedError("has no stream", venue=venue, hint=f"streams have: {named}")
    stream = kind(listings)
    nowhere = Socket(path="", messages=(), channels=(), symbols=())
    planned = (one for one in stream.sockets() if channel is None or channel in one.channels)
    read = stream.reader(next(planned, nowhere))
    with typed_failures(venue, "stream"):
        updates = [update for frame in frames for update in read(frame).updates]

    def column(name: str) -> list[Any]:
        return [None if (value := getattr(row, name)) is UNSET else value for row in updates]

    return pl.DataFrame(
        [
            pl.Series("venue_symbol", column("venue_symbol"), Type.TEXT.polars),
            *(
                stamps(_TIMES[name], column(name))
                if name in _TIMES
                else pl.Series(name, column(name), Type.REAL.polars)
                for name in ("event_ms", *VALUES)
            ),
        ]
    )
