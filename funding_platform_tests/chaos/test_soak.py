"""The daemon at work for an hour, with no pause between the hours that it collects.

Dagster and the venues go by the real clock, and a snapshot can only be taken of the running hour.
Hence the hours are pressed together, not the clock: each round is what an hour brings (collection,
the settlements since a roll, transform), each 24th what a day does, one after another.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import psutil
import pytest

from funding_platform.core.tables.collected import MARKET_SNAPSHOTS
from funding_platform.core.time_grid import floor_hour, month_start
from funding_platform.defs.assets.maintenance import MAINTENANCE
from funding_platform.defs.partitions import HOUR_KEY, MONTH_KEY
from funding_platform.defs.running.jobs import COLLECT, TRANSFORM
from funding_platform.lake import connect
from funding_platform_tests.chaos.deployment import Deployment
from funding_platform_tests.chaos.growth import growth_an_hour
from funding_platform_tests.chaos.invariants import Acknowledged, broken
from funding_platform_tests.chaos.processes import members
from funding_platform_tests.chaos.report import MINUTES, conclude
from funding_platform_tests.chaos.shell import VENUES

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(0)]

HOURS_A_DAY = 24

_COLLECTED = "SELECT count(*) FROM core.collection_log WHERE dataset = ? AND status = 'success'"


def requests_of(hour: int, deployment: Deployment) -> Iterator[str]:
    """Ask for what an hour brings, one after another."""
    now = datetime.now(UTC)
    yield deployment.request(COLLECT, {"dagster/partition": f"{floor_hour(now):{HOUR_KEY}}"})
    month = f"{month_start(now):{MONTH_KEY}}"
    yield deployment.request_history(VENUES[hour % len(VENUES)], month)
    yield deployment.request(TRANSFORM, {"dagster/partition": month})
    if hour % HOURS_A_DAY == HOURS_A_DAY - 1:
        yield deployment.request(MAINTENANCE, {})


def resident(deployment: Deployment) -> dict[str, float]:
    """Megabytes of the processes that stay, by what they are."""
    assert deployment.daemon is not None
    found = {}
    for one in members(deployment.daemon.pid):
        try:
            command, megabytes = one.cmdline(), one.memory_info().rss / 1e6
        except psutil.Error:
            continue
        if one.pid == deployment.daemon.pid:
            found["daemon"] = megabytes
        elif "grpc" in command:
            found["code server"] = megabytes
    return found


def events(deployment: Deployment) -> int:
    """Rows of Dagster's logs, those of each run and those of all."""
    rows = 0
    for file in (deployment.home / "history" / "runs").glob("*.db"):
        with closing(sqlite3.connect(file)) as log:
            rows += log.execute("SELECT count(*) FROM event_logs").fetchone()[0]
    return rows


def files(folder: Path) -> int:
    return sum(1 for path in folder.rglob("*") if path.is_file())


def collected(deployment: Deployment) -> int:
    """How often a venue's market has been stored."""
    with connect(deployment.settings) as lake:
        found = lake.execute(_COLLECTED, [MARKET_SNAPSHOTS.full_name]).fetchone()
    assert found is not None
    return int(found[0])


def test_soak(deployment: Deployment) -> None:
    settings, until = deployment.settings, time.monotonic() + 60 * MINUTES
    began, faults, hours = time.monotonic(), list[str](), 0
    sizes: list[tuple[float, dict[str, float]]] = []
    before, stored = collected(deployment), Acknowledged.of(settings)
    events_before, files_before = events(deployment), files(settings.lake_dir)
    while time.monotonic() < until:
        for request in requests_of(hours, deployment):
            run = deployment.finished(request)
            if run.status != dg.DagsterRunStatus.SUCCESS:
                faults.append(f"hour {hours}: {run.job_name} {run.status.value}")
        hours += 1
        sizes.append((time.monotonic() - began, resident(deployment)))
    missed = hours - (collected(deployment) - before) // len(VENUES)
    if missed:
        faults.append(f"{missed} hours were missed")
    faults += broken(settings, stored)

    def of(name: str) -> list[tuple[float, float]]:
        return [(at, found[name]) for at, found in sizes if name in found]

    grown = ", ".join(
        f"{name} {growth_an_hour(of(name)):+.1f} MB an hour of the clock at "
        f"{sizes[-1][1][name]:.0f} MB"
        for name in ("daemon", "code server")
    )
    new_events, new_files = (
        events(deployment) - events_before,
        files(settings.lake_dir) - files_before,
    )
    note = (
        f"{hours} hours in {(time.monotonic() - began) / 60:.0f} min, {missed} missed; {grown}; an "
        f"hour {new_events / hours:.0f} events and {new_files / hours:+.1f} files of the lake"
    )
    conclude("soak: the daemon without a pause", faults, note)
