"""The processes behind the query door: side by side, killed, orphaned, without secrets."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from funding_platform.lake.errors import QueryCrashedError, QueryError, QueryTimeoutError
from funding_platform.lake.read_only.query import QueryLimits, query
from funding_platform.lake.read_only.server import SERVER, QueryServer
from funding_platform.settings import Settings


def children_of(pid: int) -> dict[int, str]:
    """States of the processes that a process has started, by id."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue  # ended in the meantime
        if int(parent) == pid:
            found[int(stat.parent.name)] = state
    return found


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for what is bound to come; pytest's own limit ends it otherwise."""
    while not condition():
        time.sleep(0.01)


ENDLESS = "SELECT levenshtein(repeat('a', 400000), repeat('b', 400000))"


def test_queries_run_side_by_side_and_leave_no_process(filled: Settings) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda n: query(f"SELECT {n} AS n", filled).item(), range(16)))
    assert found == list(range(16))
    server = SERVER._process
    assert server is not None
    wait_until(lambda: not children_of(server.pid))


def test_one_that_is_stopped_harms_no_other(filled: Settings) -> None:
    limits = QueryLimits(cpu_seconds=0.5)
    with ThreadPoolExecutor(2) as pool:
        stopped = pool.submit(query, ENDLESS, filled, limits=limits)
        assert query("SELECT 1 AS a", filled).item() == 1
        with pytest.raises(QueryTimeoutError):
            stopped.result()


@pytest.mark.world
def test_a_server_that_was_killed_is_started_again(filled: Settings) -> None:
    assert query("SELECT 1 AS a", filled).item() == 1
    server = SERVER._process
    assert server is not None
    with ThreadPoolExecutor(1) as pool:
        lost = pool.submit(query, ENDLESS, filled)
        wait_until(lambda: bool(children_of(server.pid)))
        (child,) = children_of(server.pid)
        server.kill()
        with pytest.raises(QueryError, match="killed from outside"):
            lost.result()
    wait_until(lambda: not Path(f"/proc/{child}").exists())
    assert query("SELECT 2 AS a", filled).item() == 2


def test_a_query_that_crashes_its_process_is_said_to(filled: Settings) -> None:
    assert query("SELECT 1 AS a", filled).item() == 1
    server = SERVER._process
    assert server is not None
    with ThreadPoolExecutor(1) as pool:
        crashing = pool.submit(query, ENDLESS, filled)
        wait_until(lambda: bool(children_of(server.pid)))
        (child,) = children_of(server.pid)
        os.kill(child, signal.SIGSEGV)
        with pytest.raises(QueryCrashedError, match="Segmentation fault"):
            crashing.result()


@pytest.mark.chaos
def test_a_caller_that_forks_has_a_server_of_its_own(filled: Settings) -> None:
    assert query("SELECT 1 AS a", filled).item() == 1
    code = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from funding_platform.lake.read_only.query import query\n"
        "from funding_platform.settings import Settings\n"
        "settings = Settings(data_dir=Path(sys.argv[1]))\n"
        "query('SELECT 1', settings)\n"
        "child = os.fork()\n"
        "answer = query('SELECT 7 AS a', settings).item()\n"
        "if child == 0:\n"
        "    sys.exit(answer)\n"
        "print(answer, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, str(filled.data_dir)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr, done.returncode) == ("7 7\n", "", 0)


@pytest.fixture
def asking(filled: Settings) -> Iterator[subprocess.Popen[str]]:
    """A program that asks for what takes for ever, and its query's process runs."""
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from funding_platform.lake.read_only.query import query\n"
        "from funding_platform.settings import Settings\n"
        f'query("{ENDLESS}", Settings(data_dir=Path(sys.argv[1])))\n'
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(filled.data_dir)], stderr=subprocess.PIPE, text=True
    ) as program:
        wait_until(lambda: bool(processes_below(program.pid)[1:]))
        yield program
        program.kill()


def processes_below(pid: int) -> list[int]:
    """The server of a program, and the processes that it forked."""
    servers = list(children_of(pid))
    return servers + [child for server in servers for child in children_of(server)]


def test_a_query_ends_with_whoever_asked(asking: subprocess.Popen[str]) -> None:
    below = processes_below(asking.pid)
    asking.kill()
    asking.communicate()
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in below))


def test_an_interrupted_wait_kills_the_query(filled: Settings) -> None:
    server = QueryServer()
    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    with tempfile.TemporaryFile(buffering=0) as rows:
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            server.ask(endless_request(filled), rows, seconds=60)
    timer.join()
    process = server._process
    assert process is not None
    wait_until(lambda: not children_of(process.pid))
    server.close()
    assert process.returncode == 0


def endless_request(settings: Settings) -> dict[str, object]:
    limits = {"seconds": 60, "cpu_seconds": 60, "memory": 2**30, "answer": 2**20, "threads": 1}
    return {"sql": ENDLESS, "settings": settings.lake_stated(), "limits": limits}


def test_no_secret_reaches_the_process_of_a_query(
    filled: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FUNDING_COINGECKO_API_KEY", "sesame")
    settings = Settings(data_dir=filled.data_dir)
    server = QueryServer()
    request = endless_request(settings) | {"sql": "SELECT 1"}
    with tempfile.TemporaryFile(buffering=0) as rows:
        assert server.ask(request, rows, seconds=60).status == 0
    assert server._process is not None
    environment = Path(f"/proc/{server._process.pid}/environ").read_bytes()
    server.close()
    assert b"sesame" not in environment
    assert "sesame" not in str(request)
