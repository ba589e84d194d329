"""Everything that other tools must be told about the declared tables, derived from them.

The dbt sources, the contracts of the marts, the column types of the seed, macros, and
``docs/tables.md`` are committed, because dbt and people read them as
files; a test proves that they equal what is derived here. ``python -m
funding_platform.devtools.documents`` writes them anew; with ``--check`` it only fails if that would
change anything.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import yaml

from funding_platform.core.tables.books.depth import ORDER_BOOK_DEPTH
from funding_platform.core.tables.collected import (
    COLLECTION_LOG,
    FUNDING_RATES,
    INSTRUMENTS,
    LISTINGS,
    MARKET_SNAPSHOTS,
)
from funding_platform.core.tables.fees import FEE_OVERRIDES, FEE_SCHEDULES
from funding_platform.core.tables.live import LIVE_RATES
from funding_platform.core.tables.marts.opportunity_history import GROWING
from funding_platform.core.tables.marts.statistics import DEFAULT_FUNDING_RATES
from funding_platform.core.tables.registry import TABLES
from funding_platform.core.tables.schema import Column, Table
from funding_platform.devtools.dashboards.declared import DASHBOARDS
from funding_platform.devtools.dbt_macros import (
    asset_macros,
    completeness_macros,
    dollar_macro,
    opportunity_macros,
)
from funding_platform.devtools.metrics_reference import metrics_markdown
from funding_platform.devtools.table_pages import features_markdown, tables_markdown
from funding_platform.devtools.trading_config import trading_config_markdown
from funding_platform.lake.connection import LAKE
from funding_platform.settings import project_root

SEEDS = (FEE_SCHEDULES, DEFAULT_FUNDING_RATES)
"""Tables that dbt loads from CSV files."""

MARTS = tuple(table for table in TABLES.values() if table.schema == "marts")
"""Tables that dbt builds."""

SOURCES = tuple(
    table
    for table in TABLES.values()
    if table not in (*SEEDS, *MARTS) and table.schema not in ("backtest", "execution")
)
"""Tables that dbt only reads. Backtests and what was traded it does not: to test every ledger at
every build would take longer than the build."""

STAGED = {
    COLLECTION_LOG.full_name: "stg_collection_log",
    FEE_OVERRIDES.full_name: "stg_fee_history",
    FUNDING_RATES.full_name: "stg_funding_rates",
    INSTRUMENTS.full_name: "stg_instruments",
    LIVE_RATES.full_name: "stg_live_rates",
    LISTINGS.full_name: "stg_listings",
    MARKET_SNAPSHOTS.full_name: "stg_market_snapshots",
    ORDER_BOOK_DEPTH.full_name: "stg_order_book_depth",
}
"""Sources that several Dagster assets write, or none: their test is a check on the view in front
of them."""

_SCHEMAS = {
    "core": "What is collected from the venues.",
    "features": "What is computed from it.",
    "marts": "What dbt builds for people to query.",
    "backtest": "What simulated runs did. Earnings are signed, costs count against equity.",
    "execution": "What traders hold and have done, mirrored from their store.",
}

_ORIGIN = (
    "Generated from funding_platform/core/tables by "
    "`python -m funding_platform.devtools.documents`. Do not edit."
)


def documents() -> dict[Path, str]:
    """Write every derived file: its path from the project's root, and its text."""
    return {
        Path("dbt_project/models/staging/_sources.yml"): _yaml(dbt_sources(SOURCES)),
        Path("dbt_project/models/marts/_marts.yml"): _yaml(dbt_marts(MARTS)),
        Path("dbt_project/seeds/_seeds.yml"): _yaml(dbt_seeds(SEEDS)),
        Path("dbt_project/macros/completeness.sql"): completeness_macros(),
        Path("dbt_project/macros/assets.sql"): asset_macros(),
        Path("dbt_project/macros/dollars.sql"): dollar_macro(),
        Path("dbt_project/macros/opportunities.sql"): opportunity_macros(),
        Path("docs/tables.md"): tables_markdown(tuple(TABLES.values()), _SCHEMAS, _ORIGIN),
        Path("docs/features.md"): features_markdown(_ORIGIN),
        Path("docs/metrics.md"): metrics_markdown(
            "Generated from funding_platform/telemetry/declared.py by "
            "`python -m funding_platform.devtools.documents`. Do not edit."
        ),
        **{Path(f"deploy/grafana/{one.name}.json"): one.text() for one in DASHBOARDS},
        Path("docs/execution_config.md"): trading_config_markdown(
            "Generated from funding_platform/execution/config.py by "
            "`python -m funding_platform.devtools.documents`. Do not edit."
        ),
    }


def write_documents(root: Path) -> None:
    """Write every derived file below ``root``."""
    for path, text in documents().items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")


