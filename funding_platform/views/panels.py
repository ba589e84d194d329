"""Tables of a dashboard: a frame put into one, again and again, with nothing jumping."""

from collections.abc import Mapping

import polars as pl
from rich.console import JustifyMethod
from rich.text import Text
from textual.widgets import DataTable

from funding_platform.core.plain_text import visible


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
