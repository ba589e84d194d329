"""What ``requirements.lock`` pins, for the tools that judge it and for releases.

``python -m funding_platform.devtools.lock EXTRA…`` prints the part of the lock that the package and
those extras need, hashes included: what an image installs, without tests and benchmarks.
"""

import re
from collections.abc import Collection, Iterator
from pathlib import Path

import click
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from funding_platform.core.errors import FundingError
from funding_platform.settings import project_root

_PINNED = re.compile(r"^(?P<requirement>[A-Za-z0-9][^;\\\s]*==[^;\\\s]+)", re.MULTILINE)
_ENTRY = re.compile(r"^[A-Za-z0-9].*\n(?:[ \t]+.*\n?)*", re.MULTILINE)
_ASKED_BY = re.compile(r"^    # (?:via |  )(?P<name>[A-Za-z0-9][\w.-]*)", re.MULTILINE)


class LockError(FundingError):
    """The lock, or what is wanted of it, does not fit the project."""


def lock_file() -> Path:
    """Return where the lock lies."""
    return project_root() / "requirements.lock"


def locked(text: str) -> dict[str, str]:
    """Return the version of every package that a lock names, by its canonical name."""
    pinned = [Requirement(found["requirement"]) for found in _PINNED.finditer(text)]
    return {
        canonicalize_name(one.name): next(iter(one.specifier)).version
        for one in sorted(pinned, key=lambda one: canonicalize_name(one.name))
    }


def needed(text: str, roots: Collection[str]) -> str:
    """Return the part of a lock that some packages need, comments left out.

    Which package asks for which is read off the lock's own comments.

    Parameters
    ----------
    text
        The lock.
    roots
        Names of the packages that are asked for.

    Raises
    ------
    LockError
        If the lock lacks one of them.
    """
    entries = {_name(found.group()): found.group() for found in _ENTRY.finditer(text)}
    wanted: set[str] = {canonicalize_name(root) for root in roots}
    if absent := sorted(wanted - set(entries)):
        raise LockError(
            f"requirements.lock: {', '.join(absent)} is not in it", hint="`make lock` makes it anew"
        )
    asked_by: dict[str, set[str]] = {
        name: {canonicalize_name(found["name"]) for found in _ASKED_BY.finditer(entry)}
        for name, entry in entries.items()
    }
    while more := {name for name, by in asked_by.items() if name not in wanted and by & wanted}:
        wanted |= more
    return "".join(_without_comments(entries[name]) for name in sorted(wanted))


def roots_of(project: dict[str, object], extras: Collection[str]) -> Iterator[str]:
    """Yield the names of the packages that a project and some of its extras ask for.

    Parameters
    ----------
    project
        The table ``project`` of ``pyproject.toml``.

    Raises
    ------
    LockError
        If it has no such extra.
    """
    optional = project["optional-dependencies"]
    assert isinstance(optional, dict)
    if unknown := sorted(set(extras) - set(optional)):
        raise LockError(
            f"pyproject.toml: there is no extra {', '.join(unknown)}",
            hint=f"those that there are: {', '.join(sorted(optional))}",
        )
    stated = project["dependencies"]
    assert isinstance(stated, list)
    for line in (*stated, *(line for extra in extras for line in optional[extra])):
        yield Requirement(line).name


def _name(entry: str) -> str:
    found = _PINNED.match(entry)
    if found is None:
        raise LockError(
            f"requirements.lock: {entry.splitlines()[0]!r} pins nothing",
            hint="`make lock` makes it anew",
        )
    return canonicalize_name(Requirement(found["requirement"]).name)


def _without_comments(entry: str) -> str:
    kept = [line for line in entry.splitlines() if not line.lstrip().startswith("#")]
    return "\n".join(kept) + "\n"


@click.command()
@click.argument("extras", nargs=-1)
def main(extras: tuple[str, ...]) -> None:
    """Print the part of requirements.lock that the package and EXTRAS need."""
    import tomllib

    stated = tomllib.loads((project_root() / "pyproject.toml").read_text(encoding="utf-8"))
    text = lock_file().read_text(encoding="utf-8")
    click.echo(needed(text, [*roots_of(stated["project"], extras)]), nl=False)


if __name__ == "__main__":
    main()
