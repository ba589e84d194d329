"""Measurements as a table for a terminal, and as the page ``docs/benchmarks.md``."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.table import Table

from funding_platform_tests.benchmarks.measurement import Measurement

HEADER = ("", "value", "unit", "target", "peer", "ratio", "ok?")


@dataclass(frozen=True, slots=True)
class Section:
    """What one benchmark found."""

    title: str
    rows: Sequence[Measurement]

    def without_targets(self) -> "Section":
        """Return the same figures, held to nothing."""
        return Section(self.title, [row.without_target() for row in self.rows])

    def on_machine(self, slowness: float) -> "Section":
        """Scale its absolute targets to a machine that takes so many times as long."""
        return Section(self.title, [row.on_machine(slowness) for row in self.rows])


def machine() -> str:
    """The machine, by what a figure depends on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores, {memory:.0f} GiB of memory"


def rich_table(sections: Sequence[Section], caption: str) -> Table:
    """For a terminal; a ratio above 1 is in our favour."""
    table = Table(caption=caption, caption_justify="left", header_style="bold")
    for name in HEADER:
        table.add_column(name, justify="left" if name in ("", "unit", "ok?") else "right")
    for section in sections:
        table.add_section()
        table.add_row(f"[bold]{section.title}[/]")
        for row in section.rows:
            table.add_row(*_cells(row), style="red" if row.ok is False else None)
    return table


def markdown(sections: Sequence[Section], caption: str) -> str:
    """Return the page: a table per benchmark below its title."""
    return "\n".join([_HEAD, f"Measured with {caption}.", "", *_lines(sections)])


_HEAD = """\
# Benchmarks

`make bench` measures throughput and latency on your machine; `make bench ROW=curves` measures one
section, named as in `bench_<name>.py`, and `make bench DOCUMENT=1` writes this page.

A peer does the same work in the same run: another tool, or a plain version of it. Where there is
one, the target is a ratio to it, in brackets behind the ratio that was reached; the target column
says what that comes to here. Other targets in a unit of time are scaled by the machine's speed,
which a calibration takes at the start; those of memory, requests and rows hold as they are.
"""


def _lines(sections: Sequence[Section]) -> Iterator[str]:
    for section in sections:
        yield from (f"## {section.title}", "")
        yield f"| {' | '.join(HEADER)} |"
        yield "| --- | ---: | --- | ---: | ---: | ---: | --- |"
        yield from (f"| {' | '.join(_cells(row))} |" for row in section.rows)
        yield ""


def _cells(row: Measurement) -> tuple[str, ...]:
    sign = "≥" if row.more_is_better else "≤"
    return (
        row.name,
        number(row.value),
        row.unit,
        "" if row.bound is None else f"{sign} {number(row.bound)}",
        "" if row.peer is None else number(row.peer),
        _ratio(row),
        {True: "yes", False: "NO", None: ""}[row.ok],
    )


def _ratio(row: Measurement) -> str:
    if row.ratio is None:
        return ""
    least = "" if row.least_ratio is None else f" (≥ {number(row.least_ratio)}x)"
    return f"{number(row.ratio)}x{least}"


def number(value: float) -> str:
    """Three significant digits, whole from a hundred on."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
