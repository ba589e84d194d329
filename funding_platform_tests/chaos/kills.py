"""Killing a process at a random instant while a reader watches, and asking what then holds."""

import random
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from funding_platform.settings import Settings
from funding_platform_tests.chaos.processes import kill, members
from funding_platform_tests.chaos.report import record

ORPHAN_SECONDS = 300
"""How long the children of a killed process may take to notice; one that starts imports first."""


@dataclass
class Tally:
    """What became of the kills of one scenario."""

    scenario: str
    busy: str = "while it wrote"
    tried: int = 0
    while_writing: int = 0
    longest_recovery: float = 0.0
    violations: list[str] = field(default_factory=list)
    _spoilt: int = 0

    def add(self, violations: list[str], recovery: float, *, writing: bool) -> None:
        self.tried += 1
        self.while_writing += writing
        self.longest_recovery = max(self.longest_recovery, recovery)
        self._spoilt += bool(violations)
        self.violations += violations

    def close(self, more: str = "") -> None:
        """Record the scenario and fail where something did not hold."""
        note = (
            f"{self.while_writing} {self.busy}; the next one succeeded after at most "
            f"{self.longest_recovery:.1f} s{more and f'; {more}'}"
        )
        if self.violations:
            note = f"{self.violations[0]}; {note}"
        record(self.scenario, self.tried, self.tried - self._spoilt, note)
        assert not self.violations, "\n".join(self.violations)


class Watch:
    """Looks again and again while something is written.

    Parameters
    ----------
    look
        What a reader finds wrong at this moment.
    traces
        What a write changes first; of a lake by default.
    """

    def __init__(
        self,
        settings: Settings,
        look: Callable[[], list[str]],
        traces: Callable[[], object] | None = None,
    ) -> None:
        self._look = look
        self._traces = traces or partial(_traces, settings)
        self._before = self._traces()
        self.torn: list[str] = []

    def look(self) -> None:
        self.torn += self._look()

    def writing_has_begun(self) -> bool:
        """Whether anything is there that was not when the watch began."""
        return self._traces() != self._before


def instant_to_kill_at(watch: Watch, draw: random.Random, usual_seconds: float) -> Iterator[bool]:
    """Whether a random instant has come, asked again and again from the start on.

    Every other draw is an instant of a usual life, the others one soon after the first write, where
    there is most to break and which a uniform draw would seldom meet.
    """
    at_writing = draw.random() < 0.5
    wait = draw.uniform(0.0, 0.3 if at_writing else 1.0) * usual_seconds
    began = time.monotonic()
    while at_writing and not watch.writing_has_begun():
        began = time.monotonic()
        yield False
    while True:
        yield time.monotonic() - began >= wait


def kill_somewhere(
    process: subprocess.Popen[bytes], watch: Watch, draw: random.Random, usual_seconds: float
) -> bool:
    """Kill a process at a random instant; returns whether it lived to be killed."""
    for now in instant_to_kill_at(watch, draw, usual_seconds):
        if process.poll() is not None:
            return False
        if now:
            kill(process)
            return True
        watch.look()
    raise AssertionError("instants end")


def orphans_of(process: subprocess.Popen[bytes]) -> list[str]:
    """What a killed process started and what still runs when it should not."""
    deadline = time.monotonic() + ORPHAN_SECONDS
    while left := members(process.pid):
        if time.monotonic() > deadline:
            return [f"orphan left behind: {one}" for one in left]
        time.sleep(0.1)
    return []


def _traces(settings: Settings) -> tuple[object, ...]:
    """What a write changes first: the catalog's log, the data files, a file built aside."""
    log = settings.lake_dir / "catalog.sqlite-wal"
    return (
        log.stat().st_size if log.exists() else 0,
        frozenset((settings.lake_dir / "files").rglob("*.parquet")),
        frozenset(_aside(settings.data_dir)),
    )


def _aside(folder: Path) -> list[Path]:
    return list(folder.glob(".*.new*"))
