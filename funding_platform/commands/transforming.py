"""The command that computes: features, marts and the published file, of whatever is stored."""

import sys
from datetime import datetime

import click

from funding_platform.commands.common import month, new_run_id, say, settings


@click.command()
@click.option(
    "--from", "first", callback=month, help="First month, YYYY-MM; that of the first settlement."
)
@click.option(
    "--until", "last", callback=month, help="Last month, YYYY-MM; that of the last settlement."
)
@click.option(
    "--full", is_flag=True, help="Work out what marts keep of settled months anew, all of it."
)
def transform(first: datetime | None, last: datetime | None, full: bool) -> None:
    """Compute features, marts and the published file from what is stored.

    What the transform job of the Dagster UI does, in one command: after an import, for example.
    """
    import polars as pl

    from funding_platform.flows.transform import transform as run
    from funding_platform.views.terminal import progress_bars, show

    with progress_bars():
        done = run(settings(), new_run_id(), start=first, end=last, full=full)
    show(done.tables.with_columns(pl.col("seconds").round(1)))
    for test in done.warnings:
        say(f"Warning: dbt test {test.name}: {test.message}", err=True)
    for test in done.failures:
        say(f"Error: dbt test {test.name}: {test.message}", err=True)
    if done.failures:
        sys.exit(1)
