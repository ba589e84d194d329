"""The commands that write, killed at random instants: what was stored stays, what follows works."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from funding_platform.core.time_grid import next_month, to_ms
from funding_platform.settings import Settings
from funding_platform_tests.chaos.invariants import Acknowledged, Months, broken, torn_months
from funding_platform_tests.chaos.kills import Tally, Watch, kill_somewhere, orphans_of
from funding_platform_tests.chaos.report import ROUNDS, SEED
from funding_platform_tests.chaos.shell import BEFORE_LAST, LAST, Shell

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(0)]

IMPORTED = "okx/BTC-USDT-SWAP.csv"
FIRST_IMPORTED = datetime(2021, 1, 1, tzinfo=UTC)
SETTLEMENTS = 3 * 28


@dataclass(frozen=True)
class Order:
    """A command, and the months that it adds, by venue, with their settlements."""

    arguments: Sequence[str]
    coming: Months = field(default_factory=dict)


def collect(_: Path, __: int) -> Order:
    return Order(["collect"])


def backfill(_: Path, __: int) -> Order:
    return Order(["backfill", "--from", f"{BEFORE_LAST:%Y-%m}", "--to", f"{LAST:%Y-%m}"])


def publish(_: Path, __: int) -> Order:
    return Order(["publish"])


def maintain(_: Path, __: int) -> Order:
    return Order(["maintain", "--keep-days", "0"])


def backup(folder: Path, _: int) -> Order:
    return Order(["backup", str(folder / "backups"), "--keep", "2"])


def transform(_: Path, __: int) -> Order:
    return Order(["transform"])


def import_files(folder: Path, number: int) -> Order:
    """A month of its own each time, so that there is always something to add."""
    first = FIRST_IMPORTED
    for _ in range(number):
        first = next_month(first)
    file = folder / f"import-{number}" / IMPORTED
    file.parent.mkdir(parents=True, exist_ok=True)
    times = (first + step * timedelta(hours=8) for step in range(SETTLEMENTS))
    rows = [f"{to_ms(time)},0.0001,8," for time in times]
    file.write_text("\n".join(["funding_time_ms,funding_rate,interval_hours,mark_price", *rows]))
    return Order(["import", str(file)], {("okx", f"{first:%Y-%m}"): SETTLEMENTS})


@pytest.mark.parametrize(
    "order", [collect, backfill, transform, publish, maintain, backup, import_files]
)
def test_a_killed_command(
    order: Callable[[Path, int], Order], stocked: Shell, tmp_path: Path
) -> None:
    shell = stocked.copy(tmp_path)
    draw = random.Random(f"{SEED} {order.__name__}")
    tally = Tally(f"`funding {order.__name__.removesuffix('_files')}`, killed")
    usual = shell.run(*order(tmp_path, 0).arguments)
    stored = Acknowledged.of(shell.settings)
    for number in count(1):
        if tally.tried == ROUNDS:
            break
        one = order(tmp_path, number)
        look = partial(torn_months, shell.settings, stored.months, one.coming)
        watch = Watch(shell.settings, look)
        process = shell.start(*one.arguments)
        if kill_somewhere(process, watch, draw, usual):
            writing = watch.writing_has_begun()
            found = [*watch.torn, *orphans_of(process), *broken(shell.settings, stored)]
            usual = shell.run(*one.arguments)
            stored, found = _after(shell.settings, stored, one, found)
            tally.add(found, usual, writing=writing)
        else:
            assert process.returncode == 0
            stored, found = _after(shell.settings, stored, one, watch.torn)
            assert not found
    tally.close()


def _after(
    settings: Settings, stored: Acknowledged, order: Order, found: list[str]
) -> tuple[Acknowledged, list[str]]:
    """What is stored once a command has ended well, and everything found wrong up to then."""
    now = Acknowledged.of(settings)
    missing = [
        f"{key}: {now.months.get(key)} settlements of {wanted}, though the command succeeded"
        for key, wanted in order.coming.items()
        if now.months.get(key) != wanted
    ]
    return now, [*found, *broken(settings, stored), *missing]
