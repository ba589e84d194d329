"""What the command line draws: tables, progress bars and the plot of a funding curve.

What comes from data is shown as the text that it is: rich reads no markup in it, and no control
character of it reaches the terminal.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from itertools import cycle
from pathlib import Path

import polars as pl
from rich.console import Console, JustifyMethod
from rich.measure import Measurement
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table as RichTable
from rich.text import Text

from funding_platform.core.plain_text import cell, visible
from funding_platform.core.tables.features.curves import BUCKETS
from funding_platform.core.units import TENOR_HOURS
from funding_platform.flows.progress import reported_to

console = Console()

_UNBOUNDED = 10_000
"""Wider than any table, in characters."""

_LINE_COLOURS = (*range(1, 7), *range(9, 15), 130, 208, 99, 37)
"""Numbers of terminal colours that are seen on black and on white."""


@contextmanager
def progress_bars(chatter: Path | None = None) -> Iterator[None]:
    """Draw the progress of every flow inside the block.

    Parameters
    ----------
    chatter
        File for what else is printed inside the block, so that the bars have the screen alone.
    """
    columns = (
        TextColumn("  {task.description:<28}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with ExitStack() as stack:
        if chatter is not None:
            console.file = sys.stdout
            stack.callback(setattr, console, "file", None)  # wherever stdout leads by then
            chatter.parent.mkdir(parents=True, exist_ok=True)
            stack.enter_context(redirect_stdout(stack.enter_context(chatter.open("w"))))
        progress = stack.enter_context(
            Progress(*columns, console=console, redirect_stdout=chatter is None)
        )

        def listener(label: str, total: int) -> Callable[[], None]:
            task = progress.add_task(visible(label), total=total)
            return lambda: progress.advance(task)

        with reported_to(listener):
            yield


def show(frame: pl.DataFrame, title: str | None = None) -> None:
    """Print a frame as a table; numbers to the right, absent values as a dash.

    One too wide for the terminal is printed row by row instead, a line per column; into a pipe
    or a file it goes at its full width.
    """
    heading = Text(visible(title), style="table.title") if title else None
    table = RichTable(title=heading, title_justify="left", header_style="bold")
    for name, dtype in frame.schema.items():
        justify: JustifyMethod = "right" if dtype.is_numeric() else "left"
        table.add_column(Text(visible(name)), justify=justify, overflow="fold")
    for row in frame.iter_rows():
        table.add_row(*(Text(cell(value)) for value in row))
    width = Measurement.get(console, console.options.update(max_width=_UNBOUNDED), table)
    if not console.is_terminal:
        Console(width=width.maximum).print(table)
    elif width.minimum <= console.width:
        console.print(table)
    else:
        _show_rows(frame, title)


def _show_rows(frame: pl.DataFrame, title: str | None) -> None:
    """Show one block per row, one line per column."""
    if title:
        console.print(Text(visible(title)), style="italic")
    names = [visible(name) for name in frame.columns]
    longest = max(map(len, names))
    for number, row in enumerate(frame.iter_rows(), start=1):
        console.rule(f"row {number}", align="left")
        for name, value in zip(names, row, strict=True):
            console.print(Text(f"{name:<{longest}}  {cell(value)}"))


def remark(mark: str, style: str, text: str) -> None:
    """Print a word in a style, and after it a text from wherever."""
    console.print(Text.assemble((mark, style), " ", visible(text)))


def plot_curves(curves: pl.DataFrame, title: str) -> None:
    """Draw one line per instrument: annualised funding over hours back.

    The names stand below the chart, in the colours of their lines and from the highest yield
    to the lowest: inside it, a dozen of them would cover the lines.

    Parameters
    ----------
    curves
        Rows of ``features.curve_snapshots`` with at least one bucket; missing ones are gaps in
        the line.
    title
        Printed above.
    """
    import plotext

    plotext.clear_figure()
    plotext.theme("clear")
    plotext.plot_size(min(console.width, 100), 20)
    legend = []
    for row, colour in zip(curves.iter_rows(named=True), cycle(_LINE_COLOURS), strict=False):
        points = {
            k * TENOR_HOURS: row[name] * 100
            for k, name in enumerate(BUCKETS)
            if row[name] is not None
        }
        plotext.plot(list(points), list(points.values()), marker="braille", color=colour)
        whose = visible(f"{row['venue']} {row['venue_symbol']}")
        name = f"{whose} ({row['kind']} {row['as_of']:%Y-%m-%d %H:%M})"
        newest = next(iter(points.values()))
        legend.append((newest, Text(f"━━ {newest:8.2f} %  {name}", style=f"color({colour})")))
    plotext.title(visible(title))
    plotext.xlabel("hours back from the newest window (left); % a year")
    console.print(Text.from_ansi(plotext.build()))
    for _, line in sorted(legend, key=lambda entry: entry[0], reverse=True):
        console.print(line)
