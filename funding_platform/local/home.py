"""Finding the Dagster home, with errors that a newcomer can act on."""

import os
import shutil
from pathlib import Path
from typing import Final

import dagster as dg

from funding_platform.core.errors import FundingError
from funding_platform.local.dagster_yaml import GENERATED, dagster_yaml
from funding_platform.settings import DAGSTER_HOME, Settings, project_file, project_root

_HINT: Final = "use the `funding` command or `make`, or export DAGSTER_HOME=$PWD/data/dagster_home"


class DagsterHomeError(FundingError):
    """DAGSTER_HOME is unset, relative, or holds no ``dagster.yaml``."""


def prepare_home(settings: Settings) -> Path:
    """Return the home that ``DAGSTER_HOME`` names, once its ``dagster.yaml`` fits the settings.

    Raises
    ------
    DagsterHomeError
        If the variable does not name a folder that Dagster can live in, or one whose
        ``dagster.yaml`` was written by hand for something else.
    WorkersNotSetError, DeploymentError
        If the settings of workers do not go together.
    """
    home = os.environ.get("DAGSTER_HOME", "")
    if not home or not Path(home).is_absolute():
        raise DagsterHomeError(f"DAGSTER_HOME is {home!r}, not an absolute path", hint=_HINT)
    if settings.dagster_is_local:
        _bring_settings(Path(home))
    else:
        _write_settings(Path(home), dagster_yaml(settings))
    if not (Path(home) / "dagster.yaml").exists():
        raise DagsterHomeError(f"DAGSTER_HOME {home} holds no dagster.yaml", hint=_HINT)
    return Path(home)


def dagster_instance() -> dg.DagsterInstance:
    """Return the instance of ``DAGSTER_HOME``.

    Raises
    ------
    DagsterHomeError, WorkersNotSetError, DeploymentError
        As ``prepare_home``.
    """
    prepare_home(Settings())
    return dg.DagsterInstance.get()


def _write_settings(home: Path, text: str) -> None:
    """Write ``dagster.yaml`` over one that is ours to write."""
    file = home / "dagster.yaml"
    there = file.read_text(encoding="utf-8") if file.exists() else GENERATED
    if not there.startswith(GENERATED):
        raise DagsterHomeError(
            f"{file} was not written by `funding`, and the settings ask for PostgreSQL or workers",
            hint="name another folder in DAGSTER_HOME, or unset it",
        )
    if there != text:
        home.mkdir(parents=True, exist_ok=True)
        aside = home / f".dagster.yaml.{os.getpid()}.new"
        aside.write_text(text, encoding="utf-8")
        aside.replace(file)


def _bring_settings(home: Path) -> None:
    """Give the usual home the ``dagster.yaml`` that an installed package brought along.

    Renamed into place: a process beside this one reads all of it.
    """
    own, ours = home / "dagster.yaml", project_file(DAGSTER_HOME / "dagster.yaml")
    if home == project_root() / DAGSTER_HOME and ours.exists() and not own.exists():
        home.mkdir(parents=True, exist_ok=True)
        aside = shutil.copy(ours, home / f".dagster.yaml.{os.getpid()}.new")
        Path(aside).replace(own)
