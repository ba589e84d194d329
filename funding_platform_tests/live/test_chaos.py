"""All faults on all venues at once, and cut after cut: in the end all is as the venues have it.

``CHAOS_SECONDS`` says how long they rage, ``CHAOS_CUTS`` how often each venue is cut.
"""

import asyncio
import os
import time
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from statistics import median

import psutil
import pytest

from funding_platform.sandbox.faults import Body, Connection, Fault, Latency, Stream
from funding_platform.sandbox.server import RunningSandbox
from funding_platform_tests.chaos.growth import growth_an_hour
from funding_platform_tests.chaos.report import conclude
from funding_platform_tests.live.all_venues import (
    PACE,
    Running,
    WallClock,
    frames_of,
    lasting_differences,
    running,
    streaming_venues,
)

pytestmark = [pytest.mark.anyio, pytest.mark.chaos]
SECONDS = float(os.environ.get("CHAOS_SECONDS", "20"))
CUTS = int(os.environ.get("CHAOS_CUTS", "10"))
COMMAND = f"make chaos-live SECONDS={SECONDS:g} CUTS={CUTS}"

COMMITTED: tuple[Fault, ...] = (
    Connection(action="reset", probability=0.002, seed=1),
    Connection(action="hang", probability=0.0005, seed=2),
    Latency(seconds=0.05, up_to_seconds=0.5, probability=0.01, seed=3),
    Body(action="truncate", probability=0.002, seed=4),
    Body(action="malform", probability=0.002, seed=5),
    Stream(action="stale", probability=0.001, seed=6),
    Stream(action="duplicate", probability=0.02, seed=7),
    Stream(action="reorder", probability=0.02, seed=8),
    Stream(action="rotate", probability=0.002, seed=9),
    Stream(action="delta_first", probability=0.2, seed=10),
    Stream(action="refuse", probability=0.02, seed=11),
)


@pytest.fixture
def sandbox_and_clock() -> Iterator[tuple[RunningSandbox, WallClock]]:
    with streaming_venues() as served:
        yield served


async def test_all_faults_at_once_leave_nothing_wrong_behind(
    sandbox_and_clock: tuple[RunningSandbox, WallClock], tmp_path: Path
) -> None:
    async with running(sandbox_and_clock, tmp_path) as one:
        one.sandbox.inject(*COMMITTED)
        await asyncio.sleep(SECONDS)
        one.sandbox.clear()
        struck = sum(
            counter["faults"]
            for endpoints in one.sandbox.stats().values()
            for counter in endpoints.values()
        )
        assert struck > 0
        assert sum(one.latest.gaps.values()) > 0
        await one.until(lambda: one.well)
        one.clock.stop()
        left = await lasting_differences(one)
        gaps, refills = (
            sum(getattr(one.counts(venue), count) for venue in one.venues)
            for count in ("gaps", "refills")
        )
        note = (
            f"{struck:,} faults, {gaps:,} gaps, {refills:,} snapshots by REST; in the end every "
            "value is what its venue says"
        )
        conclude(
            f"every fault on {len(one.venues)} venues at once for {SECONDS:g} s",
            left,
            note,
            command=COMMAND,
        )


def more_than(one: Running, count: str, before: Mapping[str, int]) -> bool:
    """Tell whether a count of every venue has grown."""
    return all(getattr(one.counts(venue), count) > so_far for venue, so_far in before.items())


async def fewest_tasks() -> int:
    """Count the tasks between two snapshots by REST, which have many for a while."""
    counted = []
    for _ in range(30):
        counted.append(len(asyncio.all_tasks()))
        await asyncio.sleep(0.1)
    return min(counted)


async def test_cut_after_cut_is_noticed_and_refilled_and_leaves_nothing_behind(
    sandbox_and_clock: tuple[RunningSandbox, WallClock], tmp_path: Path
) -> None:
    this = psutil.Process()
    async with running(sandbox_and_clock, tmp_path) as one:
        calm, began = await fewest_tasks(), time.monotonic()
        took: dict[str, list[float]] = {"noticed": [], "refilled": []}
        memory: list[tuple[float, float]] = []
        for _ in range(CUTS):
            cut_at = time.monotonic()
            gaps = {venue: one.counts(venue).gaps for venue in one.venues}
            refills = {venue: one.counts(venue).refills for venue in one.venues}
            for venue in one.venues:
                path = frames_of(venue)
                one.sandbox.inject(Connection(action="reset", venue=venue, path=path, count=1))
            await one.until(partial(more_than, one, "gaps", gaps))
            took["noticed"].append(PACE * (time.monotonic() - cut_at))
            await one.until(partial(more_than, one, "refills", refills))
            took["refilled"].append(PACE * (time.monotonic() - cut_at))
            await one.until(lambda: one.well)
            memory.append((PACE * (time.monotonic() - began), this.memory_info().rss / 1e6))
        await one.until(lambda: len(asyncio.all_tasks()) <= calm)
        begun_anew = [venue for venue in one.venues if one.counts(venue).restarts]
        lasted = PACE * (time.monotonic() - began) / 60
        note = (
            f"in {lasted:.0f} min of their time; the last venue's gap noticed within "
            f"{max(took['noticed']):.1f} s, filled within {max(took['refilled']):.1f} s, half of "
            f"the times within {median(took['refilled']):.1f} s; memory of collector and venues "
            f"{growth_an_hour(memory):+.1f} MB an hour of that time"
        )
        conclude(
            f"{len(one.venues)} venues cut at once, {CUTS} times", begun_anew, note, command=COMMAND
        )
