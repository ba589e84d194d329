"""Whether a package of ``requirements.lock`` has a flaw that is publicly known.

``pip-audit`` asks the database OSV about every package. Where that cannot be reached, the lock is
held against ``vulnerabilities.json`` beside this file: a short list, which says until when it
follows what was published, and which names flaws that older locks had or could have had.
"""

import json
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import click
import msgspec
from packaging.specifiers import SpecifierSet

from funding_platform.devtools.lock import lock_file, locked

OSV: Final = ("api.osv.dev", 443)
REACHED_WITHIN: Final = 5.0
"""Seconds to a connection; behind a proxy or without a network there is none."""


class Flaw(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A flaw that is publicly known.

    Parameters
    ----------
    package
        Canonical name.
    affected
        The versions that have it, as a specifier.
    name
        How it is known, such as ``CVE-2025-27516``.
    summary
        What it lets happen.
    """

    package: str
    affected: str
    name: str
    summary: str


class Known(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The offline list: flaws that were published until a day, not all of them."""

    until: str
    flaws: tuple[Flaw, ...]


def offline_list() -> Known:
    """Read the list beside this file."""
    file = Path(__file__).with_name("vulnerabilities.json")
    return msgspec.json.decode(file.read_bytes(), type=Known)


def flaws_of(packages: Mapping[str, str], known: Known) -> list[Flaw]:
    """List the flaws that the versions of packages have.

    Parameters
    ----------
    packages
        Versions by canonical name.
    """
    return [
        flaw
        for flaw in known.flaws
        if flaw.package in packages
        and SpecifierSet(flaw.affected, prereleases=True).contains(packages[flaw.package])
    ]


def audit(lock: Path) -> list[Flaw]:
    """Ask OSV about every package of a lock.

    Raises
    ------
    click.ClickException
        If it answers in part only.
    """
    program = Path(sys.executable).with_name("pip-audit")
    options = ["--require-hashes", "--disable-pip", "--service", "osv", "--format", "json"]
    asked = [str(program), "--requirement", str(lock), *options, "--progress-spinner", "off"]
    done = subprocess.run(asked, check=False, capture_output=True, text=True)  # noqa: S603
    try:
        answered = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError) as error:
        raise click.ClickException(f"pip-audit has failed: {done.stderr.strip()}") from error
    if skipped := [one["name"] for one in answered if "skip_reason" in one]:
        raise click.ClickException(f"pip-audit could not judge {', '.join(skipped)}")
    return [
        Flaw(one["name"], f"=={one['version']}", flaw["id"], flaw.get("description", ""))
        for one in answered
        for flaw in one["vulns"]
    ]


def reachable() -> bool:
    """Tell whether the database can be asked."""
    try:
        socket.create_connection(OSV, REACHED_WITHIN).close()
    except OSError:
        return False
    return True


@click.command()
def main() -> None:
    """Fail if a locked package has a known flaw."""
    packages = locked(lock_file().read_text(encoding="utf-8"))
    if reachable():
        found, by = audit(lock_file()), f"OSV knows no flaw of {len(packages)} packages"
    else:
        known = offline_list()
        found = flaws_of(packages, known)
        by = (
            f"OSV cannot be reached; {len(packages)} packages have none of the {len(known.flaws)} "
            f"flaws of the list, which ends with {known.until}"
        )
    if found:
        told = [
            f"{flaw.package} {packages.get(flaw.package, '')} has {flaw.name}: {flaw.summary}"
            for flaw in found
        ]
        raise click.ClickException("\n".join([*told, "lift the package, and run `make lock`"]))
    click.echo(by)


if __name__ == "__main__":
    main()
