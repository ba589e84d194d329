"""dbt as Dagster finds it: its project with a current manifest, and how it is started."""

import sys
from collections.abc import Sequence
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

from dagster_dbt import DbtCliResource, DbtProject
from packaging.version import Version

from funding_platform.settings import Settings, project_file, project_root


def dbt_project() -> DbtProject:
    """Return the dbt project with a current manifest, which says what assets there are."""
    folder = project_file("dbt_project")
    project = DbtProject(project_dir=folder, profiles_dir=folder, target_path=_target_path(folder))
    if not _manifest_is_current(project):
        dbt_resource(project).cli(["parse", "--quiet"], target_path=project.target_path).wait()
    return project


def target_folder() -> Path:
    """Return the folder below which dbt writes, a folder of each run among the rest."""
    folder = project_file("dbt_project")
    return folder / _target_path(folder)


def _target_path(folder: Path) -> Path:
    """Return where dbt writes: in its project, but never in that of an installed package."""
    in_tree = folder.parent == project_root()
    return Path("target") if in_tree else Settings().dbt_dir


class Dbt(DbtCliResource):
    """dbt, without what dagster-dbt does before each command, for seconds each time.

    It starts dbt once more to be told its version, and opens dbt's database here as well, to look
    columns up that nobody asks it for.
    """

    @cached_property
    def _cli_version(self) -> Version:
        return Version(version("dbt-core"))

    def _initialize_dbt_core_adapter(self, args: Sequence[str]) -> Any:
        return None


def dbt_resource(project: DbtProject) -> Dbt:
    """Return the dbt beside the running Python, whether or not the environment is activated."""
    beside = Path(sys.executable).with_name("dbt")
    return Dbt(project_dir=project, dbt_executable=str(beside))  # type: ignore[arg-type]


def _manifest_is_current(project: DbtProject) -> bool:
    """Tell whether dbt has parsed the project since its last change."""
    manifest = project.manifest_path
    if not manifest.exists():
        return False
    parsed_at = manifest.stat().st_mtime
    generated = project.project_dir / project.target_path
    sources = (
        path
        for pattern in ("*.sql", "*.yml", "*.csv")
        for path in project.project_dir.rglob(pattern)
        if generated not in path.parents
    )
    return all(path.stat().st_mtime <= parsed_at for path in sources)
