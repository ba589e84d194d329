"""All venues at once, each on its own: what befalls one never delays another."""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from typing import Final

from funding_platform.core.system.clock import Clock
from funding_platform.live.feed import Feed
from funding_platform.live.sources import Pacing, Sink, Source
from funding_platform.live.statistics import FeedHealth, FeedStatistics
from funding_platform.venues.streams.transport import OpenTransport, open_websocket

_LOG = logging.getLogger(__name__)

RESTART_SECONDS: Final = 30.0
"""After a failure of ours; what a venue does wrong is seen to further down."""


class Supervisor:
    """Feeds the board with all venues.

    Parameters
    ----------
    sources
        The venues.
    sink
        The board.
    pacing
        How often REST is asked.
    scale
        Multiplies the venues' budgets.
    clock
        The time that they live in.
    open_transport
        Opens a socket.
    """

    def __init__(
        self,
        sources: Iterable[Source],
        sink: Sink,
        *,
        pacing: Pacing | None = None,
        scale: float = 1.0,
        clock: Clock | None = None,
        open_transport: OpenTransport = open_websocket,
    ) -> None:
        self._sources = {source.name: source for source in sources}
        self._sink = sink
        self._pacing = pacing or Pacing()
        self._scale = scale
        self._clock = clock or Clock()
        self._open = open_transport
        self._statistics = {name: FeedStatistics() for name in self._sources}
        self._feeds = {name: self._feed(source) for name, source in self._sources.items()}

    async def run(self) -> None:
        """Feed until cancelled."""
        async with asyncio.TaskGroup() as feeds:
            for name in self._sources:
                feeds.create_task(self._keep(name), name=f"feed of {name}")

    def health(self) -> Mapping[str, FeedHealth]:
        """Tell how each venue stands."""
        return {name: feed.health() for name, feed in self._feeds.items()}

    async def _keep(self, name: str) -> None:
        """Run one venue's feed, and begin it anew when it fails."""
        while True:
            try:
                await self._feeds[name].run()
            except Exception as error:  # noqa: BLE001 (one venue's trouble is no other's)
                self._statistics[name].restarts += 1
                self._statistics[name].last_failure = f"{type(error).__name__}: {error}"
                _LOG.exception("the feed of %s failed; begun anew", name)
                self._sink.mark_gap(name, None, "the feed failed", self._clock.now())
            await self._clock.sleep(RESTART_SECONDS)
            self._feeds[name] = self._feed(self._sources[name])

    def _feed(self, source: Source) -> Feed:
        return Feed(
            source,
            self._sink,
            self._statistics[source.name],
            pacing=self._pacing,
            scale=self._scale,
            clock=self._clock,
            open_transport=self._open,
        )
