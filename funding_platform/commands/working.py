"""Commands of a deployment on several machines."""

import click

from funding_platform.commands.common import settings


@click.command()
@click.option("--name", default="worker", show_default=True, help="What it is called here.")
@click.option(
    "--runs",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Runs that it works on at one time, each in a process of its own.",
)
@click.option(
    "--log-level",
    type=click.Choice(["DEBUG", "INFO", "WARNING", "ERROR"]),
    default="INFO",
    show_default=True,
)
def worker(name: str, runs: int, log_level: str) -> None:
    """Work on the runs that wait for a worker, until asked to end (FUNDING_RUN_LAUNCHER=celery).

    The first SIGTERM or Ctrl-C lets it finish what it works on; the second does not.
    """
    from funding_platform.local.worker import serve_runs

    serve_runs(name=name, runs=runs, level=log_level)


@click.command("dagster-yaml")
def dagster_yaml() -> None:
    """Print the dagster.yaml that follows from the settings: for a config map, or to look at."""
    from funding_platform.local.dagster_yaml import dagster_yaml as written

    click.echo(written(settings()), nl=False)
