"""Where the project and its files lie, in a tree or in an installed package."""

from pathlib import Path
from typing import Final


def project_root() -> Path:
    """Find the nearest folder at or above the working directory that holds ``workspace.yaml``.

    The working directory itself where there is none: an installed package has no tree around it.
    """
    here = Path.cwd()
    return next((d for d in (here, *here.parents) if (d / "workspace.yaml").exists()), here)


DAGSTER_HOME: Final = Path("data") / "dagster_home"
"""From the project's root: where Dagster lives, unless the environment says otherwise."""

CLUSTER_HOME: Final = Path("data") / "dagster_cluster"
"""The same, where Dagster's records are in PostgreSQL: a folder for its logs and its settings."""

_SHIPPED: Final = Path(__file__).parents[1] / "project"
"""In a wheel: the files of the project that are no code. In a tree there is no such folder."""


def project_file(name: str | Path) -> Path:
    """Return where a file or folder of the project lies, such as ``dbt_project``.

    Below the project's root, or, where it is not there, in what an installed package brought along.
    """
    own, shipped = project_root() / name, _SHIPPED / name
    return shipped if shipped.exists() and not own.exists() else own
