"""What the chaos tests share."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from funding_platform.defs.assets.dbt import dbt_project
from funding_platform.sandbox.server import RunningSandbox
from funding_platform_tests.benchmarks.sandbox_process import sandbox_process
from funding_platform_tests.chaos.deployment import Deployment, deployed
from funding_platform_tests.chaos.shell import VENUES, Shell, stock
from funding_platform_tests.checkout import copy_project, run_in

SYMBOLS = 4


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project's folder for the daemons, which dbt has parsed.

    Dagster gives a code server three minutes to start, and that is most of it on a busy machine.
    """
    folder = tmp_path_factory.mktemp("project")
    copy_project(folder)
    parsed = run_in(
        folder,
        sys.executable,
        "-c",
        f"from {dbt_project.__module__} import dbt_project; dbt_project()",
    )
    assert parsed.returncode == 0, parsed.stdout
    return folder


@pytest.fixture(scope="session")
def sandbox() -> Iterator[RunningSandbox]:
    """Venues in a process of their own."""
    with sandbox_process(SYMBOLS) as running:
        yield running


@pytest.fixture(scope="session")
def stocked(
    project: Path, sandbox: RunningSandbox, tmp_path_factory: pytest.TempPathFactory
) -> Shell:
    """A project with a lake that has some history, to be copied."""
    folder = tmp_path_factory.mktemp("stocked")
    shutil.copytree(project, folder, dirs_exist_ok=True)
    return stock(folder, sandbox)


@pytest.fixture(scope="session")
def deployment(
    project: Path, stocked: Shell, sandbox: RunningSandbox, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    """A daemon over a lake that holds two months."""
    shell = stocked.copy(tmp_path_factory.mktemp("deployment"))
    with deployed(project, shell.folder, sandbox.venue_urls, VENUES) as one:
        yield one
