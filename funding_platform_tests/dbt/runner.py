"""Running the real dbt, as a process of its own, on the lake of some settings."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from funding_platform.flows.collection.history.depths import history_depths
from funding_platform.lake.errors import BuildFailedError
from funding_platform.lake.marts.build import marts_build
from funding_platform.lake.marts.dbt_plugin import dbt_environment
from funding_platform.settings import Settings
from funding_platform_tests.dbt.forked import PROJECT, command, take_what_was_parsed

BUILDING = ("build", "run", "seed")


def artefacts_of(settings: Settings) -> Path:
    """Where dbt keeps what it compiled, and its logs."""
    return settings.data_dir.with_name("dbt")


def run_dbt(
    settings: Settings, *arguments: str, run_id: str = "dbt", project: Path = PROJECT
) -> subprocess.CompletedProcess[str]:
    """``dbt --warn-error ...``: a warning fails as an error does. What was built is swapped in."""
    if arguments[0] not in BUILDING:
        return _dbt(settings, dbt_environment(settings), project, arguments)
    with marts_build(settings, history_depths()) as build:
        outcome = _dbt(settings, build.environment(), project, arguments)
        try:
            build.swap(run_id, artefacts_of(settings) / "target")
        except BuildFailedError:
            assert outcome.returncode == 1
        return outcome


def _dbt(
    settings: Settings, environment: Mapping[str, str], project: Path, arguments: tuple[str, ...]
) -> subprocess.CompletedProcess[str]:
    artefacts = artefacts_of(settings)
    take_what_was_parsed(PROJECT / "target", artefacts / "target")
    where = ("--project-dir", str(project), "--profiles-dir", str(project))
    return subprocess.run(
        [*command(), "--warn-error", *arguments, *where],
        env={
            **os.environ,
            **environment,
            "DBT_TARGET_PATH": str(artefacts / "target"),
            "DBT_LOG_PATH": str(artefacts / "logs"),
            "DBT_USE_COLORS": "false",
            "TZ": "Asia/Tokyo",  # months are UTC, whatever the machine's zone
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=1200,
    )
