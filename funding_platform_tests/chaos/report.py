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

_END: Final = "<!-- /chaos -->"
"""Before this mark of the document a suite is put that has no place there yet."""


class _Row(NamedTuple):
    scenario: str
    tried: int
    held: int
    note: str


_rows: dict[str, list[_Row]] = {}
"""By the suite that recorded them: the module of the test."""


def record(scenario: str, tried: int, held: int, note: str) -> None:
    """Add a scenario: how often it was tried, how often everything held, and what was worst."""
    module = os.environ["PYTEST_CURRENT_TEST"].partition("::")[0]
    _rows.setdefault(module, []).append(_Row(scenario, tried, held, note))


def conclude(scenario: str, faults: Sequence[str], note: str) -> None:
    """Add a scenario that was tried once, and fail where something did not hold."""
    record(scenario, 1, 0 if faults else 1, f"{faults[0]}; {note}" if faults else note)
    assert not faults, "\n".join(faults)


def tables() -> str:
    """Return what was recorded so far as Markdown; empty where nothing was."""
    return "\n".join(_table(module) for module in _rows)


def write(document: Path) -> None:
    """Put the table of each suite that ran where the document has it; others stay."""
    text = document.read_text(encoding="utf-8")
    for module in _rows:
        begin, end = (f"<!-- {sign}{Path(module).stem} -->\n" for sign in ("", "/"))
        if begin not in text:
            text = text.replace(_END, f"{begin}{end}\n{_END}")
        before, _, rest = text.partition(begin)
        _, _, after = rest.partition(end)
        text = f"{before}{begin}{_table(module)}{end}{after}"
    document.write_text(text, encoding="utf-8")


def _table(module: str) -> str:
    lines = [
        f"| {row.scenario} | {row.tried:,} | {row.held:,} | {row.note} |" for row in _rows[module]
    ]
    head = ["| scenario | tried | held | worst |", "| --- | ---: | ---: | --- |"]
    command = f"CHAOS_SEED={SEED} make chaos ROUNDS={ROUNDS} ONLY={module}"
    return "\n".join([f"`{command}`", "", *head, *lines, ""])