def stale_documents(root: Path) -> list[Path]:
    """List the derived files below ``root`` that are missing or differ from their derivation."""
    return [
        path
        for path, text in documents().items()
        if not (root / path).is_file() or (root / path).read_text(encoding="utf-8") != text
    ]


def dbt_sources(tables: tuple[Table, ...]) -> dict[str, Any]:
    """Describe the dbt sources, one per schema.

    NOT NULL is left out: DuckLake enforces it. Keys, bounds and allowed values it does not.
    """
    return {
        "sources": [
            {
                "name": schema,
                "description": _SCHEMAS[schema],
                "tables": [
                    _described(table, [_column(column) for column in table.columns])
                    for table in tables
                    if table.schema == schema
                ],
            }
            for schema in dict.fromkeys(table.schema for table in tables)
        ]
    }


def dbt_marts(tables: tuple[Table, ...]) -> dict[str, Any]:
    """Describe the dbt models with enforced contracts.

    A column that must not be null is a constraint rather than a test: DuckLake enforces it, so
    that a broken build fails before it replaces the table that people query. A view is not tested
    as a whole: that would work out every row it could ever show.
    """
    return {"models": [_mart(table) for table in tables]}


def dbt_seeds(tables: tuple[Table, ...]) -> dict[str, Any]:
    """Describe the dbt seeds with their column types, which dbt would else guess from the values.

    ``dbt seed --full-refresh`` creates the table without NOT NULL, hence the tests for it.
    """
    return {
        "seeds": [
            {
                **_described(table, [_column(column) for column in table.columns]),
                "data_tests": [_as_declared(table, not_null=True)],
                "config": {
                    "column_types": {column.name: column.type.value for column in table.columns}
                },
            }
            for table in tables
        ]
    }


def _mart(table: Table) -> dict[str, Any]:
    contract = {"config": {"contract": {"enforced": True}}}
    if table.view:
        described = _described(table, [_column(column) for column in table.columns])
        del described["data_tests"]
        return {**described, **contract}
    return {
        **_described(table, [_contracted_column(column) for column in table.columns]),
        **contract,
    }


def _described(table: Table, columns: list[dict[str, Any]]) -> dict[str, Any]:
    """Describe a table in what sources, models and seeds have in common."""
    return {
        "name": table.name,
        "description": table.description,
        "data_tests": [_as_declared(table)],
        "columns": columns,
    }


def _column(column: Column) -> dict[str, Any]:
    return {
        "name": column.name,
        "description": column.documentation,
        "data_type": column.type.value,
    }


def _as_declared(table: Table, *, not_null: bool = False) -> dict[str, Any]:
    """Make one dbt test of a table's key, bounds, allowed values, and what must be there if asked.

    One and not one per column: a query of its own costs more than the answer.
    """
    bounded = [
        column for column in table.columns if (column.minimum, column.maximum) != (None, None)
    ]
    rules: dict[str, Any] = {
        "key": list(table.key),
        "present": [c.name for c in table.columns if not_null and not c.nullable],
        "bounds": {column.name: [column.minimum, column.maximum] for column in bounded},
        "values": {column.name: list(column.values) for column in table.columns if column.values},
    }
    stated = {rule: columns for rule, columns in rules.items() if columns}
    told = "; ".join(f"{rule}: {', '.join(columns)}" for rule, columns in stated.items())
    test: dict[str, Any] = {
        "name": f"{table.name}_as_declared",
        "description": f"No row breaks a rule of the table's declaration ({told}).",
        "arguments": stated,
    }
    if growth := GROWING.get(table.full_name):
        # Older rows were tested when they were new, and are too many to be tested again.
        time = growth.time
        newest = f"select max({time}) from {LAKE}.{table.full_name} where {time} <= now()"
        test["config"] = {"where": f"{time} = ({newest})"}
    elif table.grows_by:
        stated["time"] = table.grows_by
    if view := STAGED.get(table.full_name):
        stated["view"] = f"ref('{view}')"
        test["config"] = {"meta": {"dagster": {"ref": {"name": view}}}}
    return {"as_declared": test}


def _contracted_column(column: Column) -> dict[str, Any]:
    constraints = {} if column.nullable else {"constraints": [{"type": "not_null"}]}
    return {**_column(column), **constraints}


def _yaml(document: Mapping[str, Any]) -> str:
    text = yaml.safe_dump({"version": 2, **document}, sort_keys=False, allow_unicode=True, width=99)
    return f"# {_ORIGIN}\n{text}"


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; fail if a file is stale.")
def main(check: bool) -> None:
    """Write the files that derive from the table declarations."""
    root = project_root()
    if not check:
        write_documents(root)
    elif stale := stale_documents(root):
        names = ", ".join(map(str, stale))
        raise click.ClickException(f"stale: {names}; run `make docs` and commit the result")


if __name__ == "__main__":
    main()
