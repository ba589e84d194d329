"""Where files of the project are found, and when a Dagster home is given its settings."""

import os
import shutil
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from funding_platform.lake.marts.dbt import dbt_process
from funding_platform.local.home import DagsterHomeError, dagster_instance
from funding_platform.settings import DAGSTER_HOME, places, project_file, project_root

SETTINGS = DAGSTER_HOME / "dagster.yaml"
SPAWN = get_context("spawn")
SERVICES = 2


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What an installed wheel brought along, beside an empty folder to work in."""
    folder = tmp_path / "shipped"
    (folder / DAGSTER_HOME).mkdir(parents=True)
    (folder / SETTINGS).write_text("telemetry:\n  enabled: false\n")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    monkeypatch.setattr(places, "_SHIPPED", folder)
    return folder


def test_a_file_of_the_folder_goes_before_the_one_that_was_shipped(shipped: Path) -> None:
    own = Path.cwd() / SETTINGS
    assert project_file(SETTINGS) == shipped / SETTINGS
    own.parent.mkdir(parents=True)
    own.touch()
    assert project_file(SETTINGS) == own


def test_a_file_that_is_nowhere_is_missed_in_the_folder(shipped: Path) -> None:
    assert project_file("backtests/mine.toml") == Path.cwd() / "backtests" / "mine.toml"


def test_dbt_works_on_the_project_that_was_shipped(shipped: Path) -> None:
    (shipped / "dbt_project").mkdir()
    command, variables = dbt_process(("parse",), {}, Path("target"))
    assert command.count(str(shipped / "dbt_project")) == 2  # of the project and its profiles
    assert variables["DBT_TARGET_PATH"] == "target"


def test_the_usual_home_gets_the_shipped_settings(
    shipped: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Path.cwd() / DAGSTER_HOME
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    dagster_instance().dispose()
    assert (home / "dagster.yaml").read_text() == (shipped / SETTINGS).read_text()


def test_a_home_of_ones_own_is_left_alone(shipped: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Path.cwd() / "mine"
    home.mkdir()
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    with pytest.raises(DagsterHomeError, match="holds no dagster"):
        dagster_instance()
    assert list(home.iterdir()) == []


def open_at_once(home: Path, others: Any, outcomes: Any) -> None:
    """What each service of a machine does first, at the same moment as the others."""
    os.environ["DAGSTER_HOME"] = str(home)
    others.wait()
    try:
        with dagster_instance() as instance:
            outcomes.put((instance.get_runs_count(), instance.all_instigator_state()))
    except Exception as error:
        outcomes.put(repr(error))
        raise


@pytest.mark.world
def test_processes_that_find_a_new_home_at_once_all_open_it(tmp_path: Path) -> None:
    shutil.copy(project_root() / SETTINGS, tmp_path)
    others, outcomes = SPAWN.Barrier(SERVICES), SPAWN.Queue()
    services = [
        SPAWN.Process(target=open_at_once, args=(tmp_path, others, outcomes))
        for _ in range(SERVICES)
    ]
    for service in services:
        service.start()
    assert [outcomes.get() for _ in services] == [(0, [])] * SERVICES
    for service in services:
        service.join()
    assert [service.exitcode for service in services] == [0] * SERVICES
