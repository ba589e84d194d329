"""Which versions of the lake and of the live board are the newest, looked at twice a second."""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from funding_platform.core.errors import FundingError
from funding_platform.flows.errors import NotLiveError
from funding_platform.flows.live.latest import Latest, read_version
from funding_platform.service.cache import Version
from funding_platform.service.reader import Readers, Sources
from funding_platform.settings import Settings

_LOG = logging.getLogger(__name__)

LOOKED_AT_EVERY_SECONDS: Final = 0.5


def number_of(latest: Latest) -> int:
    """Return the number of what was handed out: its instant, for ages go on while values stay."""
    return int(latest.at.timestamp() * 1e6)


class Versions:
    """The newest versions.

    Parameters
    ----------
    settings
        Say where the board is handed out.
    readers
        Ask the lake.

    Attributes
    ----------
    on_change
        Is told of every change that is seen.
    """

    def __init__(self, settings: Settings, readers: Readers) -> None:
        self._settings = settings
        self._readers = readers
        self._trouble = ""
        self.lake: int | None = None
        self.board: int | None = None
        self.on_change: Callable[[Version], None] | None = None

    def is_current(self, version: Version) -> bool:
        """Tell whether nothing newer is known than what an answer was made of.

        An answer that asked only one of both is not made stale by the other.
        """
        lake, board = version
        return (lake is None or lake == self.lake) and (board is None or board == self.board)

    async def keep(self) -> None:
        """Look again and again."""
        while True:
            await self.refresh()
            await asyncio.sleep(LOOKED_AT_EVERY_SECONDS)

    async def refresh(self) -> None:
        """Look now. A lake that cannot be read has no version, and nothing cached of it is told."""
        try:
            before = (self.lake, self.board)
            self.lake, self.board = now = await self._readers.ask(self._seen)
            if self.lake is not None:
                self._trouble = ""
            if now != before and self.on_change is not None:
                self.on_change(now)
        except FundingError as error:
            self._note(error)

    async def heard(self, version: Version) -> None:
        """Look now if somebody else has seen what is newer here too."""
        known = (self.lake, self.board)
        if any(
            theirs is not None and (ours is None or theirs > ours)
            for theirs, ours in zip(version, known, strict=True)
        ):
            await self.refresh()

    def _seen(self, sources: Sources) -> Version:
        board = self._board()
        try:
            sources.lake  # noqa: B018 - opens it, which says its snapshot
        except FundingError as error:
            self._note(error)
            return None, board
        return sources.snapshot, board

    def _board(self) -> int | None:
        try:
            latest = read_version(self._settings)
        except NotLiveError:
            return None
        return None if latest.is_stale(datetime.now(UTC)) else number_of(latest)

    def _note(self, error: FundingError) -> None:
        if error.message != self._trouble:
            _LOG.warning("the lake cannot be read for now: %s", error)
        self._trouble = error.message
