"""The commands of the platform, for documents that name them."""

import re
from functools import cache

import click

from funding_platform.cli import main
from funding_platform_tests.checkout import ROOT


@cache
def targets() -> frozenset[str]:
    """What `make` can be asked for, of what people ask it for."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    return frozenset(re.findall(r"^([a-z-]+):.*##", makefile, re.M))


def options(command: click.Command) -> set[str]:
    """The long spellings of a command's options, and of those of the commands below it."""
    below = command.commands.values() if isinstance(command, click.Group) else ()
    own = {
        spelling
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for spelling in (*parameter.opts, *parameter.secondary_opts)
        if spelling.startswith("--")
    }
    return own.union(*map(options, below))


def followed(words: list[str]) -> tuple[click.Command, list[str]]:
    """Follow words down the groups of commands; return the last command, and the words left."""
    command: click.Command = main
    while words and isinstance(command, click.Group) and re.fullmatch(r"[a-z][a-z-]*", words[0]):
        assert words[0] in command.commands, f"there is no `{command.name} {words[0]}`"
        command, words = command.commands[words[0]], words[1:]
    return command, words
