"""The ``funding`` command. Each command is a thin shell; what it needs is imported when it runs."""

import os
from typing import Any

import click

from funding_platform.commands import (
    backtesting,
    collecting,
    fees,
    operating,
    opportunities,
    reading,
    recovering,
)
from funding_platform.core.errors import FundingError


class ExplainedErrors(click.Group):
    """Shows an error of the platform as its message, not as a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; errors that explain themselves end it with status 1."""
        try:
            return super().invoke(ctx)
        except (FundingError, ValueError) as error:
            if os.environ.get("FUNDING_TRACEBACK"):
                raise
            raise click.ClickException(str(error)) from error


@click.group(cls=ExplainedErrors, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="funding-platform")
def main() -> None:
    """Perpetual-futures funding rates: collect, keep, compare, query."""
    from funding_platform.settings import project_root

    os.environ.setdefault("DAGSTER_HOME", str(project_root() / "data" / "dagster_home"))


for _command in (
    operating.demo,
    operating.sandbox,
    operating.dev,
    collecting.collect,
    collecting.backfill,
    collecting.import_,
    collecting.replay,
    reading.query,
    reading.venues,
    reading.coverage,
    reading.curves,
    reading.features,
    opportunities.opportunities,
    fees.fees,
    backtesting.backtest,
    operating.publish,
    operating.maintain,
    recovering.lake,
    operating.doctor,
):
    main.add_command(_command)
