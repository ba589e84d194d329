"""Finding the Dagster home, with errors that a newcomer can act on."""

import os
import shutil
from pathlib import Path

import dagster as dg

from funding_platform.core.errors import FundingError
from funding_platform.settings import DAGSTER_HOME, project_file, project_root


class DagsterHomeError(FundingError):
    """DAGSTER_HOME is unset, relative, or holds no ``dagster.yaml``."""


def dagster_instance() -> dg.DagsterInstance:
    """Return the instance of ``DAGSTER_HOME``.

    Raises
    ------
    DagsterHomeError
        If the variable does not name a folder that Dagster can live in.
    """
    home = os.environ.get("DAGSTER_HOME", "")
    hint = "use the `funding` command or `make`, or export DAGSTER_HOME=$PWD/data/dagster_home"
    if not home or not Path(home).is_absolute():
        raise DagsterHomeError(f"DAGSTER_HOME is {home!r}, not an absolute path", hint=hint)
    _bring_settings(Path(home))
    if not (Path(home) / "dagster.yaml").exists():
        raise DagsterHomeError(f"DAGSTER_HOME {home} holds no dagster.yaml", hint=hint)
    return dg.DagsterInstance.get()


def _bring_settings(home: Path) -> None:
    """Give the usual home the ``dagster.yaml`` that an installed package brought along.

    Renamed into place: a process beside this one reads all of it.
    """
    own, ours = home / "dagster.yaml", project_file(DAGSTER_HOME / "dagster.yaml")
    if home == project_root() / DAGSTER_HOME and ours.exists() and not own.exists():
        home.mkdir(parents=True, exist_ok=True)
        aside = shutil.copy(ours, home / f".dagster.yaml.{os.getpid()}.new")
        Path(aside).replace(own)
