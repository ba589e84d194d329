"""What several commands share: settings, venues named by people, run ids, output formats."""

import os
import sys
import uuid
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from funding_platform.core.plain_text import visible

if TYPE_CHECKING:
    import polars as pl

    from funding_platform.settings import Settings


def settings() -> "Settings":
    """Read the settings of this environment."""
    from funding_platform.settings import Settings

    return Settings()


def chosen_venues(names: Sequence[str]) -> list[str]:
    """Return the venues named on the command line, else those of the settings, else all."""
    from funding_platform.venues.registry import venue_names, venue_spec

    chosen = list(names or settings().venues or venue_names())
    for name in chosen:
        venue_spec(name)
    return chosen


def known_venues(
    context: click.Context, parameter: click.Parameter, names: tuple[str, ...]
) -> tuple[str, ...]:
    """Refuse a name that nothing is registered under, which would only match nothing."""
    from funding_platform.venues.registry import venue_spec

    for name in names:
        venue_spec(name)
    return names


def known_venue(context: click.Context, parameter: click.Parameter, name: str | None) -> str | None:
    """Do as ``known_venues``, for an option that takes one name or none."""
    known_venues(context, parameter, (name,) if name else ())
    return name


one_venue = click.option("--venue", callback=known_venue, help="One venue only.")


def instant(
    context: click.Context, parameter: click.Parameter, text: str | None
) -> datetime | None:
    """Read a time in ISO 8601; without a zone it is UTC."""
    from funding_platform.core.time_grid import parse_instant

    try:
        return None if text is None else parse_instant(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def month(context: click.Context, parameter: click.Parameter, text: str | None) -> datetime | None:
    """Read a month, ``2025-03``."""
    from funding_platform.core.time_grid import parse_month

    try:
        return None if text is None else parse_month(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def name_list(
    context: click.Context, parameter: click.Parameter, text: str | None
) -> tuple[str, ...]:
    """Read names that commas separate."""
    return tuple(name.strip() for name in (text or "").split(",") if name.strip())


def writable(context: click.Context, parameter: click.Parameter, path: Path | None) -> Path | None:
    """Refuse a file that cannot be written before any work is done for it."""
    if path is None:
        return None
    if not path.parent.is_dir():
        raise click.BadParameter(f"{path}: there is no folder {path.parent}")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise click.BadParameter(f"{path}: no permission to write it")
    return path


TEXT_FORMATS = ("table", "csv", "json")
text_format = click.option(
    "--format", "form", type=click.Choice(TEXT_FORMATS), default="table", show_default=True
)
file_format = click.option(
    "--format",
    "form",
    type=click.Choice((*TEXT_FORMATS, "parquet")),
    default="table",
    show_default=True,
)
to_file = click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    callback=writable,
    help="File to write; parquet needs one.",
)


def say(text: str, *, err: bool = False) -> None:
    """Print a text; what a character from elsewhere would do to the terminal is shown, not done."""
    click.echo(visible(text), err=err)


def new_run_id() -> str:
    """Make an id for a run that no orchestrator started."""
    return f"cli-{uuid.uuid4().hex[:12]}"


def write_frame(frame: "pl.DataFrame", form: str, output: Path | None = None) -> None:
    """Print a frame, or write it to a file.

    CSV and JSON hold the data exactly in a file or a pipe. On a terminal a character that would
    act on it is written out.
    """
    from funding_platform.views.terminal import show

    if form == "table":
        if output is not None:
            raise click.UsageError("a table is for the terminal; a file needs another --format")
        show(frame)
    elif form == "parquet":
        if output is None:
            raise click.UsageError("parquet needs --output FILE")
        frame.write_parquet(output)
    else:
        text = csv_text(frame) if form == "csv" else f"{frame.write_json()}\n"
        if output is None:
            # As bytes, of which click takes nothing away: from text in a pipe it does.
            shown = visible(text) if sys.stdout.isatty() else text
            click.echo(shown.encode(), nl=False)
        else:
            output.write_text(text, encoding="utf-8")


def csv_text(frame: "pl.DataFrame") -> str:
    """Write a frame as CSV, which has no place for a list in a cell."""
    nested = [name for name, kind in frame.schema.items() if kind.is_nested()]
    if nested:
        raise click.UsageError(
            f"csv cannot hold the nested columns {', '.join(nested)}; take json or parquet"
        )
    return frame.write_csv()
