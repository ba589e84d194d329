"""Execution under faults: all pairs of outcomes, kills at every write, and random schedules."""

import itertools
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory

import pytest

from funding_platform.core.system.clock import Clock
from funding_platform.execution import Outcome, PairState, open_store
from funding_platform.execution.pair.pairs import LegName
from funding_platform_tests.chaos.report import ROUNDS, SEED, record
from funding_platform_tests.execution.crashes import Moment
from funding_platform_tests.execution.outcomes import (
    close_all,
    ends,
    open_pair,
    script,
    settle_down,
)
from funding_platform_tests.execution.schedules import Alone, Schedule, Verdict
from funding_platform_tests.execution.victim import RULES, Front
from funding_platform_tests.execution.world import World, copy_of

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(0)]

SCHEDULES = 10_000 * ROUNDS // 30
"""Ten thousand in the usual number of rounds."""

MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""Where schedules keep their stores: deaths are drawn here, and waiting for a disk is no part."""

WRITES = {"open": 3, "close": 4}
"""Steps that each writes, the cursors of the look before it among them."""


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("execution") / "empty.sqlite"
    open_store(f"sqlite:///{file}").close()
    return file


@pytest.mark.parametrize("closing", [False, True], ids=["open", "close"])
def test_all_pairs_of_outcomes(template: Path, tmp_path: Path, closing: bool) -> None:
    pairs = list(itertools.product(Outcome, Outcome))
    wrong = []
    for long, short in pairs:
        with TemporaryDirectory(dir=tmp_path) as folder:
            world = World(copy_of(template, Path(folder)))
            if closing:
                open_pair(world)
            script(world, {LegName.LONG: long, LegName.SHORT: short}, closing=closing)
            if closing:
                close_all(world)
            else:
                open_pair(world)
            settle_down(world)
            ended = (PairState.CLOSED,) if closing else (PairState.OPEN, PairState.ABORTED)
            if found := ends(world, *ended):
                wrong.append(f"{long}, {short}: {found[0]}")
            world.store.close()
    deed = "close" if closing else "open"
    note = wrong[0] if wrong else "flat" if closing else "both legs alike, or neither"
    record(f"{deed}: a pair of nine outcomes", len(pairs), len(pairs) - len(wrong), note)
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("deed", WRITES)
def test_killed_at_every_write(template: Path, tmp_path: Path, deed: str) -> None:
    wrong = []
    deaths = list(itertools.product(range(WRITES[deed]), Moment))
    for number, moment in deaths:
        with TemporaryDirectory(dir=tmp_path) as folder:
            wrong += [
                f"{moment} write {number}: {one}"
                for one in _killed(copy_of(template, Path(folder)), deed, number, moment)
            ]
    note = wrong[0] if wrong else "no order sent twice; the next start ended it alike"
    record(f"{deed}: kill -9 at a write", len(deaths), len(deaths) - len(wrong), note)
    assert not wrong, "\n".join(wrong)


def _killed(url: str, deed: str, number: int, moment: Moment) -> list[str]:
    """Kill a process at a write, start another, and return what then does not hold."""
    world = World(url, RULES, clock=Clock())
    world.store.close()
    front = Front(world)

    def process(*arguments: object) -> int:
        command = ["-m", "funding_platform_tests.execution.victim", front.address, url]
        return subprocess.run(
            [sys.executable, *command, *map(str, arguments)], check=False
        ).returncode

    if deed == "close":
        assert process("open") == 0
    assert process(deed, number, moment) == -9
    assert process("look on") == 0
    world.start()
    asked = deed == "close" and (number > 1 or (number == 1 and moment is Moment.AFTER))
    ended = [PairState.CLOSED] if asked else [PairState.OPEN, PairState.ABORTED]
    found = ends(world, *ended)
    world.store.close()
    return found


def _lived(seed: int, template: Path) -> Verdict:
    with TemporaryDirectory(dir=MEMORY) as folder:
        return Schedule(seed, copy_of(template, Path(folder))).run()


def _verdicts(template: Path) -> Iterator[Verdict]:
    seeds = range(SEED * 100_000, SEED * 100_000 + SCHEDULES)
    with ProcessPoolExecutor() as pool:
        yield from pool.map(_lived, seeds, itertools.repeat(template), chunksize=20)


def test_random_schedules(template: Path) -> None:
    verdicts = list(_verdicts(template))
    wrong = [f"{one.seed}: {one.wrong[0]}" for one in verdicts if one.wrong]
    late = [f"{one.seed}: {one.late[0]}" for one in verdicts if one.late]
    orders, crashes = sum(one.orders for one in verdicts), sum(one.crashes for one in verdicts)
    sound = f"{orders:,} orders, {crashes:,} deaths, none sent twice; all alike within two looks"
    record(
        "random fault schedule",
        len(verdicts),
        len(verdicts) - len(wrong),
        wrong[0] if wrong else sound,
    )
    record(
        "no leg alone for longer than configured",
        len(verdicts),
        len(verdicts) - len(late),
        late[0] if late else _alone([one for verdict in verdicts for one in verdict.alone]),
    )
    assert not wrong, "\n".join(wrong)
    assert not late, "\n".join(late)


def _alone(stretches: Sequence[Alone]) -> str:
    longest = max(stretches, key=lambda one: one.seconds)
    calm = max((one for one in stretches if one.undisturbed), key=lambda one: one.seconds)
    p99 = quantiles((one.seconds for one in stretches), n=100)[-1]
    return (
        f"{len(stretches):,} times alone: longest {longest.seconds:.1f} s (may be "
        f"{longest.bound:.0f} s), 99 of 100 within {p99:.1f} s; where only orders failed "
        f"{calm.seconds:.1f} s (may be {calm.bound:.0f} s)"
    )
