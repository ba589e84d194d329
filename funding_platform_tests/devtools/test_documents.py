"""One declaration, four readers: the lake, Polars, dbt and the documentation."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from funding_platform.core.tables.marts.opportunity_history import GROWING
from funding_platform.core.tables.registry import TABLES
from funding_platform.core.tables.schema import Table
from funding_platform.devtools.documents import (
    SEEDS,
    documents,
    main,
    stale_documents,
    write_documents,
)
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings

ROOT = Path(__file__).resolve().parents[2]

KNOWN_TO_DBT = {
    name: table for name, table in TABLES.items() if table.schema not in ("backtest", "execution")
}

each_table = pytest.mark.parametrize("table", TABLES.values(), ids=list(TABLES))
each_table_of_dbt = pytest.mark.parametrize("table", KNOWN_TO_DBT.values(), ids=list(KNOWN_TO_DBT))


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    settings = Settings(data_dir=tmp_path_factory.mktemp("documents") / "data")
    with Lake(settings) as lake:
        for table in TABLES.values():
            lake.connection.execute(table.ddl())  # the marts too, which dbt creates otherwise
        yield lake


@cache
def dbt_nodes() -> dict[str, dict[str, Any]]:
    """Sources, seeds and models of the committed files, by full name."""
    nodes: list[tuple[str, dict[str, Any]]] = []
    for path in documents():
        if path.suffix == ".yml":
            document = yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))
            for source in document.get("sources", []):
                nodes += [(source["name"], table) for table in source["tables"]]
            nodes += [("core", seed) for seed in document.get("seeds", [])]
            nodes += [("marts", model) for model in document.get("models", [])]
    named = {f"{schema}.{node['name']}": node for schema, node in nodes}
    assert len(named) == len(nodes), "a table is described twice"
    return named


def documented(table: Table) -> list[tuple[str, str, str]]:
    """Name, type and nullability of each column in the committed ``docs/tables.md``."""
    text = (ROOT / "docs" / "tables.md").read_text(encoding="utf-8")
    (section,) = re.findall(
        rf"^### {re.escape(table.full_name)}$(.*?)(?=^##|\Z)", text, re.M | re.S
    )
    rows = (line.split("|")[1:-1] for line in section.splitlines() if line.startswith("| `"))
    return [(name.strip(" `"), kind.strip(), null.strip()) for name, kind, _, null, _ in rows]


def test_the_committed_documents_equal_their_derivation() -> None:
    stale = stale_documents(ROOT)
    assert not stale, f"run `python -m funding_platform.devtools.documents`; differing: {stale}"


def test_what_is_written_is_not_stale_until_someone_edits_it(tmp_path: Path) -> None:
    assert set(stale_documents(tmp_path)) == set(documents())
    write_documents(tmp_path)
    assert stale_documents(tmp_path) == []
    edited = tmp_path / "docs" / "tables.md"
    edited.write_text(edited.read_text(encoding="utf-8") + "by hand\n", encoding="utf-8")
    assert stale_documents(tmp_path) == [Path("docs/tables.md")]


def test_the_command_writes_and_checks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "workspace.yaml").touch()
    monkeypatch.chdir(tmp_path)
    refused = CliRunner().invoke(main, ["--check"])
    assert refused.exit_code == 1
    assert "docs/tables.md" in refused.output
    assert CliRunner().invoke(main, []).exit_code == 0
    assert CliRunner().invoke(main, ["--check"]).exit_code == 0


def test_dbt_knows_every_table_once() -> None:
    assert set(dbt_nodes()) == set(KNOWN_TO_DBT)


@pytest.mark.sampled(10)
@each_table
def test_lake_polars_dbt_and_documentation_agree(lake: Lake, table: Table) -> None:
    stored = lake.read(f"DESCRIBE {table.full_name}").select("column_name", "column_type", "null")
    names_and_types = [(name, kind) for name, kind, _ in stored.rows()]
    if table.full_name in KNOWN_TO_DBT:
        described = dbt_nodes()[table.full_name]["columns"]
        assert [(column["name"], column["data_type"]) for column in described] == names_and_types
    assert documented(table) == [(name, kind, null.lower()) for name, kind, null in stored.rows()]
    assert lake.read(f"SELECT * FROM {table.full_name}").schema == table.polars_schema


@each_table_of_dbt
def test_dbt_states_units_keys_and_contracts(table: Table) -> None:
    node = dbt_nodes()[table.full_name]
    for column, described in zip(table.columns, node["columns"], strict=True):
        assert column.unit is None or f"Unit: {column.unit}" in described["description"]
        if table.schema == "marts":
            assert ("constraints" in described) is not column.nullable
    if table.schema == "marts":
        assert node["config"]["contract"] == {"enforced": True}


@each_table_of_dbt
def test_dbt_tests_the_key_the_bounds_and_the_allowed_values(table: Table) -> None:
    tests = dbt_nodes()[table.full_name].get("data_tests", [])
    if table.view:
        assert tests == []
        return
    ((test,),) = (one.values() for one in tests)
    growth = GROWING.get(table.full_name)
    told = test.get("config", {}).get("where")
    assert told == (
        f"{growth.time} = (select max({growth.time}) from lake.{table.full_name} "
        f"where {growth.time} <= now())"
        if growth
        else None
    )
    rules = test["arguments"]
    assert rules["key"] == list(table.key)
    for column in table.columns:
        bounds = rules.get("bounds", {}).get(column.name, [None, None])
        assert bounds == [column.minimum, column.maximum], column.name
        assert rules.get("values", {}).get(column.name, []) == list(column.values), column.name
        present = column.name in rules.get("present", [])
        assert present is (table in SEEDS and not column.nullable), column.name


@each_table_of_dbt
def test_the_seed_has_the_declared_types(table: Table) -> None:
    types = dbt_nodes()[table.full_name].get("config", {}).get("column_types")
    declared = {column.name: column.type.value for column in table.columns}
    assert types == (declared if table in SEEDS else None)
