"""Running the real dbt, as a process of its own, on the lake of some settings."""

import os
import subprocess
import sys
from pathlib import Path

from funding_platform.lake.connection import commit_lock
from funding_platform.lake.dbt_plugin import dbt_environment
from funding_platform.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
PROJECT = ROOT / "dbt_project"


def artefacts_of(settings: Settings) -> Path:
    """Where dbt keeps what it compiled, and its logs."""
    return settings.data_dir.with_name("dbt")


def run_dbt(
    settings: Settings, *arguments: str, run_id: str | None = None, project: Path = PROJECT
) -> subprocess.CompletedProcess[str]:
    """``dbt --warn-error ...``: a warning fails as an error does."""
    artefacts = artefacts_of(settings)
    environment = {
        **os.environ,
        **dbt_environment(settings, run_id=run_id),
        "DBT_TARGET_PATH": str(artefacts / "target"),
        "DBT_LOG_PATH": str(artefacts / "logs"),
        "DBT_USE_COLORS": "false",
        "TZ": "Asia/Tokyo",  # months are UTC, whatever the machine's zone
    }
    where = ["--project-dir", str(project), "--profiles-dir", str(project)]
    command = [sys.executable, "-m", "dbt.cli.main", "--warn-error", *arguments, *where]
    with commit_lock(settings):
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, timeout=240
        )
