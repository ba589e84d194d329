"""How tables show in the Dagster UI: key, column schema, row counts, previews, ownership."""

from base64 import b64encode

import dagster as dg
import polars as pl

from funding_platform.core.plain_text import cell, markdown
from funding_platform.core.tables.schema import Table

OWNERS = ["team:funding-data"]
PREVIEW_ROWS = 8

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


def frame_metadata(frame: pl.DataFrame) -> dict[str, dg.MetadataValue]:
    """Show row count and a preview of what was just written."""
    return {
        "dagster/row_count": dg.MetadataValue.int(frame.height),
        "preview": dg.MetadataValue.md(markdown_table(frame.head(PREVIEW_ROWS))),
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
