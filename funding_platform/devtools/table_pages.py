"""The references of tables and of features that people read: ``docs/tables.md`` and its kin."""

from collections.abc import Iterable, Mapping
from itertools import groupby

from funding_platform.core.tables.features.store import FEATURE_GROUPS
from funding_platform.core.tables.schema import Column, Table


def tables_markdown(tables: tuple[Table, ...], schemas: Mapping[str, str], origin: str) -> str:
    """Write the reference of all tables, for people.

    Parameters
    ----------
    schemas
        What each schema holds, in a sentence.
    origin
        Where the page comes from, for who would edit it.
    """
    parts = ["# Tables", f"<!-- {origin} -->", "All times are UTC."]
    for schema, members in groupby(tables, key=lambda table: table.schema):
        parts += [f"## {schema}", schemas[schema], *map(_table_markdown, members)]
    return "\n\n".join(parts) + "\n"


def features_markdown(origin: str) -> str:
    """Write the reference of all features: where each comes from, its formula and its unit."""
    parts = [
        "# Features",
        f"<!-- {origin} -->",
        "`features.feature_store` has one row per instrument, `as_of` and `kind`, known as a whole "
        "from its `available_at` on. `flows.queries.get_features` reads what was known at an "
        "instant, or at many; `funding features` shows it.",
    ]
    for title, source, columns in FEATURE_GROUPS:
        parts += [f"## {title}", f"From `{source.full_name}`.", _columns_markdown(columns)]
    return "\n\n".join(parts) + "\n"


def _table_markdown(table: Table) -> str:
    lines = [
        f"### {table.full_name}",
        "",
        table.description,
        "",
        f"Key: {', '.join(f'`{name}`' for name in table.key)}.",
        "",
        _columns_markdown(table.columns),
    ]
    return "\n".join(lines)


def _columns_markdown(columns: Iterable[Column]) -> str:
    lines = [
        "| column | type | unit | null | meaning |",
        "| --- | --- | --- | --- | --- |",
        *(
            f"| `{column.name}` | {column.type.value} | {column.unit or ''} "
            f"| {'yes' if column.nullable else 'no'} | {column.description} |"
            for column in columns
        ),
    ]
    return "\n".join(lines)
