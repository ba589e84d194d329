"""How tables show in the Dagster UI: key, columns, counts, times, speed, previews, ownership."""

from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime

import dagster as dg
import polars as pl

from funding_platform.core.plain_text import cell, markdown
from funding_platform.core.tables.schema import Table, Type
from funding_platform.flows.collection.history.report import PREVIEW_ROWS, some_rows

OWNERS = ["team:funding-data"]

LONGEST_CELL = 60
"""Characters of a cell of a table in the UI."""


def table_key(table: Table) -> dg.AssetKey:
    """Return ``<schema>/<name>``, as in SQL; ``raw_key`` tells apart what each venue writes."""
    return dg.AssetKey([table.schema, table.name])


def column_schema(table: Table) -> dg.TableSchema:
    """Write the declaration as Dagster shows it."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=column.name,
                type=column.type.value,
                description=column.documentation,
                constraints=dg.TableColumnConstraints(nullable=column.nullable),
            )
            for column in table.columns
        ]
    )


def definition_metadata(table: Table) -> dict[str, dg.MetadataValue]:
    """Return what is known of a table's asset before it is materialised."""
    return {
        "dagster/column_schema": dg.MetadataValue.table_schema(column_schema(table)),
        "dagster/table_name": dg.MetadataValue.text(table.full_name),
        "key": dg.MetadataValue.text(", ".join(table.key)),
    }


def frame_metadata(frame: pl.DataFrame, table: Table) -> dict[str, dg.MetadataValue]:
    """Show row count, time range and a preview of what was just written to a table."""
    dated = time_column(table)
    times = (frame[dated].min(), frame[dated].max()) if dated else (None, None)
    return {
        "dagster/row_count": dg.MetadataValue.int(frame.height),
        **time_range(*times),
        "preview": dg.MetadataValue.md(markdown_table(some_rows(frame, PREVIEW_ROWS))),
    }


def time_column(table: Table) -> str | None:
    """Return the column that dates a row: the last time of the key, or None without one."""
    times = [
        column.name
        for column in table.columns
        if column.name in table.key and column.type is Type.TIME
    ]
    return times[-1] if times else None


def time_range(first: object, last: object) -> dict[str, dg.MetadataValue]:
    """Show the times of the first and the last row; nothing where there are none."""
    return {
        name: dg.MetadataValue.timestamp(time)
        for name, time in (("first_time", first), ("last_time", last))
        if isinstance(time, datetime)
    }


def speed_metadata(rows: int, seconds: float) -> dict[str, dg.MetadataValue]:
    """Show how long the work took, and the rows per second: the UI plots both over time.

    A clock that was put back while it lasted says neither.
    """
    if seconds <= 0:
        return {}
    return {
        "duration_seconds": dg.MetadataValue.float(seconds),
        "rows_per_second": dg.MetadataValue.float(rows / seconds),
    }


def figure_metadata(figures: Mapping[str, object]) -> dict[str, dg.MetadataValue]:
    """Show figures: numbers as numbers, which the UI plots over time, all else as text."""
    return {
        name: dg.MetadataValue.float(float(value))
        if isinstance(value, int | float) and not isinstance(value, bool)
        else dg.MetadataValue.text(str(value))
        for name, value in figures.items()
    }


def png_metadata(png: bytes, title: str) -> dg.MetadataValue:
    """Embed a picture in the metadata; it is small, for it lies in the event log."""
    return dg.MetadataValue.md(f"![{title}](data:image/png;base64,{b64encode(png).decode()})")


def markdown_table(frame: pl.DataFrame) -> str:
    """Write a frame as a Markdown table, each cell as the text that it is."""
    lines = [
        [markdown(name) for name in frame.columns],
        ["---"] * frame.width,
        *([_markdown_cell(value) for value in row] for row in frame.iter_rows()),
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _markdown_cell(value: object) -> str:
    text = cell(value)
    return markdown(text if len(text) <= LONGEST_CELL else f"{text[:LONGEST_CELL]}…")
