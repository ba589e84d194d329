"""Running the ``funding`` command inside the test process."""

from collections.abc import Callable
from typing import Any

from click.testing import CliRunner, Result

from funding_platform.cli import main
from funding_platform.lake import connect
from funding_platform.settings import Settings

Funding = Callable[..., Result]
"""The command inside one working copy: ``run``, once its environment is set."""


def run(*arguments: str) -> Result:
    """The outcome of one command."""
    return CliRunner().invoke(main, arguments)


def explained(result: Result) -> str:
    """The message of a command that ended with status 1 and no traceback."""
    assert result.exit_code == 1, result.output
    assert isinstance(result.exception, SystemExit), result.exception
    (message,) = [part for part in result.stderr.split("\nError: ") if part][-1:]
    return message.removeprefix("Error: ")


def stored(settings: Settings, sql: str) -> list[tuple[Any, ...]]:
    """What the lake holds, asked without the command."""
    with connect(settings) as lake:
        return lake.sql(sql).fetchall()
