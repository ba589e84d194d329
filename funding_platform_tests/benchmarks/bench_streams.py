"""What the streams of 12 venues take of a core, 300 perpetuals each, from messages to the board.

The sandbox writes what its venues say in a minute of a market that moves every second, each in its
dialect and at its pace; then all of it is read, judged and put on the board, which is looked at
once a second, as the collector does. What sockets take, some 20 us a message, is not in it.
"""

import asyncio
import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import process_time
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from funding_platform.core.time_grid import from_ms, to_ms
from funding_platform.live.board.board import Board
from funding_platform.sandbox.conversation import Conversation
from funding_platform.sandbox.faults import FaultPlan
from funding_platform.sandbox.server import running_sandbox
from funding_platform.sandbox.stage import Stage
from funding_platform.sandbox.statistics import Statistics
from funding_platform.sandbox.wire.contract import Request
from funding_platform.sandbox.wire.streams.contract import Session
from funding_platform.sandbox.wire.streams.registry import DIALECTS
from funding_platform.settings import Settings
from funding_platform.venues import open_venue
from funding_platform.venues.parsing.records import Listing
from funding_platform.venues.streams.contract import Frame, Socket
from funding_platform.venues.streams.liveness import Liveness
from funding_platform.venues.streams.registry import stream_class
from funding_platform_tests.benchmarks.measurement import Measurement
from funding_platform_tests.sandbox.listening import HandClock, moving_market

NOW = datetime(2026, 3, 1, 0, 30, tzinfo=UTC)


class Line(NamedTuple):
    """One socket: what reads it, what is watched of it, and its messages by the second."""

    venue: str
    read: Callable[[str | bytes], Frame]
    liveness: Liveness
    seconds: Sequence[Sequence[bytes]]


def run(quick: bool = False) -> list[Measurement]:
    symbols, lasting = (10, 3) if quick else (300, 20)
    clock = HandClock(to_ms(NOW))
    market = moving_market(clock, symbols=symbols)
    with running_sandbox(market) as sandbox, tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            data_dir=Path(folder), venue_urls=sandbox.venue_urls, rate_limit_scale=1_000
        )
        listed = asyncio.run(_listed(settings))
    stage = Stage(market, FaultPlan(), Statistics())
    lines = [line for venue in DIALECTS for line in _lines(venue, listed[venue], stage)]
    spoken = _spoken(lines, clock, lasting)
    busy, messages, updates = _taken(
        [
            Line(venue, reader, liveness, said)
            for (venue, reader, liveness, _), said in zip(lines, spoken, strict=True)
        ],
        lasting,
    )
    what = f"{len(DIALECTS)} venues x {symbols} symbols"
    return [
        Measurement(f"{what}: messages to board, of one core", 100 * busy, "%", target=10),
        Measurement(f"{what}: messages", messages, "a second"),
        Measurement(f"{what}: updates", updates, "a second"),
    ]


async def _listed(settings: Settings) -> dict[str, list[Listing]]:
    listed = {}
    for venue in DIALECTS:
        async with open_venue(venue, settings=settings, clock=lambda: NOW) as opened:
            listed[venue] = await opened.listings()
    return listed


def _lines(
    venue: str, listings: Sequence[Listing], stage: Stage
) -> Iterator[tuple[str, Callable[[str | bytes], Frame], Liveness, Conversation]]:
    """Plan a venue's sockets, with the sandbox's side of each."""
    kind = stream_class(venue)
    assert kind is not None
    stream = kind(listings, lambda: from_ms(stage.market.now_ms()))
    for socket in stream.sockets():
        channels = [one for one in stream.spec.channels if one.name in socket.channels]
        yield (
            venue,
            stream.reader(socket),
            Liveness(channels, socket.symbols, 0.0),
            _conversation(venue, socket, stage),
        )


def _conversation(venue: str, socket: Socket, stage: Stage) -> Conversation:
    dialect, (path, _, query) = DIALECTS[venue], socket.path.partition("?")
    session = Session(
        path,
        dict(parse_qsl(query)),
        dialect.placeholders(path) or {},
        "bench",
        lambda: Request(stage.market, venue, {}, stage.market.now_ms()),
        lambda name: False,
    )
    nobody: Any = None  # nothing is sent
    conversation = Conversation(stage, dialect, session, nobody)
    heard = [dialect.greet(session), *(dialect.hear(said, session) for said in socket.messages)]
    session.topics.update({topic.name: topic for one in heard for topic in one.subscribe})
    return conversation


def _spoken(lines: Sequence[Any], clock: HandClock, lasting: int) -> list[list[list[bytes]]]:
    """Write what comes on each socket in each second; in the first, all of it."""
    spoken: list[list[list[bytes]]] = [[] for _ in lines]
    for second in range(lasting + 1):
        for (_, _, _, conversation), said in zip(lines, spoken, strict=True):
            said.append([*_frames(conversation, second)])
        clock.step(1)
    return spoken


def _frames(conversation: Conversation, second: int) -> Iterator[bytes]:
    for topic in conversation.session.topics.values():
        channel = conversation.dialect.channel(topic.channel)
        if second % max(1, round(channel.period_seconds)):
            continue
        delivery = conversation._delivery(topic, first=second == 0)
        if second == 0 or delivery.changed or channel.repeats:
            yield from (frame.encode() for frame in channel.frames(delivery))


def _taken(lines: Sequence[Line], lasting: int) -> tuple[float, float, float]:
    """Read everything; return the share of a core it takes, and messages and updates a second."""
    board, work, messages, updates = Board(), 0.0, 0, 0
    for second in range(lasting + 1):
        at, begin = NOW + timedelta(seconds=second), process_time()
        for line in lines:
            for message in line.seconds[second]:
                frame = line.read(message)
                if frame.channel is not None:
                    named = [update.venue_symbol for update in frame.updates]
                    line.liveness.hear(frame.channel, named, second)
                board.apply(line.venue, at, frame.updates)
                messages += second > 0
                updates += (second > 0) * len(frame.updates)
        board.view()
        work += (process_time() - begin) * (second > 0)
    assert sum(one.accepted for one in board.counts.values()) >= updates
    return work / lasting, messages / lasting, updates / lasting
