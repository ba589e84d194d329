"""What happened lately: commits to the lake, the collector, venues that fell silent or are back."""

from collections import deque
from datetime import datetime
from typing import Any, Final

import polars as pl

from funding_platform.core.tables.columns import text_column, time_column
from funding_platform.core.tables.schema import Column, Type
from funding_platform.flows.live.latest import FRESH_SECONDS
from funding_platform.service.streams.states import Key, Row

KEPT: Final = 200

KINDS: Final = (
    *("lake_commit", "collector_started", "collector_stopped"),
    *("venue_silent", "venue_back"),
)

EVENTS: Final = (
    Column("number", Type.INTEGER, "Of the event, since the service began.", nullable=False),
    time_column("at", "When it was noticed.", nullable=False),
    Column("kind", Type.TEXT, "What happened.", nullable=False, values=KINDS),
    text_column("venue", "To which venue; null where to none.", nullable=True),
    Column("snapshot", Type.INTEGER, "Version of the lake that was committed; else null."),
    Column("text", Type.TEXT, "The event in words.", nullable=False),
)
"""What is told of an event."""


class Events:
    """The last events, numbered since the service began."""

    def __init__(self) -> None:
        self._kept: deque[Row] = deque(maxlen=KEPT)
        self._number = 0
        self._lake: int | None = None
        self._silent: dict[str, bool] | None = None
        self._looked = False

    def rows(self) -> dict[Key, Row]:
        """Return them by number."""
        return {(row["number"],): row for row in self._kept}

    def note(self, lake: int | None, venues: pl.DataFrame | None, now: datetime) -> None:
        """Compare what is with what was; the first look only notes.

        Parameters
        ----------
        lake
            The newest snapshot of the lake.
        venues
            The frame ``venues`` that the collector hands out; None where it has stopped.
        """
        silent = None if venues is None else _silent(venues)
        if self._looked:
            if lake is not None and lake != self._lake:
                self._add(now, "lake_commit", None, f"the lake is at snapshot {lake}", lake)
            if (silent is None) != (self._silent is None):
                word = "stopped" if silent is None else "started"
                self._add(now, f"collector_{word}", None, f"the live collector has {word}")
            for venue, is_silent in (silent or {}).items():
                if (self._silent or {}).get(venue, is_silent) != is_silent:
                    kind = "venue_silent" if is_silent else "venue_back"
                    what = "has fallen silent" if is_silent else "is heard again"
                    self._add(now, kind, venue, f"{venue} {what}")
        self._lake, self._silent, self._looked = lake, silent, True

    def _add(
        self, at: datetime, kind: str, venue: str | None, text: str, snapshot: int | None = None
    ) -> None:
        self._number += 1
        told: dict[str, Any] = {"number": self._number, "at": at, "kind": kind, "venue": venue}
        self._kept.append({**told, "snapshot": snapshot, "text": text})


def _silent(venues: pl.DataFrame) -> dict[str, bool]:
    return {
        venue: age is None or age > FRESH_SECONDS
        for venue, age in venues.select("venue", "age_seconds").iter_rows()
    }
