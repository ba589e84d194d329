"""One benchmark in this process: ``python -m ….worker NAME FILE`` writes what it found as JSON."""

import importlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import click

from funding_platform_tests.benchmarks.measurement import Measurement

ONE_SIZE = ("curves", "politeness")
"""Benchmarks that have no smaller size for a quick look."""

FIELDS = Measurement.__dataclass_fields__


@click.command()
@click.argument("name")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--quick", is_flag=True)
def main(name: str, file: Path, quick: bool) -> None:
    """Run the benchmark NAME and write its title and rows to FILE."""
    module = importlib.import_module(f"funding_platform_tests.benchmarks.bench_{name}")
    found = module.run() if name in ONE_SIZE else module.run(quick)
    title = (module.__doc__ or name).splitlines()[0].rstrip(".")
    file.write_text(json.dumps({"title": title, "rows": list(map(_fields, found))}))


def _fields(row: Measurement | Mapping[str, object]) -> dict[str, object]:
    """A row as the fields of a ``Measurement``; a mapping may hold what derives from them."""
    given = asdict(row) if isinstance(row, Measurement) else row
    return {name: value for name, value in given.items() if name in FIELDS}


if __name__ == "__main__":
    main()
