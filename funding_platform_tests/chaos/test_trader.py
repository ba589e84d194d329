"""The whole trader killed, at random instants and at each write of its store, and started again."""

import itertools
import random
import re
import time
from pathlib import Path

import pytest

from funding_platform.sandbox.server import RunningSandbox
from funding_platform_tests.chaos.dying import COUNTED
from funding_platform_tests.chaos.kills import Tally, Watch, kill_somewhere
from funding_platform_tests.chaos.report import ROUNDS, SEED
from funding_platform_tests.chaos.trader import KilledTrader, trader
from funding_platform_tests.execution.crashes import Moment

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(0)]

LIFE_CYCLES = 4
"""Of a whole life: pairs are opened, closed, and opened again."""


@pytest.fixture
def killed(tmp_path: Path, sandbox: RunningSandbox) -> KilledTrader:
    return trader(tmp_path, sandbox)


def live(killed: KilledTrader) -> tuple[float, int]:
    """Let it live to its end; returns the seconds that took, and how often it wrote."""
    began = time.monotonic()
    assert killed.trade(cycles=LIFE_CYCLES).wait() == 0, log_of(killed)
    seconds = time.monotonic() - began
    (count,) = re.findall(rf"{COUNTED} (\d+)", log_of(killed))
    assert killed.settled() == []
    assert killed.traded() > 0, log_of(killed)
    return seconds, int(count)


def log_of(killed: KilledTrader) -> str:
    return (killed.folder / "output.log").read_text()


def test_killed_at_random_instants(killed: KilledTrader) -> None:
    usual, _ = live(killed)
    tally, draw = Tally("`funding trade run`, at an instant"), random.Random(SEED)
    for _ in range(ROUNDS):
        before = killed.writes()
        process = killed.trade()
        watch = Watch(killed.settings, list, killed.writes)
        assert kill_somewhere(process, watch, draw, usual)
        wrote = killed.writes() > before
        began = time.monotonic()
        tally.add(killed.settled(), time.monotonic() - began, writing=wrote)
    tally.close()


def test_killed_at_each_write(killed: KilledTrader) -> None:
    _, writes = live(killed)
    deaths = list(itertools.product(range(writes), Moment))
    drawn = random.Random(SEED).sample(deaths, min(len(deaths), 2 * ROUNDS))
    tally = Tally(f"`funding trade run`, at one of {len(deaths)} moments of its {writes} writes")
    for number, moment in drawn:
        process = killed.trade(str(number), moment, cycles=2 * LIFE_CYCLES)
        assert process.wait() == -9, log_of(killed)
        began = time.monotonic()
        tally.add(killed.settled(), time.monotonic() - began, writing=True)
    tally.close()
