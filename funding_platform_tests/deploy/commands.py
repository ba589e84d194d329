"""Whether a command that a file of deploy/ names is one that exists, told without starting it.

Its arguments are read by the very parsers of the programs: unknown commands and options, missing
arguments and values of a wrong type are errors there too.
"""

from collections.abc import Callable, Sequence
from pathlib import PurePosixPath
from typing import Final

import click
from dagster._cli import create_dagster_cli
from dagster._daemon.cli import create_dagster_daemon_cli
from dagster_webserver.cli import create_dagster_webserver_cli

from funding_platform.cli import main

PROGRAMS: Final[dict[str, Callable[[], click.Command]]] = {
    "funding": lambda: main,
    "dagster": create_dagster_cli,
    "dagster-daemon": create_dagster_daemon_cli,
    "dagster-webserver": create_dagster_webserver_cli,
}
"""Those of the platform, by the name that they are installed under."""


def understood(words: Sequence[str]) -> click.Context:
    """Read a command as its program would; return what it was read to.

    Raises
    ------
    click.ClickException
        If its program would refuse it.
    """
    program, *arguments = words
    name = PurePosixPath(program).name
    command, parent = PROGRAMS[name](), None
    while True:
        context = command.make_context(name, [*arguments], parent, ignore_unknown_options=False)
        rest = [*context._protected_args, *context.args]
        if not isinstance(command, click.Group) or not rest:
            return context
        told, found, arguments = command.resolve_command(context, rest)
        assert told is not None
        assert found is not None
        name, command, parent = told, found, context
