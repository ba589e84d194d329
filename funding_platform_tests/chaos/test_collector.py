"""The collector of streams, killed at random instants: the record goes on, whole and once."""

import random
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from funding_platform.core.tables.live import LIVE_RATES
from funding_platform.lake import connect
from funding_platform.settings import Settings
from funding_platform_tests.chaos.invariants import Acknowledged, broken
from funding_platform_tests.chaos.kills import Tally, Watch, instant_to_kill_at, orphans_of
from funding_platform_tests.chaos.processes import kill
from funding_platform_tests.chaos.report import ROUNDS, SEED
from funding_platform_tests.chaos.shell import Shell
from funding_platform_tests.waiting import until

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(0)]

KILLS = max(1, 10 * ROUNDS // 3)
"""A hundred at the usual number of rounds."""

SPAN_SECONDS = 10
PATIENCE_SECONDS = 600
LOOK_SECONDS = 0.2

_SPANS = f"SELECT epoch(minute_time), count(*) FROM {LIVE_RATES.full_name} GROUP BY ALL"


@dataclass
class Record:
    """What a reader sees of the record: a span is there whole or not at all, and stays as it is."""

    settings: Settings
    spans: dict[float, int] = field(default_factory=dict)

    def look(self) -> list[str]:
        """What a reader finds otherwise than it was."""
        with connect(self.settings) as lake:
            seen = dict(lake.execute(_SPANS).fetchall())
        torn = [
            f"the span of {span:.0f} had {rows} rows and has {seen.get(span, 0)}"
            for span, rows in self.spans.items()
            if seen.get(span) != rows
        ]
        self.spans = seen
        return torn


@dataclass
class Life:
    """What became of one collector."""

    first_span_after: float | None = None
    """Seconds until it had recorded, where it lived so long."""
    lost_seconds: float = 0.0
    """How much of what it had seen was not recorded."""


def live_and_be_killed(
    process: "subprocess.Popen[bytes]",
    watch: Watch,
    record: Record,
    draw: random.Random,
    usual_seconds: float,
) -> Life:
    """Let a collector live until a random instant."""
    life, began = Life(), time.monotonic()
    for now in instant_to_kill_at(watch, draw, usual_seconds):
        assert process.poll() is None, "the collector ended by itself"
        assert time.monotonic() - began < PATIENCE_SECONDS, "nothing was recorded"
        if now:
            kill(process)
            break
        watch.look()
        if life.first_span_after is None and watch.writing_has_begun():
            life.first_span_after = time.monotonic() - began
        time.sleep(LOOK_SECONDS)
    if life.first_span_after is not None:
        watch.look()
        life.lost_seconds = time.time() - (max(record.spans) + SPAN_SECONDS)
    return life


def test_a_killed_collector(
    stocked: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FUNDING_LIVE_RECORD_SECONDS", str(SPAN_SECONDS))
    shell = stocked.copy(tmp_path)
    settings, draw = shell.settings, random.Random(f"{SEED} collector")
    tally = Tally("`funding live`, killed", "after it had recorded")
    record, lost, usual = Record(settings), 0.0, 6.0 * SPAN_SECONDS
    while tally.tried < KILLS:
        stored = Acknowledged.of(settings)
        watch = Watch(settings, record.look, lambda: tuple(record.spans))
        process = shell.start("live")
        life = live_and_be_killed(process, watch, record, draw, usual)
        found = [*watch.torn, *orphans_of(process), *broken(settings, stored)]
        usual = (life.first_span_after or usual - SPAN_SECONDS) + SPAN_SECONDS
        lost = max(lost, life.lost_seconds)
        tally.add(found, life.first_span_after or 0.0, writing=life.first_span_after is not None)
    assert record_goes_on(shell, record)
    tally.close(f"at most {lost:.0f} s of the record lost")


def record_goes_on(shell: Shell, record: Record) -> bool:
    """Whether a collector that nobody kills records."""
    before = max(record.spans, default=0.0)
    process = shell.start("live")
    try:
        until(lambda: not record.look() and max(record.spans) > before, "a span", PATIENCE_SECONDS)
    finally:
        kill(process)
    return True
