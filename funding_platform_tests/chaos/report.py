"""What the chaos tests measured, one row a scenario: printed at the end, and written on request.

A document keeps one table for each file of tests. A run replaces those of the files that it ran, so
that the long suites need not run together.
"""

import os
import random
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

SEED: Final = int(os.environ.get("CHAOS_SEED") or random.SystemRandom().randrange(10**6))
"""Seed of every draw; printed, so that a run can be repeated."""

ROUNDS: Final = int(os.environ.get("CHAOS_ROUNDS") or 2)
"""How often each scenario is tried."""

MINUTES: Final = float(os.environ.get("CHAOS_MINUTES") or 2 * ROUNDS)
"""How long the soak lasts: an hour at the usual number of rounds."""

DOCUMENT: Final = os.environ.get("CHAOS_DOCUMENT")
"""The document that the tables are written to, if any."""

_BEGIN, _END = "<!-- chaos -->\n", "<!-- /chaos -->"
_SUITE: Final = re.compile(r"<!-- suite (\S+) -->\n")
_KILLS: Final = re.compile(r"^\| [^|]*kill[^|]* \| ([\d,]+) \| ([\d,]+) \|", re.MULTILINE)


class _Row(NamedTuple):
    scenario: str
    tried: int
    held: int
    note: str


_suites: dict[str, list[_Row]] = {}
_commands: dict[str, str] = {}


def record(scenario: str, tried: int, held: int, note: str, *, command: str | None = None) -> None:
    """Add a scenario of the test that runs: how often it was tried and held, and what was worst.

    Parameters
    ----------
    scenario, tried, held, note
        A row of the table. A scenario whose name says "kill" counts among the kills.
    command
        What runs the suite again; that of `make chaos` by default.
    """
    suite = os.environ["PYTEST_CURRENT_TEST"].partition("::")[0]
    _suites.setdefault(suite, []).append(_Row(scenario, tried, held, note))
    minutes = f" MINUTES={MINUTES:g}" if os.environ.get("CHAOS_MINUTES") else ""
    usual = f"CHAOS_SEED={SEED} make chaos ROUNDS={ROUNDS}{minutes} ONLY={suite}"
    _commands[suite] = command or usual


def conclude(
    scenario: str, faults: Sequence[str], note: str, *, command: str | None = None
) -> None:
    """Add a scenario that was tried once, and fail where something did not hold."""
    note = f"{faults[0]}; {note}" if faults else note
    record(scenario, 1, 0 if faults else 1, note, command=command)
    assert not faults, "\n".join(faults)


def tables() -> dict[str, str]:
    """Return the rows recorded so far as Markdown, by the file of their tests."""
    head = "| scenario | tried | held | worst |\n| --- | ---: | ---: | --- |\n"
    return {
        suite: f"`{_commands[suite]}`\n\n{head}{''.join(map(_line, rows))}"
        for suite, rows in _suites.items()
    }


def write(document: Path) -> None:
    """Put the tables between the marks of a document, those of other suites stay."""
    before, _, rest = document.read_text(encoding="utf-8").partition(_BEGIN)
    written, _, after = rest.partition(_END)
    _, *parts = _SUITE.split(written)
    kept = {
        suite: table.strip() + "\n" for suite, table in zip(parts[::2], parts[1::2], strict=True)
    }
    text = "\n".join(
        f"<!-- suite {suite} -->\n{table}" for suite, table in sorted({**kept, **tables()}.items())
    )
    document.write_text(
        f"{before}{_BEGIN}{_told_kills(text)}\n{text}{_END}{after}", encoding="utf-8"
    )


def _told_kills(text: str) -> str:
    """Say how many kills the tables tell of, and after how many everything held."""
    found = [[int(number.replace(",", "")) for number in pair] for pair in _KILLS.findall(text)]
    tried, held = (sum(numbers) for numbers in zip(*found, strict=True)) if found else (0, 0)
    return f"{tried:,} kills in the tables below; after {held:,} of them everything held.\n"


def _line(row: _Row) -> str:
    return f"| {row.scenario} | {row.tried:,} | {row.held:,} | {row.note} |\n"
