"""What ``pyproject.toml`` cannot say: files beside the package that are no code go into it.

A wheel holds them as ``funding_platform/project``, where `funding_platform.settings.project_file`
finds them; an editable install finds them in the tree. Everything else is in ``pyproject.toml``.
"""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

PROJECT_FILES = (
    "workspace.yaml",
    "backtests/*.toml",
    "data/dagster_home/dagster.yaml",
    "dbt_project/*.yml",
    "dbt_project/macros/**/*.sql",
    "dbt_project/models/**/*.*",
    "dbt_project/seeds/*.*",
    "dbt_project/tests/**/*.sql",
    "execution/*.yaml",
    "notebooks/*.ipynb",
)


def project_files() -> list[Path]:
    """Return the files, from the root of the tree."""
    return sorted(file for pattern in PROJECT_FILES for file in Path().glob(pattern))


class BuildWithProject(build_py):
    """Builds the package with the files of the project in it."""

    def run(self) -> None:
        """Copy the package, then the files."""
        super().run()
        for file in [] if self.editable_mode else project_files():
            target = Path(self.build_lib, "funding_platform", "project", file)
            self.mkpath(str(target.parent))
            self.copy_file(str(file), str(target))

    def get_source_files(self) -> list[str]:
        """Name what an sdist must hold."""
        return [*super().get_source_files(), *map(str, project_files())]


setup(cmdclass={"build_py": BuildWithProject})
