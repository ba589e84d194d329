"""Under which licences the packages of ``requirements.lock`` may be used.

What a package says of itself is mapped to SPDX, and only what stands here is allowed: a package
under another licence, or under none, fails ``make check`` until somebody has read it. ``python -m
funding_platform.devtools.licences`` writes ``docs/licences.md``; with ``--check`` it only fails if
that would change anything.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import click
from packaging.utils import canonicalize_name

from funding_platform.core.plain_text import first_few
from funding_platform.devtools.lock import lock_file, locked
from funding_platform.settings import project_root

PAGE: Final = Path("docs") / "licences.md"

ALLOWED: Final[Mapping[str, str]] = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache 2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "Apache Software License; BSD License": "Apache-2.0 OR BSD-3-Clause",
    "Apache Software License; MIT License": "Apache-2.0 OR MIT",
    "BSD": "BSD-3-Clause",
    "BSD License": "BSD-3-Clause",
    "DFSG approved; MIT License": "MIT",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
} | {
    spdx: spdx
    for spdx in (
        "0BSD",
        "Apache-2.0",
        "Apache-2.0 AND BSD-2-Clause",
        "Apache-2.0 AND CNRI-Python",
        "Apache-2.0 AND MIT",
        "Apache-2.0 OR BSD-2-Clause",
        "Apache-2.0 OR BSD-3-Clause",
        "BSD-2-Clause",
        "BSD-2-Clause AND Apache-2.0 WITH LLVM-exception",
        "BSD-3-Clause",
        "BSD-3-Clause AND 0BSD AND MIT AND Zlib AND CC0-1.0",
        "ISC",
        "MIT",
        "MIT AND PSF-2.0",
        "MIT OR Apache-2.0",
        "MIT-CMU",
        "MPL-2.0",
        "MPL-2.0 AND (Apache-2.0 OR MIT)",
        "MPL-2.0 AND MIT",
        "PSF-2.0",
    )
}
"""What packages say of their licence, and its name in SPDX. None of these asks anything of code
that only imports the package."""

EXCEPTIONS: Final[Mapping[str, tuple[str, str]]] = {
    "backtrader": ("GPL-3.0-or-later", "a rival of `make bench`; nothing that is shipped uses it"),
    "psycopg2-binary": (
        "LGPL-3.0-or-later",
        "the driver of PostgreSQL, of an extra that nobody is given unasked; it is used unchanged",
    ),
    "text-unidecode": ("Artistic-1.0", "of its licences the one that is chosen; dbt asks for it"),
    "vectorbt": (
        "Apache-2.0 WITH Commons-Clause",
        "a rival of `make bench`; nothing that is shipped uses it",
    ),
}
"""Packages that are allowed by name: under which licence, and why."""


def licences(packages: Mapping[str, str]) -> dict[str, str]:
    """Return what every package says of its licence; those that are not installed are left out.

    Parameters
    ----------
    packages
        Versions by canonical name.
    """
    program = Path(sys.executable).with_name("pip-licenses")
    asked = [str(program), "--from=mixed", "--format=json", "--with-system"]
    told = json.loads(subprocess.run(asked, check=True, capture_output=True, text=True).stdout)  # noqa: S603
    found = {canonicalize_name(one["Name"]): str(one["License"]) for one in told}
    return {name: found[canonicalize_name(name)] for name in packages if name in found}


def faults(packages: Mapping[str, str], told: Mapping[str, str]) -> Iterator[str]:
    """Yield what stands against a package, in words.

    Parameters
    ----------
    packages
        Versions by canonical name.
    told
        What those that are installed say of their licence.
    """
    if absent := [name for name in packages if name not in told]:
        yield f"{first_few(absent, 5)} in requirements.lock, but not installed: run `make setup`"
    for name, licence in told.items():
        if name not in EXCEPTIONS and licence not in ALLOWED:
            yield (
                f"{name} {packages[name]} is under {licence!r}, which nobody has allowed: read it, "
                "and add it to ALLOWED or EXCEPTIONS in funding_platform/devtools/licences.py"
            )


def page(told: Mapping[str, str]) -> str:
    """Write the list for people; versions are in the lock."""
    rows = [
        (name, EXCEPTIONS[name][0] if name in EXCEPTIONS else ALLOWED[licence])
        for name, licence in sorted(told.items())
    ]
    return "\n".join(
        [
            "# Licences",
            "",
            "<!-- Written by `python -m funding_platform.devtools.licences`. Do not edit. -->",
            "",
            "Every package of `requirements.lock`, those that only tests, benchmarks and documents "
            "need among them, and",
            "the licence that it states. `make check` fails on one whose licence nobody has "
            "allowed.",
            "",
            "| package | licence |",
            "| --- | --- |",
            *(f"| {name} | {licence} |" for name, licence in rows),
            "",
            "Allowed by name:",
            "",
            *(f"- {name}: {why}" for name, (_, why) in sorted(EXCEPTIONS.items())),
            "",
        ]
    )


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; fail if the page is stale.")
def main(check: bool) -> None:
    """Judge the licences, and write the list of them."""
    packages = locked(lock_file().read_text(encoding="utf-8"))
    told = licences(packages)
    if found := list(faults(packages, told)):
        raise click.ClickException("\n".join(found))
    file, text = project_root() / PAGE, page(told)
    if not check:
        file.write_text(text, encoding="utf-8")
    elif not file.is_file() or file.read_text(encoding="utf-8") != text:
        raise click.ClickException(f"stale: {PAGE}; run `make docs` and commit the result")
    click.echo(f"{len(told)} packages, each under a licence that is allowed")


if __name__ == "__main__":
    main()
