"""dbt as Dagster finds it: its project with a current manifest, and how it is started."""

import shutil
import sys
from collections.abc import Sequence
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from dagster_dbt import DbtCliResource, DbtProject
from packaging.version import Version

from funding_platform.core.errors import FundingError
from funding_platform.lake.file_lock import let_go, take
from funding_platform.settings import Settings, project_file, project_root

_LONGEST_SECONDS: Final = 600.0
"""That another process may take to parse the project: some seconds, where nothing else runs."""

_KEPT: Final = "partial_parse.msgpack"
"""What dbt need not parse again."""


def dbt_project() -> DbtProject:
    """Return the dbt project with a current manifest, which says what assets there are."""
    folder = project_file("dbt_project")
    project = DbtProject(project_dir=folder, profiles_dir=folder, target_path=_target_path(folder))
    bring_up_to_date(project)
    return project


def bring_up_to_date(project: DbtProject) -> None:
    """Have dbt parse a project that has changed: one process does, and others wait for it.

    All processes of Dagster load the definitions at once, and a manifest that two of them write
    while a third reads it is no JSON.

    Raises
    ------
    FundingError
        If another process takes too long.
    """
    if _manifest_is_current(project):
        return
    try:
        lock = take(project.manifest_path.with_name("parse.lock"), _LONGEST_SECONDS)
    except TimeoutError:
        raise FundingError(
            f"another process has been parsing {project.project_dir} for {_LONGEST_SECONDS:g} s",
            hint="`ps` shows a `dbt parse` that hangs; end it",
        ) from None
    try:
        if not _manifest_is_current(project):
            _parse(project)
    finally:
        let_go(lock)


def _parse(project: DbtProject) -> None:
    """Have dbt write the manifest aside; in its place it appears whole."""
    manifest = project.manifest_path
    kept = manifest.with_name(_KEPT)
    with TemporaryDirectory(dir=manifest.parent, prefix="parse-") as folder:
        aside = Path(folder)
        if kept.exists():
            shutil.copyfile(kept, aside / _KEPT)
        dbt_resource(project).cli(["parse", "--quiet"], target_path=aside).wait()
        for made in (kept, manifest):
            (aside / made.name).replace(made)


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
