"""A venue can harm itself only, whatever it sends: every adapter, every dataset, every attack.

A few drawn attacks with every run of the tests; ``pytest -m chaos`` has each venue make each of
them, and prints what became of it. ``HOSTILE_SEED`` draws others.
"""

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from funding_platform.core.tables.collected import INSTRUMENTS, MARKET_SNAPSHOTS
from funding_platform.core.time_grid import to_ms
from funding_platform.sandbox.server import RunningSandbox, build_market, running_sandbox
from funding_platform.venues.registry import offering, venue_names
from funding_platform_tests.chaos.report import record
from funding_platform_tests.hostile.attacks import ATTACKS, GLUTTONOUS, HARMLESS
from funding_platform_tests.hostile.front import running_front
from funding_platform_tests.hostile.victim import HISTORIES

SEED = os.environ.get("HOSTILE_SEED", "0")
VENUES = venue_names()
INNOCENT = 5
"""So many venues, drawn anew each time, do not attack."""

BUDGET_MIB = 256
OVERHEAD_MIB = 256
"""What a collection of the sandbox takes without attacks, and what libraries take beside the
budget: buffers of sockets, copies on the way into the lake."""

DEADLINE_SECONDS = 30.0
SLACK_SECONDS = 60.0
"""For everything around the asking on a machine that does other things too."""

AT_ONCE = 4 * (os.cpu_count() or 1)
"""So many collections of the large form share the machine."""

TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
WINDOW = (to_ms(TODAY - timedelta(days=3)), to_ms(TODAY))
"""Some venues keep bars for months only."""

TABLES = {"snapshots": MARKET_SNAPSHOTS, "instruments": INSTRUMENTS, **HISTORIES}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox(build_market(symbols=3)) as running:
        yield running


def collect(
    sandbox: RunningSandbox,
    folder: Path,
    kinds: Sequence[str],
    plan: Mapping[str, str],
    spared: int = 0,
) -> dict[str, Any]:
    """Collect in a process of its own while the venues of ``plan`` attack, but for some paths."""
    with running_front(sandbox.url, plan, spared) as front:
        settings = {
            "data_dir": str(folder),
            "venue_urls": sandbox.venue_urls | {venue: f"{front}/{venue}" for venue in plan},
            "rate_limit_scale": 1e6,
            "request_timeout_seconds": 5,
            "snapshot_deadline_seconds": DEADLINE_SECONDS,
            "collection_memory_mib": BUDGET_MIB,
        }
        order = {"kinds": kinds, "window": WINDOW, "settings": settings}
        ended = subprocess.run(
            [sys.executable, "-m", "funding_platform_tests.hostile.victim", json.dumps(order)],
            capture_output=True,
            text=True,
            check=False,
            timeout=3_600,
        )
    assert ended.returncode == 0, f"{plan}: {ended.stderr[-4000:]}"
    report: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    require_harm_to_themselves_only(report, plan, kinds)
    return report


def require_harm_to_themselves_only(
    report: Mapping[str, Any], plan: Mapping[str, str], kinds: Sequence[str]
) -> None:
    """Everything that holds whatever the venues of ``plan`` have sent."""
    asked = {
        (TABLES[kind].full_name, venue)
        for kind in kinds
        for venue in offering(TABLES[kind], VENUES)
    }
    assert {(dataset, venue) for dataset, venue, *_ in report["attempts"]} == asked
    for dataset, venue, status, error, rows in report["attempts"]:
        what = f"{venue} {dataset}, {plan.get(venue)}: {status}, {rows} rows, {error}"
        if venue not in plan:
            assert status in ("success", "partial"), what
            assert rows, what
        elif plan[venue] not in HARMLESS:
            assert status == "success" or error, what
        assert not error or (len(error) < 30_000 and "\x1b" not in error), what
    assert report["seconds"] < DEADLINE_SECONDS * len(report["attempts"]) + SLACK_SECONDS
    assert report["peak"] - report["before"] < BUDGET_MIB + OVERHEAD_MIB, plan
    assert all(record.startswith("BreakerRecord") for record in report["breakers"].values())


def drawn(draw: random.Random, attacks: list[str]) -> dict[str, str]:
    """All but a few venues, each with an attack."""
    attackers = draw.sample(VENUES, len(VENUES) - INNOCENT)
    return {venue: draw.choice(attacks) for venue in attackers}


def test_a_few_hostile_venues_harm_themselves_only(sandbox: RunningSandbox, tmp_path: Path) -> None:
    plan = drawn(random.Random(SEED), list(ATTACKS))
    collect(sandbox, tmp_path / "data", ["snapshots", "instruments"], plan)


@pytest.mark.world
def test_all_venues_at_once_stay_within_the_budget(sandbox: RunningSandbox, tmp_path: Path) -> None:
    """With answers that are after nothing but our memory."""
    plan = {venue: GLUTTONOUS[n % len(GLUTTONOUS)] for n, venue in enumerate(VENUES)}
    report = collect(sandbox, tmp_path / "data", ["snapshots"], plan)
    print(f"peak {report['peak']:.0f} MiB, {report['before']:.0f} before", plan)


def plan_of(kind: str, shift: int) -> dict[str, str]:
    """All but a few venues, each with the attack that ``shift`` gives it."""
    attacks = list(ATTACKS)
    innocent = random.Random(f"{SEED}{kind}{shift}").sample(VENUES, INNOCENT)
    return {
        venue: attacks[(7 * n + shift) % len(attacks)]
        for n, venue in enumerate(VENUES)
        if venue not in innocent
    }


@dataclass(frozen=True)
class Outcome:
    """What became of one collection under attack."""

    attacks: int
    rise_mib: float = 0.0
    fault: str = ""


@pytest.mark.chaos
@pytest.mark.timeout(0)
@pytest.mark.parametrize("kind", TABLES)
def test_every_venue_makes_every_attack(sandbox: RunningSandbox, tmp_path: Path, kind: str) -> None:
    """Over all shifts each venue has made each attack, but for when it was drawn as innocent.

    A collection under attack mostly waits for those that answer slowly, so several run at once.
    """
    asked = set(offering(TABLES[kind], VENUES))
    # Of a history the list of contracts is answered well: without it nothing else is asked for.
    spared = 1 if kind in HISTORIES else 0

    def attacked(shift: int) -> Outcome:
        plan = plan_of(kind, shift)
        made = len(asked & plan.keys())
        try:
            report = collect(sandbox, tmp_path / f"{shift}", [kind], plan, spared)
        except (AssertionError, subprocess.TimeoutExpired) as fault:
            return Outcome(made, fault=str(fault))
        for _, venue, status, error, rows in sorted(report["attempts"]):
            print(f"{shift} | {venue} | {plan.get(venue)} | {status} | {rows} | {error!r:.90}")
        print(f"{shift} | peak {report['peak']:.0f} MiB | {report['seconds']:.1f} s", flush=True)
        return Outcome(made, report["peak"] - report["before"])

    with ThreadPoolExecutor(AT_ONCE) as pool:
        outcomes = list(pool.map(attacked, range(len(ATTACKS))))
    faults = [one.fault for one in outcomes if one.fault]
    record(
        f"a hostile answer to a collection of {kind}",
        sum(one.attacks for one in outcomes),
        sum(one.attacks for one in outcomes if not one.fault),
        f"harmed its venue only; memory rose by at most "
        f"{max(one.rise_mib for one in outcomes):.0f} MiB",
        command=f"HOSTILE_SEED={SEED} make chaos ONLY=funding_platform_tests/hostile",
    )
    assert not faults, "\n".join(faults)
