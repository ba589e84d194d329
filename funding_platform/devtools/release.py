"""What a release has beside wheel and sdist: the lock of what it needs, and its bill of materials.

``python -m funding_platform.devtools.release dist`` writes ``requirements.lock``, from which images
are installed with hashes, and ``sbom.json``, which lists the same packages as CycloneDX has it.
"""

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Final

import click

from funding_platform.devtools.lock import lock_file, needed, roots_of
from funding_platform.settings import project_root

EXTRAS: Final = ("alerts", "cluster", "kubernetes", "mcp", "postgres", "redis")
"""Those that an image has, whatever it is used for. ``ccxt`` and ``ray`` take hundreds of megabytes
that few need: whoever does builds an image of their own."""


def write_release(folder: Path) -> tuple[Path, Path]:
    """Write both files; return them."""
    stated = project_root() / "pyproject.toml"
    project = tomllib.loads(stated.read_text(encoding="utf-8"))["project"]
    folder.mkdir(parents=True, exist_ok=True)
    lock, bill = folder / "requirements.lock", folder / "sbom.json"
    whole = lock_file().read_text(encoding="utf-8")
    lock.write_text(needed(whole, [*roots_of(project, EXTRAS)]), encoding="utf-8")
    program = Path(sys.executable).with_name("cyclonedx-py")
    subprocess.run(  # noqa: S603
        [
            *(str(program), "requirements", str(lock), "--pyproject", str(stated)),
            *("--output-reproducible", "--output-format", "JSON", "--output-file", str(bill)),
        ],
        check=True,
    )
    return lock, bill


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def main(folder: Path) -> None:
    """Write the lock and the bill of materials of a release into FOLDER."""
    for file in write_release(folder):
        click.echo(file)


if __name__ == "__main__":
    main()
