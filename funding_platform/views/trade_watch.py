"""``funding trade watch``: a trader on a terminal, five tables in 80 x 24 and more.

It reads the store once a second, beside the process that trades, and changes nothing but for one
key: ``h`` halts new risk. When the process stops, the last that it left stays on the screen and the
line above says how old that is.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Grid
from textual.widgets import DataTable, Footer, Static

from funding_platform.core.errors import FundingError
from funding_platform.core.plain_text import visible
from funding_platform.core.time_grid import parse_instant
from funding_platform.flows.execution.reading import Standing
from funding_platform.views.panels import fill
from funding_platform.views.trading_tables import (
    clock_rows,
    screen_events,
    screen_offers,
    screen_pairs,
    short_time,
)

EVERY_SECONDS: Final = 1.0

STALE_AFTER: Final = timedelta(minutes=3)
"""Three cycles of a minute: a picture that is older is of a process that stopped, or hangs."""

PANELS: Final = {
    "pairs": "Pairs held",
    "clock": "Funding clock",
    "offers": "Opportunities",
    "events": "Events",
}
"""The tables by their id, with the words above them."""

_COLOURS: Final = {
    "open": "green",
    "opening": "yellow",
    "closing": "yellow",
    "unwinding": "bold red",
    "open_refused": "yellow",
    "halted": "bold red",
    "resumed": "green",
    "closed": "cyan",
    "due": "bold yellow",
}


class TradeWatch(App[None]):
    """A trader.

    Parameters
    ----------
    read
        Reads how it stands.
    halt
        Halts new risk.
    now
        Tells the present.
    """

    TITLE = "funding trade"
    ENABLE_COMMAND_PALETTE = False
    CSS = """
    #status { height: 1; padding: 0 1; background: $panel; }
    #sums { height: 1; padding: 0 1; }
    Grid { grid-size: 2 3; grid-columns: 2fr 3fr; grid-rows: 3fr 2fr 2fr; }
    #pairs, #events { column-span: 2; }
    DataTable { border: round $primary-darken-2; border-title-color: $accent; height: 100%;
        scrollbar-size-horizontal: 0; scrollbar-size-vertical: 1; }
    DataTable:focus { border: round $accent; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", "Quit"),
        Binding("space", "pause", "Pause"),
        Binding("tab", "focus_next", "Next table", show=True),
        Binding("plus,z", "zoom", "Zoom"),
        Binding("h", "halt", "Halt new risk"),
    ]

    def __init__(
        self,
        read: Callable[[], Standing],
        halt: Callable[[], None],
        now: Callable[[], datetime],
    ) -> None:
        super().__init__()
        self._read, self._halt, self._now = read, halt, now
        self._stands: Standing | None = None
        self._trouble = ""
        self._paused = False

    def compose(self) -> ComposeResult:
        """Lay out the two lines of state, the tables and the keys."""
        yield Static(id="status", markup=False)
        yield Static(id="sums", markup=False)
        with Grid():
            for name, title in PANELS.items():
                table: DataTable[Text] = DataTable(id=name, cursor_type="row", cell_padding=0)
                table.border_title = title
                yield table
        yield Footer()

    def on_mount(self) -> None:
        """Show the trader at once, and again every second."""
        self.look()
        self.set_interval(EVERY_SECONDS, self.look)

    def action_pause(self) -> None:
        """Hold the screen still, or let it go on."""
        self._paused = not self._paused
        self._show_lines()

    def action_zoom(self) -> None:
        """Give one table the whole screen, or each its own part again."""
        if isinstance(self.focused, DataTable):
            if self.screen.maximized is None:
                self.screen.maximize(self.focused)
            else:
                self.screen.minimize()

    def action_halt(self) -> None:
        """Halt new risk; resuming is for a command, with its reason."""
        try:
            self._halt()
        except FundingError as error:
            self._trouble = visible(error.message)
        self.look()

    def look(self) -> None:
        """Read how the trader stands, and show it."""
        if self._paused:
            return
        try:
            self._stands, self._trouble = self._read(), ""
        except FundingError as error:
            self._trouble = visible(str(error).replace("\n", " "))
        self._show_lines()
        if self._stands is not None:
            self._show_tables(self._stands)

    def _show_lines(self) -> None:
        self.query_one("#status", Static).update(self._status())
        self.query_one("#sums", Static).update(self._sums())

    def _status(self) -> Text:
        if self._trouble:
            return Text(self._trouble, style="bold red")
        picture = self._picture()
        if self._stands is None or picture is None:
            return Text("no cycle has been run yet: `funding trade run` runs them", style="yellow")
        age = self._now() - parse_instant(picture["at"])
        shown = Text(f"{self._now():%H:%M:%S} UTC · {picture['trader']} · ")
        if age > STALE_AFTER:
            words = f"the trader stopped, or hangs: this is {short_time(age)} old"
            shown.append(words, style="bold red")
        else:
            shown.append(f"cycle {picture['cycle']['number']}, {short_time(age)} old")
        if self._stands.halt.halted:
            shown.append(f" · HALTED: {visible(self._stands.halt.reason)}", style="bold red")
        if self._paused:
            shown.append(" · paused", style="yellow")
        return shown

    def _sums(self) -> Text:
        """Write what is held and what it has brought since the start."""
        picture = self._picture()
        if picture is None:
            return Text("")
        totals, ever = picture["totals"], picture["since_start"]
        shown = Text(f"{totals['pairs']} pairs · {totals['notional_usd']:,.0f} USD a leg · P&L ")
        shown.append_text(_money(ever["pnl_usd"])).append(" =")
        fees = ever["fees_usd"]
        parts = (
            ("price", ever["trading_usd"]),
            ("funding", ever["funding_usd"]),
            ("fees", None if fees is None else -fees),
        )
        for name, amount in parts:
            shown.append(" ").append_text(_money(amount)).append(f" {name}")
        return shown

    def _picture(self) -> dict[str, Any] | None:
        found = self._stands.picture if self._stands is not None else None
        return None if found is None else dict(found.content)

    def _show_tables(self, stands: Standing) -> None:
        now, rows = self._now(), max(5, self.size.height)
        bases = {}
        if (picture := self._picture()) is not None:
            bases = {pair["pair_id"]: pair["base"] for pair in picture["pairs"]}
            self._fill("pairs", screen_pairs(picture, now))
            self._fill("clock", clock_rows(picture, now))
            self._fill("offers", screen_offers(picture))
        self._fill("events", screen_events(stands.events, rows, bases))

    def _fill(self, name: str, frame: Any) -> None:
        fill(self.query_one(f"#{name}", DataTable), frame, _COLOURS)


def _money(amount: float | None) -> Text:
    if amount is None:
        return Text("unknown", style="yellow")
    return Text(f"{amount:+,.2f}", style="green" if amount >= 0 else "red")
