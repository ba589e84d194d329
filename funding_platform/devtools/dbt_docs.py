"""The dbt documentation of a lake as one page: ``python -m funding_platform.devtools.dbt_docs``.

Lineage, SQL, tests and every column with its unit, in a file that opens without a server.
"""

import shutil
import subprocess
from pathlib import Path

import click

from funding_platform.lake.marts.dbt import dbt_process
from funding_platform.lake.marts.dbt_plugin import dbt_environment
from funding_platform.settings import Settings


def write_dbt_docs(settings: Settings) -> Path:
    """Have dbt describe its project and the lake of ``settings``; returns the page.

    Raises
    ------
    subprocess.CalledProcessError
        If dbt fails; its own message is on the terminal.
    """
    folder = settings.data_dir / "dbt_docs"
    target = folder / "target"
    arguments = ("docs", "generate", "--static")
    command, environment = dbt_process(arguments, dbt_environment(settings), target)
    subprocess.run(command, env=environment, check=True)  # noqa: S603
    page = folder / "index.html"
    shutil.copyfile(target / "static_index.html", page)
    return page


@click.command()
def main() -> None:
    """Write the dbt documentation of the lake."""
    click.echo(f"open {write_dbt_docs(Settings())}")


if __name__ == "__main__":
    main()
