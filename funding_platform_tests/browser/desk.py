"""`funding serve` as people start it, and its dashboard as they use it."""

import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Locator, Page, Request, sync_playwright

from funding_platform.settings import Settings
from funding_platform_tests.browser.ui import SLOW_MS, alone, trouble
from funding_platform_tests.chaos.processes import kill_session, start
from funding_platform_tests.waiting import until

SLOW = 300
WIDE, HIGH = 1440, 900


class Serving:
    """The service over a lake, on a port that stays the same when it is started again."""

    def __init__(self, settings: Settings, logs: Path) -> None:
        self.settings, self._logs = settings, logs
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *options: str) -> None:
        program = str(Path(sys.executable).with_name("funding"))
        environment = {"FUNDING_DATA_DIR": str(self.settings.data_dir), "FUNDING_LIVE": "0"}
        command = [program, "serve", "--port", str(self.port), *options]
        process = self._process = start(command, self._logs, self._logs, environment)
        until(lambda: process.poll() is not None or self._answers(), "the service", SLOW)
        assert process.poll() is None, trouble(self._logs)

    def stop(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        kill_session(self._process)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=SLOW) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, ConnectionError):
            return False


class Desk:
    """One tab of the dashboard, with all that it asked for and complained about."""

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.url = page, url
        self.asked: list[str] = []
        self.complaints: list[str] = []
        page.on("request", self._note)
        page.on("console", lambda said: self._hear(said.type, said.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _note(self, request: Request) -> None:
        self.asked.append(request.url)

    def _hear(self, kind: str, text: str) -> None:
        # A browser tells of every request that fails; that is what some of the tests are about.
        if kind == "error" and not text.startswith("Failed to load resource"):
            self.complaints.append(text)

    def open(self, path: str) -> None:
        self.page.goto(f"{self.url}{path}")

    def see(self, *words: str | re.Pattern[str]) -> None:
        """Wait until all of the words stand on the page."""
        for one in words:
            self.page.get_by_text(one).first.wait_for()

    def choose(self, group: str, option: str) -> None:
        self.page.get_by_role("group", name=group).get_by_text(option, exact=True).click()

    @property
    def query(self) -> dict[str, list[str]]:
        """What the address says of the view."""
        return parse_qs(urlsplit(self.page.url).query)

    @property
    def rows(self) -> Locator:
        return self.page.locator("tbody tr")

    def column(self, title: str) -> list[str]:
        """The texts of a column of the first table, by the beginning of its title."""
        heads = self.page.locator("table").first.locator("thead th").all_inner_texts()
        number = next(n for n, text in enumerate(heads) if text.strip().startswith(title))
        cells = self.page.locator(f"tbody tr td:nth-child({number + 1})")
        return [text.strip() for text in cells.all_inner_texts()]


@contextmanager
def desk_of(
    program: str, url: str, *, dark: bool = False, wide: int = WIDE, high: int = HIGH
) -> Iterator[Desk]:
    """Open a tab, which finds no other host than this machine."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=alone())
        context = browser.new_context(
            viewport={"width": wide, "height": high},
            color_scheme="dark" if dark else "light",
            timezone_id="UTC",
            locale="en-GB",
        )
        page = context.new_page()
        page.set_default_timeout(SLOW_MS / 5)
        try:
            yield Desk(page, url)
        finally:
            browser.close()
