"""dbt as a process of its own, and what became of each node that it ran.

Dagster starts dbt itself, with the same arguments, to stream its events; whoever works without
Dagster starts it here.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from funding_platform.lake.errors import BuildFailedError
from funding_platform.lake.marts.build import RESULTS
from funding_platform.settings import project_file

BUILD: Final = ("build", "--exclude-resource-type", "test", "unit_test")
"""Models and seeds. Unit tests prove the SQL, whatever the data: CI runs them, not every build."""

TEST: Final = ("test", "--exclude-resource-type", "unit_test")
"""What the data must satisfy."""


@dataclass(frozen=True, slots=True)
class Node:
    """A model, a seed or a test that dbt ran.

    ``status`` is dbt's: ``success``, ``pass``, ``warn``, ``fail``, ``error`` or ``skipped``.
    """

    name: str
    status: str
    message: str
    seconds: float


def dbt_process(
    arguments: tuple[str, ...], environment: Mapping[str, str], target: Path
) -> tuple[list[str], dict[str, str]]:
    """Return the command and the environment by which dbt works on the project; see `run_dbt`."""
    project = str(project_file("dbt_project"))
    where = ("--project-dir", project, "--profiles-dir", project)
    output = {"DBT_TARGET_PATH": str(target), "DBT_LOG_PATH": str(target)}
    return (
        [sys.executable, "-m", "dbt.cli.main", *arguments, *where],
        {**os.environ, **environment, **output},
    )


def run_dbt(arguments: tuple[str, ...], environment: Mapping[str, str], target: Path) -> list[Node]:
    """Run dbt to its end; that a node fails is told, not raised.

    Parameters
    ----------
    arguments
        The command and its options, such as `BUILD`.
    environment
        That of the build, or of reading: see ``lake.marts.dbt_plugin.dbt_environment``.
    target
        Folder for what dbt compiles, its results and its log. To keep it spares the next dbt the
        seconds of parsing.

    Raises
    ------
    BuildFailedError
        If there is no dbt project, or dbt ends before it runs a node.
    """
    project = project_file("dbt_project")
    if not project.is_dir():
        raise BuildFailedError(
            f"there is no dbt project at {project}", hint="run this inside the checkout"
        )
    results = target / RESULTS
    results.unlink(missing_ok=True)
    command, variables = dbt_process(("--no-use-colors", *arguments), environment, target)
    outcome = subprocess.run(  # noqa: S603
        command, env=variables, capture_output=True, text=True, check=False
    )
    if not results.exists():
        said = (outcome.stdout + outcome.stderr).strip().splitlines()
        raise BuildFailedError(
            f"dbt ended before it ran anything: {' '.join(said[-3:])}",
            hint=f"its log is {target / 'dbt.log'}",
        )
    return [
        Node(
            one["unique_id"].split(".")[2],
            one["status"],
            one["message"] or "",
            one["execution_time"],
        )
        for one in json.loads(results.read_bytes())["results"]
        if not one["unique_id"].startswith("operation.")  # hooks
    ]
