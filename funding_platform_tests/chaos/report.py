"""What the chaos tests measured, one row a scenario: printed at the end, and written on request."""

import os
import random
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
"""The document that the table is written to, if any."""

_BEGIN, _END = "<!-- chaos -->\n", "<!-- /chaos -->"


class _Row(NamedTuple):
    scenario: str
    tried: int
    held: int
    note: str


_rows: list[_Row] = []


def record(scenario: str, tried: int, held: int, note: str) -> None:
    """Add a scenario: how often it was tried, how often everything held, and what was worst."""
    _rows.append(_Row(scenario, tried, held, note))


def conclude(scenario: str, faults: Sequence[str], note: str) -> None:
    """Add a scenario that was tried once, and fail where something did not hold."""
    record(scenario, 1, 0 if faults else 1, f"{faults[0]}; {note}" if faults else note)
    assert not faults, "\n".join(faults)


def table() -> str:
    """Return the rows recorded so far as Markdown; empty without any."""
    if not _rows:
        return ""
    lines = [f"| {row.scenario} | {row.tried:,} | {row.held:,} | {row.note} |" for row in _rows]
    head = ["| scenario | tried | held | worst |", "| --- | ---: | ---: | --- |"]
    command = f"CHAOS_SEED={SEED} make chaos ROUNDS={ROUNDS}"
    return "\n".join([f"`{command}`", "", *head, *lines, ""])


def write(document: Path) -> None:
    """Put the table between the marks of a document."""
    before, _, rest = document.read_text(encoding="utf-8").partition(_BEGIN)
    _, _, after = rest.partition(_END)
    document.write_text(f"{before}{_BEGIN}{table()}{_END}{after}", encoding="utf-8")
