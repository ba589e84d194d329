"""Finding the Dagster home, with errors that a newcomer can act on."""

import os
from pathlib import Path

import dagster as dg

from funding_platform.core.errors import FundingError


class DagsterHomeError(FundingError):
    """DAGSTER_HOME is unset, relative, or holds no ``dagster.yaml``."""


def dagster_instance() -> dg.DagsterInstance:
    """The instance of ``DAGSTER_HOME``.

    Raises
    ------
    DagsterHomeError
        If the variable does not name a folder that Dagster can live in.
    """
    home = os.environ.get("DAGSTER_HOME", "")
    hint = "use the `funding` command or `make`, or export DAGSTER_HOME=$PWD/data/dagster_home"
    if not home or not Path(home).is_absolute():
        raise DagsterHomeError(f"DAGSTER_HOME is {home!r}, not an absolute path", hint=hint)
    if not (Path(home) / "dagster.yaml").exists():
        raise DagsterHomeError(f"DAGSTER_HOME {home} holds no dagster.yaml", hint=hint)
    return dg.DagsterInstance.get()
