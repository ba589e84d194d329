"""``funding live watch``: the live market on a terminal, four tables in 80 x 24 and more.

It reads what the collector hands out, once a second, and changes nothing. When the collector stops,
the last that was seen stays on the screen and the line above it says how old that is.
"""

from typing import ClassVar

import polars as pl
from rich.text import Text

from funding_platform.flows.live.latest import BOARD, PAIRS, VENUES, Latest
from funding_platform.views.live_tables import (
    short_span,
    shown_movers,
    shown_pairs,
    shown_settlements,
    shown_venues,
)
from funding_platform.views.panels import TABLES_CSS, Panels


class Watch(Panels[Latest]):
    """The live market: what the collector handed out last."""

    TITLE = "funding live"
    CSS = TABLES_CSS + "Grid { grid-size: 2 2; grid-columns: 1fr 1fr; grid-rows: 1fr 1fr; }"
    PANELS: ClassVar = {
        "venues": "Venues",
        "settlements": "Next settlements",
        "movers": "Movers of the hour",
        "pairs": "Best pairs after costs",
    }
    COLOURS: ClassVar = {"down": "bold red", "stale": "yellow", "waiting": "dim", "live": "green"}

    def line(self, name: str) -> Text:
        """Write how old what is seen is, and how much it is."""
        latest = self._seen
        if latest is None:
            return Text("")
        now = self._now()
        age = short_span(max(0.0, latest.age(now).total_seconds()))
        shown = Text(f"{now:%Y-%m-%d %H:%M:%S} UTC · ")
        if latest.is_stale(now):
            shown.append(f"the collector stopped, or hangs: this is {age} old", style="bold red")
        else:
            venues = latest.frames.get(VENUES, pl.DataFrame())
            count = latest.frames[BOARD].height if BOARD in latest.frames else 0
            shown.append(f"{venues.height} venues, {count:,} instruments, {age} old")
        return shown

    def show_tables(self, seen: Latest) -> None:
        """Fill the tables of what was handed out."""
        frames, rows = seen.frames, max(5, self.size.height)
        if VENUES in frames:
            self.table("venues", shown_venues(frames[VENUES]))
        if BOARD in frames:
            self.table("settlements", shown_settlements(frames[BOARD], self._now(), rows))
            self.table("movers", shown_movers(frames[BOARD], rows))
        if PAIRS in frames:
            self.table("pairs", shown_pairs(frames[PAIRS], rows))
