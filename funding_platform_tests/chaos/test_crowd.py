"""Writers, readers, maintenance and publishing at once: no error, no torn read, nobody starves."""

from pathlib import Path

import numpy as np
import pytest

from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings
from funding_platform_tests.chaos.crowd import (
    VENUES,
    Crowd,
    keep_published,
    keep_small,
    last_commits,
    read,
    write,
)
from funding_platform_tests.chaos.invariants import Acknowledged, broken
from funding_platform_tests.chaos.report import ROUNDS, conclude
from funding_platform_tests.chaos.shell import LOCK_PATIENCE

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(0)]

SECONDS = max(20, 10 * ROUNDS)
"""Five minutes at the usual number of rounds."""

READERS = 4


def test_a_crowd_on_one_lake(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data", **LOCK_PATIENCE)
    Lake(settings).connection.close()
    works = dict.fromkeys(VENUES, write) | {f"reader {one}": read for one in range(READERS)}
    upkeep = {"maintenance": keep_small, "publishing": keep_published}
    told = Crowd(settings, SECONDS, works | upkeep).run()

    faults = [fault for one in told.values() for fault in one.faults]
    faults += [f"{who} never came to an end" for who, one in told.items() if one.turns == 0]
    commits = {venue: told[venue].turns for venue in VENUES}
    if max(commits.values()) > 4 + 4 * min(commits.values()):
        faults.append(f"a writer starves: {commits}")
    if (last := last_commits(settings)) != commits:
        faults.append(f"the lake ends with {last}, committed were {commits}")
    faults += broken(settings, Acknowledged.of(settings))

    seconds = np.concatenate([told[venue].seconds for venue in VENUES])
    p50, p99 = (1e3 * float(np.quantile(seconds, share)) for share in (0.5, 0.99))
    reads = sum(told[f"reader {one}"].turns for one in range(READERS))
    note = (
        f"{SECONDS} s: {len(seconds):,} commits (p50 {p50:,.0f} ms, p99 {p99:,.0f} ms, "
        f"{min(commits.values())} to {max(commits.values())} a writer), {reads:,} reads, "
        f"{told['maintenance'].turns} times maintained, {told['publishing'].turns} published"
    )
    scenario = f"{len(VENUES)} writers, {READERS} readers, maintenance, publishing at once"
    conclude(scenario, faults, note)
