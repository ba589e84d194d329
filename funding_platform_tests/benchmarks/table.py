"""Measurements as a table for a terminal, and as the page ``docs/benchmarks.md``."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from rich.table import Table

from funding_platform_tests.benchmarks.measurement import Measurement

HEADER = ("", "value", "unit", "target", "peer", "ratio", "ok?")


@dataclass(frozen=True, slots=True)
class Section:
    """What one benchmark found."""

    title: str
    rows: Sequence[Measurement]

    def without_targets(self) -> "Section":
        """The same figures, not held to anything."""
        return Section(self.title, [replace(row, target=None) for row in self.rows])


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

`make bench` measures throughput and latency on your machine, each figure beside its target and,
where there is one, beside a peer that does the same work; `make bench DOCUMENT=1` writes this page.
"""


def _lines(sections: Sequence[Section]) -> Iterator[str]:
    for section in sections:
        yield from (f"## {section.title}", "")
        yield f"| {' | '.join(HEADER)} |"
        yield "| --- | ---: | --- | ---: | ---: | ---: | --- |"
        yield from (f"| {' | '.join(_cells(row))} |" for row in section.rows)
        yield ""


def _cells(row: Measurement) -> tuple[str, ...]:
    bound = (
        "" if row.target is None else f"{'≥' if row.more_is_better else '≤'} {number(row.target)}"
    )
    return (
        row.name,
        number(row.value),
        row.unit,
        bound,
        "" if row.peer is None else number(row.peer),
        "" if row.ratio is None else f"{number(row.ratio)}x",
        {True: "yes", False: "NO", None: ""}[row.ok],
    )


def number(value: float) -> str:
    """Three significant digits, whole from a hundred on."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
