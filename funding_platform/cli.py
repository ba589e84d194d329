"""The ``funding`` command. Each command is a thin shell; what it needs is imported when it runs."""

import errno
import os
import traceback
from typing import Any

import click

from funding_platform.commands import (
    alerting,
    backtesting,
    collecting,
    fees,
    live,
    operating,
    opportunities,
    reading,
    recovering,
    serving,
    trading,
    transforming,
    working,
)
from funding_platform.core.errors import FundingError
from funding_platform.core.plain_text import visible

TRACEBACK = "FUNDING_TRACEBACK"
"""The environment variable that has errors shown as Python shows them."""

INTERRUPTED = 130
"""Status of a command that was interrupted from the keyboard, as shells have it."""


class BugFound(click.ClickException):
    """An error that the platform does not foresee, and that no user can be blamed for."""

    exit_code = os.EX_SOFTWARE

    def __init__(self, error: Exception) -> None:
        place = traceback.extract_tb(error.__traceback__)[-1]
        super().__init__(
            f"this is a bug in funding-platform: {type(error).__name__}: {visible(str(error))} "
            f"({os.path.basename(place.filename)}, line {place.lineno})\n"  # noqa: PTH119
            f"  hint: {TRACEBACK}=1 shows where it comes from; please report that"
        )


class ExplainedErrors(click.Group):
    """Shows an error of the platform as its message, not as a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command.

        Errors that explain themselves, and what the operating system refuses, end it with status 1;
        wrong usage with 2; bugs with 70; an interrupt with 130.
        """
        try:
            return super().invoke(ctx)
        except click.ClickException as error:
            error.message = visible(error.message)  # type: ignore[misc]  # of arguments, which act
            raise
        except (click.Abort, click.exceptions.Exit):
            raise
        except KeyboardInterrupt:
            click.echo("interrupted", err=True)
            ctx.exit(INTERRUPTED)
        except Exception as error:
            if os.environ.get(TRACEBACK) or _is_closed_pipe(error):
                raise
            raise _explained(error) from error


def _is_closed_pipe(error: Exception) -> bool:
    """Tell whether whoever reads the output wants no more of it, which click ends quietly."""
    return isinstance(error, OSError) and error.errno == errno.EPIPE


def _explained(error: Exception) -> click.ClickException:
    """Turn an error into what the command line says of it."""
    if isinstance(error, FundingError):
        return click.ClickException(visible(str(error)))
    if isinstance(error, OSError) and error.errno and error.filename is not None:
        hint = _HINTS.get(error.errno, f"{TRACEBACK}=1 shows what was being done")
        return click.ClickException(visible(f"{error.filename}: {error.strerror}\n  hint: {hint}"))
    return BugFound(error)


_HINTS = {
    errno.EACCES: "give this user permission, or set FUNDING_DATA_DIR to a folder of its own",
    errno.EROFS: "the file system is read-only: set FUNDING_DATA_DIR to a folder elsewhere",
    errno.ENOTDIR: "a file is where a folder is needed: is FUNDING_DATA_DIR a folder?",
    errno.EEXIST: "a file is where a folder is needed: is FUNDING_DATA_DIR a folder?",
    errno.ENOSPC: "the disk is full: free some space",
}


@click.group(cls=ExplainedErrors, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="funding-platform")
def main() -> None:
    """Perpetual-futures funding rates: collect, keep, compare, query."""
    from funding_platform.core.system.interrupts import give_dropped_interrupts_again
    from funding_platform.settings import Settings
    from funding_platform.telemetry.logging import configure_logging

    give_dropped_interrupts_again()
    chosen = Settings()
    configure_logging(chosen.log_format, chosen.log_level)
    os.environ.setdefault("DAGSTER_HOME", str(chosen.dagster_home))


for _command in (
    operating.demo,
    operating.demo_cluster,
    operating.sandbox,
    operating.dev,
    working.worker,
    working.dagster_yaml,
    collecting.collect,
    collecting.backfill,
    collecting.import_,
    collecting.replay,
    transforming.transform,
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
    operating.upgrade,
    recovering.backup,
    recovering.restore,
    recovering.lake,
    operating.doctor,
    alerting.alerts,
    live.live,
    trading.trade,
    serving.serve,
    serving.mcp,
    serving.keys,
    serving.webhooks,
    operating.metrics,
):
    main.add_command(_command)
