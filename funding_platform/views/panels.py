"""What screens that watch something have in common: lines of state over tables, read each second.

A screen changes nothing by itself. When what it watches stops, the last that was seen stays, and a
line above it says how old that is.
"""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import ClassVar, Final, Generic, TypeVar

import polars as pl
from rich.console import JustifyMethod
from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Grid
from textual.widgets import DataTable, Footer, Static

from funding_platform.core.errors import FundingError
from funding_platform.core.plain_text import visible

EVERY_SECONDS: Final = 1.0

TABLES_CSS: Final = """
    #status { height: 1; padding: 0 1; background: $panel; }
    DataTable { border: round $primary-darken-2; border-title-color: $accent; height: 100%;
        scrollbar-size-horizontal: 0; scrollbar-size-vertical: 1; }
    DataTable:focus { border: round $accent; }
"""

S = TypeVar("S")


class Panels(App[None], Generic[S]):
    """Lines of state, and tables below them.

    Parameters
    ----------
    read
        Reads what is shown.
    now
        Tells the present.
    """

    PANELS: ClassVar[Mapping[str, str]]
    """The tables by their id, with the words above them."""
    COLOURS: ClassVar[Mapping[str, str]]
    """Styles of words that a cell may be."""
    LINES: ClassVar[tuple[str, ...]] = ("status",)
    """Ids of the lines above the tables."""

    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", "Quit"),
        Binding("space", "pause", "Pause"),
        Binding("tab", "focus_next", "Next table", show=True),
        Binding("plus,z", "zoom", "Zoom"),
    ]

    def __init__(self, read: Callable[[], S], now: Callable[[], datetime]) -> None:
        super().__init__()
        self._read, self._now = read, now
        self._seen: S | None = None
        self._trouble = ""
        self._paused = False

    def compose(self) -> ComposeResult:
        """Lay out the lines of state, the tables and the keys."""
        for name in self.LINES:
            yield Static(id=name, markup=False)
        with Grid():
            for name, title in self.PANELS.items():
                table: DataTable[Text] = DataTable(id=name, cursor_type="row", cell_padding=0)
                table.border_title = title
                yield table
        yield Footer()

    def on_mount(self) -> None:
        """Look at once, and again every second."""
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

    def look(self) -> None:
        """Read anew, and show it."""
        if self._paused:
            return
        try:
            self._seen, self._trouble = self._read(), ""
        except FundingError as error:
            self._trouble = visible(str(error).replace("\n", " "))
        self._show_lines()
        if self._seen is not None:
            self.show_tables(self._seen)

    def table(self, name: str, frame: pl.DataFrame) -> None:
        """Put a frame into a table."""
        fill(self.query_one(f"#{name}", DataTable), frame, self.COLOURS)

    @abstractmethod
    def line(self, name: str) -> Text:
        """Write a line of state, when nothing is wrong with what was read."""

    @abstractmethod
    def show_tables(self, seen: S) -> None:
        """Fill the tables."""

    def _show_lines(self) -> None:
        for name in self.LINES:
            self.query_one(f"#{name}", Static).update(self._line(name))

    def _line(self, name: str) -> Text:
        if name != "status":
            return self.line(name)
        if self._trouble:
            return Text(self._trouble, style="bold red")
        shown = self.line(name)
        if self._paused:
            shown.append(" · paused", style="yellow")
        return shown


def fill(table: DataTable[Text], frame: pl.DataFrame, colours: Mapping[str, str]) -> None:
    """Put a frame into a table; the cursor and what is scrolled to stay where they were.

    Parameters
    ----------
    colours
        Styles of words that a cell may be.
    """
    at, scrolled = table.cursor_coordinate, table.scroll_offset
    table.clear(columns=True)
    for column, kind in frame.schema.items():
        table.add_column(Text(f" {column}", justify=_justified(kind)))
    for row in frame.iter_rows():
        table.add_row(*(_cell(value, colours) for value in row))
    table.move_cursor(row=min(at.row, max(0, table.row_count - 1)), scroll=False)
    table.scroll_to(scrolled.x, scrolled.y, animate=False)


def _justified(kind: pl.DataType) -> JustifyMethod:
    return "right" if kind.is_numeric() else "left"


def _cell(value: object, colours: Mapping[str, str]) -> Text:
    """Write a value; venues may name things as they like, so nothing in it is markup."""
    if value is None:
        return Text("")
    if isinstance(value, float):
        return Text(f" {value:,.2f}", justify="right")
    if isinstance(value, int):
        return Text(f" {value:,}", justify="right")
    text = visible(str(value))
    return Text(f" {text}", style=colours.get(text, ""))
