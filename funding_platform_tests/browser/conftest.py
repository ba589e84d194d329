"""`funding dev --sandbox` over a folder of its own, and a browser in front of it."""

import shutil
import signal
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from funding_platform_tests.browser.ui import Ui, browsing, trouble
from funding_platform_tests.chaos.processes import kill_session, start
from funding_platform_tests.checkout import ROOT, copy_project
from funding_platform_tests.waiting import until

VENUES = ("binance", "okx", "hyperliquid")
SYMBOLS = 8
SLOW = 600


@pytest.fixture(scope="session")
def chromium() -> str:
    """The program of Debian's package, or that of another that is called so."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        pytest.skip("needs chromium: `make chromium` installs it")
    return found


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the UI of a folder of its own, whose daemon runs as it does for people."""
    folder = tmp_path_factory.mktemp("served")
    copy_project(folder)
    home = folder / "data" / "dagster_home"
    home.mkdir(parents=True)
    shutil.copy(ROOT / "data" / "dagster_home" / "dagster.yaml", home)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    program = str(Path(sys.executable).with_name("funding"))
    command = [
        program,
        "dev",
        "--sandbox",
        "--port",
        str(port),
        "--service-port",
        "0",
        "--symbols",
        str(SYMBOLS),
    ]
    environment = {
        "DAGSTER_HOME": str(home),
        "FUNDING_DATA_DIR": str(folder / "data"),
        "FUNDING_VENUES": ",".join(VENUES),
    }
    process = start(command, folder, folder, environment)
    url = f"http://127.0.0.1:{port}"
    try:
        until(lambda: process.poll() is not None or answers(url), "the UI", SLOW)
        assert process.poll() is None, trouble(folder)
        yield url
        assert process.poll() is None, trouble(folder)
    finally:
        process.send_signal(signal.SIGTERM)
        kill_session(process)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/server_info", timeout=SLOW) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError):
        return False


@pytest.fixture(scope="session")
def ui(chromium: str, served: str) -> Iterator[Ui]:
    with browsing(chromium, served) as one:
        yield one
