"""Running the real dbt, as a process of its own, on the lake of some settings."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from funding_platform.lake.errors import BuildFailedError
from funding_platform.lake.marts.build import marts_build
from funding_platform.lake.marts.dbt_plugin import dbt_environment
from funding_platform.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
PROJECT = ROOT / "dbt_project"
PARSED = "partial_parse.msgpack"
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
    with marts_build(settings) as build:
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
    _take_what_was_parsed(artefacts / "target")
    command = [sys.executable, "-m", "dbt.cli.main", "--warn-error", *arguments]
    return subprocess.run(
        [*command, "--project-dir", str(project), "--profiles-dir", str(project)],
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


def _take_what_was_parsed(target: Path) -> None:
    """Spare dbt the seconds of parsing a project that some dbt has parsed before."""
    parsed = PROJECT / "target" / PARSED
    if parsed.exists() and not (target / PARSED).exists():
        target.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(parsed, target / PARSED)
