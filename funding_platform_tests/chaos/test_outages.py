"""What the machine denies for a while: room, the right to write, the catalog, names of hosts.

Each time what is asked for fails in words, nothing stored is lost, and the next collection after
the outage is like any other. The disk is a small file system of its own, which only root may mount.
"""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
import stamina

from funding_platform.core.errors import FundingError
from funding_platform.core.time_grid import Window
from funding_platform.flows.collection.history.months import collect_history
from funding_platform.flows.collection.snapshots import collect_instruments, collect_snapshots
from funding_platform.lake.catalog import catalog_file
from funding_platform.lake.errors import LakeFullError, LakeLockedError, LakeReadOnlyError
from funding_platform.lake.publish import publish
from funding_platform.lake.upkeep.maintenance import maintain
from funding_platform.sandbox.server import RunningSandbox
from funding_platform.settings import Settings
from funding_platform.venues.errors import ConnectionFailedError
from funding_platform_tests.chaos.invariants import Acknowledged, broken
from funding_platform_tests.chaos.report import conclude
from funding_platform_tests.chaos.shell import LAST, PATIENCE, VENUES

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(0)]

LAST_MONTH = Window.of_month(LAST)
LOCK_SECONDS = 1.0
DISK = "24m"

HOLDS_THE_CATALOG = """
import sqlite3, sys
sqlite3.connect(sys.argv[1], isolation_level=None).execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def _no_waiting_between_retries() -> Iterator[None]:
    with stamina.set_testing(True, attempts=2, cap=True):
        yield


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(place)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("mounting a small file system needs root")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.fixture
def settings(sandbox: RunningSandbox, tmp_path: Path) -> Settings:
    return settings_in(tmp_path, sandbox)


def settings_in(folder: Path, sandbox: RunningSandbox) -> Settings:
    return Settings(
        data_dir=folder / "data",
        venue_urls=sandbox.venue_urls,
        rate_limit_scale=1e6,
        lock_timeout_seconds=LOCK_SECONDS,
        **PATIENCE,
    )


def collect(settings: Settings) -> None:
    """Collect as an hour does; the first venue that gave nothing is the error."""
    for ask in (collect_instruments, collect_snapshots):
        for one in ask(VENUES, settings, "run").values():
            if one.attempt.error is not None:
                raise one.attempt.error


def history(settings: Settings) -> None:
    collect_history(VENUES[0], LAST_MONTH, settings, "run")


def upkeep(settings: Settings) -> None:
    maintain(settings, keep_days=0)


Work = Callable[[Settings], object]


def endured(
    scenario: str, settings: Settings, outage: AbstractContextManager[None], works: dict[Work, type]
) -> None:
    """Try what cannot be done during an outage, and what must be right after it.

    Parameters
    ----------
    outage
        Lasts as long as the context.
    works
        What is tried, and the error that it must end with.
    """
    stored, faults = Acknowledged.of(settings), list[str]()
    with outage:
        for work, expected in works.items():
            try:
                work(settings)
                faults.append(f"{work.__name__} did not fail")
            except FundingError as error:
                if not isinstance(error, expected) or not error.hint:
                    faults.append(f"{work.__name__} ended with {error!r}")
    faults += broken(settings, stored)
    collect(settings)
    now = Acknowledged.of(settings)
    faults += broken(settings, stored)
    for work in works:
        work(settings)
    faults += broken(settings, now)
    kinds = ", ".join(sorted({expected.__name__ for expected in works.values()}))
    conclude(scenario, faults, f"{len(works)} commands refused ({kinds}); each works afterwards")


def fill_up(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        while file.write(b"\0" * 4096):
            continue


def test_a_full_disk(disk: Path, sandbox: RunningSandbox) -> None:
    settings = settings_in(disk, sandbox)
    collect(settings)
    history(settings)
    publish(settings)

    @contextmanager
    def full() -> Iterator[None]:
        filler = disk / "filler"
        with pytest.raises(OSError, match="No space left"):
            fill_up(filler)
        yield
        filler.unlink()

    works: dict[Work, type] = {collect: LakeFullError, history: LakeFullError}
    endured("disk full, then freed", settings, full(), works | {publish: LakeFullError})


def test_a_disk_that_turns_read_only(disk: Path, sandbox: RunningSandbox) -> None:
    settings = settings_in(disk, sandbox)
    collect(settings)

    def remount(mode: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{mode}", str(disk)], check=True)

    @contextmanager
    def read_only() -> Iterator[None]:
        remount("ro")
        yield
        assert Acknowledged.of(settings).rows, "reading works meanwhile"
        remount("rw")

    works: dict[Work, type] = dict.fromkeys((collect, history, publish, upkeep), LakeReadOnlyError)
    endured("data folder read-only", settings, read_only(), works)


def test_a_catalog_that_another_program_keeps_locked(settings: Settings) -> None:
    collect(settings)

    @contextmanager
    def locked() -> Iterator[None]:
        command = [sys.executable, "-c", HOLDS_THE_CATALOG, str(catalog_file(settings))]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"held\n"
            yield
            holder.kill()

    works: dict[Work, type] = dict.fromkeys((collect, history, upkeep), LakeLockedError)
    endured("catalog locked for longer than the time limit", settings, locked(), works)


def test_a_name_that_leads_nowhere(settings: Settings) -> None:
    collect(settings)
    right = dict(settings.venue_urls)

    @contextmanager
    def no_name() -> Iterator[None]:
        settings.venue_urls[VENUES[0]] = "http://venue.invalid"
        yield
        log = collect_snapshots(VENUES, settings, "run")
        assert [one.attempt.error is None for one in log.values()] == [False, True, True]
        settings.venue_urls.update(right)

    works: dict[Work, type] = dict.fromkeys((collect, history), ConnectionFailedError)
    endured("a venue's name resolves no more", settings, no_name(), works)
