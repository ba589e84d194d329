"""What the chaos tests share, and the table that they end with."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from funding_platform.sandbox.server import RunningSandbox
from funding_platform_tests.benchmarks.sandbox_process import sandbox_process
from funding_platform_tests.chaos import report
from funding_platform_tests.chaos.shell import Shell, stock
from funding_platform_tests.checkout import copy_project

SYMBOLS = 4


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project's folder for the daemons; dbt parses it once."""
    folder = tmp_path_factory.mktemp("project")
    copy_project(folder)
    return folder


@pytest.fixture(scope="session")
def sandbox() -> Iterator[RunningSandbox]:
    """Venues in a process of their own."""
    with sandbox_process(SYMBOLS) as running:
        yield running


@pytest.fixture(scope="session")
def stocked(sandbox: RunningSandbox, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A lake with some history, to be copied."""
    return stock(tmp_path_factory.mktemp("stocked"), sandbox)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table, and write it where that was asked for."""
    if not (table := report.table()):
        return
    terminalreporter.section("chaos")
    terminalreporter.write_line(table)
    if report.DOCUMENT:
        report.write(Path(report.DOCUMENT))
