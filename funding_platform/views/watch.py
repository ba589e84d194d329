"""``funding live watch``: the live market on a terminal, four tables in 80 x 24 and more.

It reads what the collector hands out, once a second, and changes nothing. When the collector stops,
the last that was seen stays on the screen and the line above it says how old that is.
"""

from collections.abc import Callable
from datetime import datetime
from typing import ClassVar, Final

import polars as pl
from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Grid
from textual.widgets import DataTable, Footer, Static

from funding_platform.core.plain_text import visible
from funding_platform.flows.errors import NotLiveError
from funding_platform.flows.live.latest import BOARD, PAIRS, VENUES, Latest
from funding_platform.views.live_tables import (
    short_span,
    shown_movers,
    shown_pairs,
    shown_settlements,
    shown_venues,
)
from funding_platform.views.panels import fill

EVERY_SECONDS: Final = 1.0

PANELS: Final = {
    "venues": "Venues",
    "settlements": "Next settlements",
    "movers": "Movers of the hour",
    "pairs": "Best pairs after costs",
}
"""The tables by their id, with the words above them."""

_COLOURS: Final = {"down": "bold red", "stale": "yellow", "waiting": "dim", "live": "green"}


class Watch(App[None]):
    """The live market.

    Parameters
    ----------
    read
        Reads what the collector handed out last.
    now
        Tells the present.
    """

    TITLE = "funding live"
    ENABLE_COMMAND_PALETTE = False
    CSS = """
    #status { height: 1; padding: 0 1; background: $panel; }
    Grid { grid-size: 2 2; grid-columns: 1fr 1fr; grid-rows: 1fr 1fr; }
    DataTable { border: round $primary-darken-2; border-title-color: $accent; height: 100%;
        scrollbar-size-horizontal: 0; scrollbar-size-vertical: 1; }
    DataTable:focus { border: round $accent; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", "Quit"),
        Binding("space", "pause", "Pause"),
        Binding("tab", "focus_next", "Next table", show=True),
        Binding("plus,z", "zoom", "Zoom"),
    ]

    def __init__(self, read: Callable[[], Latest], now: Callable[[], datetime]) -> None:
        super().__init__()
        self._read, self._now = read, now
        self._latest: Latest | None = None
        self._trouble = ""
        self._paused = False

    def compose(self) -> ComposeResult:
        """Lay out the line of state, the four tables and the keys."""
        yield Static(id="status", markup=False)
        with Grid():
            for name, title in PANELS.items():
                table: DataTable[Text] = DataTable(id=name, cursor_type="row", cell_padding=0)
                table.border_title = title
                yield table
        yield Footer()

    def on_mount(self) -> None:
        """Show the market at once, and again every second."""
        self.look()
        self.set_interval(EVERY_SECONDS, self.look)

    def action_pause(self) -> None:
        """Hold the screen still, or let it go on."""
        self._paused = not self._paused
        self._show_status()

    def action_zoom(self) -> None:
        """Give one table the whole screen, or each its own quarter again."""
        if isinstance(self.focused, DataTable):
            if self.screen.maximized is None:
                self.screen.maximize(self.focused)
            else:
                self.screen.minimize()

    def look(self) -> None:
        """Read the latest, and show it."""
        if self._paused:
            return
        try:
            self._latest, self._trouble = self._read(), ""
        except NotLiveError as error:
            self._trouble = visible(str(error).replace("\n", " "))
        self._show_status()
        if self._latest is not None:
            self._show_tables(self._latest)

    def _show_status(self) -> None:
        self.query_one("#status", Static).update(self._status())

    def _status(self) -> Text:
        if self._trouble:
            return Text(self._trouble, style="bold red")
        latest = self._latest
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
        if self._paused:
            shown.append(" · paused", style="yellow")
        return shown

    def _show_tables(self, latest: Latest) -> None:
        frames, now = latest.frames, self._now()
        rows = max(5, self.size.height)
        if VENUES in frames:
            self._fill("venues", shown_venues(frames[VENUES]))
        if BOARD in frames:
            self._fill("settlements", shown_settlements(frames[BOARD], now, rows))
            self._fill("movers", shown_movers(frames[BOARD], rows))
        if PAIRS in frames:
            self._fill("pairs", shown_pairs(frames[PAIRS], rows))

    def _fill(self, name: str, frame: pl.DataFrame) -> None:
        fill(self.query_one(f"#{name}", DataTable), frame, _COLOURS)
