"""The dbt documentation of a lake as one page: ``python -m funding_platform.devtools.dbt_docs``.

Lineage, SQL, tests and every column with its unit, in a file that opens without a server.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import click

from funding_platform.lake.marts.dbt_plugin import dbt_environment
from funding_platform.settings import Settings, project_file


def write_dbt_docs(settings: Settings) -> Path:
    """Have dbt describe its project and the lake of ``settings``; returns the page.

    Raises
    ------
    subprocess.CalledProcessError
        If dbt fails; its own message is on the terminal.
    """
    project = project_file("dbt_project")
    folder = settings.data_dir / "dbt_docs"
    environment = {
        **os.environ,
        **dbt_environment(settings),
        "DBT_TARGET_PATH": str(folder / "target"),
        "DBT_LOG_PATH": str(folder / "logs"),
    }
    where = ["--project-dir", str(project), "--profiles-dir", str(project)]
    command = [sys.executable, "-m", "dbt.cli.main", "docs", "generate", "--static", *where]
    subprocess.run(command, env=environment, check=True)  # noqa: S603
    page = folder / "index.html"
    shutil.copyfile(folder / "target" / "static_index.html", page)
    return page


@click.command()
def main() -> None:
    """Write the dbt documentation of the lake."""
    click.echo(f"open {write_dbt_docs(Settings())}")


if __name__ == "__main__":
    main()
