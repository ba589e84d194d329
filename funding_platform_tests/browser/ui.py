"""The Dagster UI as a person uses it: by what is written on it, not by how it is made."""

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Locator, Page, sync_playwright
from playwright.sync_api import TimeoutError as NotYetError

from funding_platform_tests.checkout import ROOT

SLOW_MS = 900_000
"""For whatever the machine may take its time with: a run that waits for its turn, a page."""

LOOK_MS = 20_000
"""Between two looks at a page."""

WIDE, HIGH = 1280, 860
SMALL_BYTES = 200_000
"""Of a screenshot."""

ASIDE = os.environ.get("SCREENSHOTS")
"""Where screenshots go, from the project's root; none are taken where nothing is said."""


class Ui:
    """A browser's page, and the address of the UI."""

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.url = page, url

    def open(self, path: str) -> None:
        self.page.goto(f"{self.url}/{path}")

    def open_asset(self, key: str, view: str = "overview") -> None:
        self.open(f"assets/{key}?view={view}")
        self.page.get_by_role("tab", name=view.capitalize()).or_(
            self.page.get_by_role("link", name=view.capitalize(), exact=True)
        ).first.wait_for()

    def text(self, words: str | re.Pattern[str]) -> Locator:
        return self.page.get_by_text(words).first

    def widen(self) -> None:
        """Fold the navigation away: at this width a page has little room beside it."""
        self.page.get_by_text("Hide navigation").click()

    def see(self, *words: str) -> None:
        """Wait until all of the words stand on the page."""
        for one in words:
            self.text(one).wait_for()

    def launch(self, key: str, partition: str) -> None:
        """Materialise one partition of an asset with the mouse."""
        deadline = time.monotonic() + SLOW_MS / 1e3
        while not self._chosen(key, partition):
            assert time.monotonic() < deadline, f"{partition} of {key} cannot be chosen"
        dialog = self.page.get_by_role("dialog")
        dialog.get_by_role("button", name=re.compile("Launch")).last.click()
        dialog.wait_for(state="hidden")

    def _chosen(self, key: str, partition: str) -> bool:
        """Choose a partition; a page that is still loading heeds neither the mouse nor the keys."""
        self.open_asset(key, "partitions")
        dialog = self.page.get_by_role("dialog")
        asked = dialog.get_by_role("textbox").first
        try:
            self.page.get_by_role("button", name="Materialize").first.click(timeout=LOOK_MS)
            asked.fill(partition, timeout=LOOK_MS)
            asked.press("Enter", timeout=LOOK_MS)
            dialog.get_by_text("1 partition", exact=True).wait_for(timeout=LOOK_MS)
        except NotYetError:
            return False
        return True

    def await_green(self, key: str, partition: str) -> None:
        """Wait until a partition's own page says that it was materialised."""
        self.await_on(
            f"assets/{key}?view=partitions&partition={partition}",
            self.page.get_by_text("Materialized", exact=True),
        )

    def await_on(self, path: str, found: Locator) -> None:
        """Look at a page again and again until something is there: not every page renews itself."""
        deadline = time.monotonic() + SLOW_MS / 1e3
        while True:
            self.open(path)
            try:
                return found.first.wait_for(timeout=LOOK_MS)
            except NotYetError:
                assert time.monotonic() < deadline, f"{path}: {found} is not there"

    def show(self, name: str) -> Locator:
        """Open what lies behind an entry of the metadata; returns the dialog."""
        row = self.page.get_by_role("row").filter(has=self.page.get_by_text(name, exact=True))
        row.get_by_text("[Show Markdown]").click()
        dialog = self.page.get_by_role("dialog")
        dialog.wait_for()
        return dialog

    def close(self, dialog: Locator) -> None:
        self.page.keyboard.press("Escape")
        dialog.wait_for(state="hidden")

    def shoot(self, name: str) -> None:
        """Take a screenshot, where somebody asked for them."""
        if not ASIDE:
            return
        self.page.wait_for_timeout(1500)  # a picture of what is still moving is none
        file = ROOT / ASIDE / f"{name}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=file, animations="disabled")
        assert file.stat().st_size < SMALL_BYTES, f"{file}: {file.stat().st_size} bytes"


def alone() -> list[str]:
    """Return what starts a browser as root, as in a container: without a sandbox around it."""
    return ["--no-sandbox"] if os.geteuid() == 0 else []


@contextmanager
def browsing(program: str, url: str) -> Iterator[Ui]:
    """Open a browser without a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=alone())
        page = browser.new_page(
            viewport={"width": WIDE, "height": HIGH}, timezone_id="UTC", locale="en-GB"
        )
        page.set_default_timeout(SLOW_MS)
        try:
            yield Ui(page, url)
        finally:
            browser.close()


def trouble(folder: Path) -> str:
    """Return the end of what the services have printed."""
    return (folder / "output.log").read_text(errors="replace")[-5_000:]
