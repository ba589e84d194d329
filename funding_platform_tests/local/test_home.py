"""Where files of the project are found, and when a Dagster home is given its settings."""

from pathlib import Path

import pytest

from funding_platform import settings
from funding_platform.lake.marts.dbt import dbt_process
from funding_platform.local.home import DagsterHomeError, dagster_instance
from funding_platform.settings import DAGSTER_HOME, project_file

SETTINGS = DAGSTER_HOME / "dagster.yaml"


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What an installed wheel brought along, beside an empty folder to work in."""
    folder = tmp_path / "shipped"
    (folder / DAGSTER_HOME).mkdir(parents=True)
    (folder / SETTINGS).write_text("telemetry:\n  enabled: false\n")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    monkeypatch.setattr(settings, "_SHIPPED", folder)
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
