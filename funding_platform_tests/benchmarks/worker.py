"""One benchmark in this process: ``python -m ….worker NAME FILE`` writes what it found as JSON."""

import importlib
import json
from dataclasses import asdict
from pathlib import Path

import click

from funding_platform_tests.benchmarks.measurement import NotMeasuredError


@click.command()
@click.argument("name")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--quick", is_flag=True)
def main(name: str, file: Path, quick: bool) -> None:
    """Run the benchmark NAME and write its title and rows to FILE."""
    module = importlib.import_module(f"funding_platform_tests.benchmarks.bench_{name}")
    title = (module.__doc__ or name).splitlines()[0].rstrip(".")
    try:
        rows = [asdict(row) for row in module.run(quick)]
    except NotMeasuredError as error:
        title, rows = f"{title}: not measured, {error}", []
    file.write_text(json.dumps({"title": title, "rows": rows}))


if __name__ == "__main__":
    main()
