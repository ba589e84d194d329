"""The demonstration of a cluster: whole, and interrupted in its part on one machine."""

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from funding_platform.defs.launcher import is_alive
from funding_platform.local.cluster.servers import ObjectStore, Postgres, Redis
from funding_platform_tests.chaos.processes import kill_session, members
from funding_platform_tests.servers.local import started
from funding_platform_tests.waiting import until

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1800)]

COMMAND = """
import signal
from funding_platform.cli import main
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in what a shell puts behind
main()
"""
SMALL = ("--compare", "--months", "1", "--symbols", "1")
FEW = "binance,deribit,hyperliquid"
"""The lakes of all venues are compared elsewhere; here it is how they come about."""

SLOW = 300.0
"""Python's own trackers of what processes share end a moment after those do."""


@pytest.fixture(scope="module", autouse=True)
def _servers_are_installed() -> None:
    for kind in (Postgres, Redis, ObjectStore):
        with started(kind):
            pass


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the account of PostgreSQL may enter, which those of pytest are not."""
    with tempfile.TemporaryDirectory() as name:
        for path in (Path(name), Path(name, "scratch")):
            path.mkdir(exist_ok=True)
            path.chmod(0o711)
        yield Path(name)


@contextmanager
def demo(folder: Path) -> "Iterator[subprocess.Popen[str]]":
    """Start it in a session of its own, where all that it leaves behind is in the folder.

    A test that fails leaves none of it to those after it.
    """
    with subprocess.Popen(
        [sys.executable, "-c", COMMAND, "demo-cluster", *SMALL],
        env={
            **os.environ,
            "FUNDING_DATA_DIR": str(folder / "own"),
            "FUNDING_VENUES": FEW,
            "TMPDIR": str(folder / "scratch"),
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            kill_session(process)


def left_behind(folder: Path) -> list[Path]:
    """What lies in the folder for what is temporary, of ours."""
    return list((folder / "scratch").glob("funding-*"))


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_of_the_part_on_one_machine_ends_all(
    how: signal.Signals, folder: Path
) -> None:
    with demo(folder) as process:

        def has_begun_to_collect() -> bool:
            catalogs = (folder / "scratch").glob("funding-cluster-*/alone/lake/catalog.sqlite")
            return any(catalogs) or process.poll() is not None

        until(has_begun_to_collect, "a lake", SLOW)
        children = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(how)
        _, said = process.communicate(timeout=SLOW)
        assert process.returncode == 130, said
        assert said.splitlines()[-1] == "interrupted"
        assert "Traceback" not in said
        until(lambda: not any(map(is_alive, children)), "all children to end", SLOW)
        until(lambda: not members(process.pid), "all of the session to end", SLOW)
    assert left_behind(folder) == []


def test_the_cluster_holds_the_rows_of_one_machine(folder: Path) -> None:
    with demo(folder) as process:
        told, said = process.communicate(timeout=1500)
        until(lambda: not members(process.pid), "all of the session to end", SLOW)
    assert process.returncode == 0, said + told
    assert "all servers are stopped" in told
    (report,) = re.findall(r"its report is (\S+\.html)", told)
    assert Path(report).is_relative_to(folder / "own")
    assert "<html" in Path(report).read_text(encoding="utf-8")
    hashes = told[told.index("Rows of the past") :]
    assert "core.funding_rates" in hashes
    assert "False" not in hashes
    assert left_behind(folder) == []
