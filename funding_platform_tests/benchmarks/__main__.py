"""``make bench``: every benchmark, one after another, each in a process of its own.

A process of its own keeps imports, caches and the mark of peak memory apart; one after another,
because two at a time would measure each other. How a target is chosen, and how it is carried over
to another machine, is told in ``measurement``.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console

from funding_platform_tests.benchmarks.calibration import slowness
from funding_platform_tests.benchmarks.measurement import Measurement
from funding_platform_tests.benchmarks.table import (
    Section,
    machine,
    markdown,
    number,
    rich_table,
)

BENCHMARKS = (
    "pipeline",
    "collection",
    "lake",
    "disk",
    "commits",
    "cluster",
    "dagster",
    "curves",
    "pca",
    "statistics",
    "growth",
    "backtest",
    "backtest_runs",
    "candles",
    "opportunities",
    "live",
    "streams",
    "execution",
    "service",
    "service_load",
    "decode",
    "politeness",
    "ccxt",
    "startup",
)
"""Modules ``bench_<name>``, each with a ``run`` that returns measurements."""

ROOT = Path(__file__).resolve().parents[2]


class CrashedError(Exception):
    """A benchmark ended with an error; the message is what it said."""


@click.command()
@click.option(
    "--only",
    "names",
    multiple=True,
    type=click.Choice(BENCHMARKS),
    help="One benchmark; repeatable.",
)
@click.option("--quick", is_flag=True, help="Less work: shows that they run, not how fast.")
@click.option(
    "--markdown",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write the page of all figures to this file.",
)
def main(names: Sequence[str], quick: bool, file: Path | None) -> None:
    """Measure, and show each figure beside its target and its peer."""
    if file is not None and (names or quick):
        raise click.UsageError("the page has every figure: leave out --only (ROW) and --quick")
    scale = None if quick else slowness()
    sections, crashed = _measure_all(names or BENCHMARKS, scale)
    caption = f"{machine()}, {_told(scale)}; a ratio above 1x is in our favour"
    # Without a terminal, rich assumes 80 columns and would fold the names.
    console = Console() if sys.stdout.isatty() else Console(width=140)
    console.print(rich_table(sections, caption))
    if crashed:
        raise click.ClickException(f"crashed: {', '.join(crashed)}; the page needs every section")
    if file is not None:
        file.write_text(markdown(sections, caption), encoding="utf-8")


def _told(scale: float | None) -> str:
    if scale is None:
        return "quick: targets are for the whole work"
    return f"{number(scale)} times the reference machine's seconds"


def _measure_all(names: Sequence[str], scale: float | None) -> tuple[list[Section], list[str]]:
    """Return the sections, and the names of those that crashed; quick without a scale."""
    sections, crashed = [], []
    for name in names:
        click.echo(f"measuring {name} ...", err=True)
        try:
            section = measure(name, quick=scale is None)
        except CrashedError as error:
            click.echo(f"{name} crashed:\n{error}", err=True)
            crashed.append(name)
        else:
            sections.append(
                section.without_targets() if scale is None else section.on_machine(scale)
            )
    return sections, crashed


def measure(name: str, *, quick: bool) -> Section:
    """Run one benchmark in a fresh interpreter that sees no settings of the user.

    Raises
    ------
    CrashedError
        If it fails.
    """
    environment = {k: v for k, v in os.environ.items() if not k.startswith("FUNDING_")}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "found.json"
        worker = ["-m", "funding_platform_tests.benchmarks.worker", name, str(file)]
        done = subprocess.run(
            [sys.executable, *worker, *(["--quick"] if quick else [])],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        if done.returncode:
            raise CrashedError(done.stderr)
        found = json.loads(file.read_text())
    return Section(found["title"], [Measurement(**row) for row in found["rows"]])


if __name__ == "__main__":
    main()
