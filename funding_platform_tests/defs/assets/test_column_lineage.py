"""Which columns a model's columns are made of, as Dagster shows it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from funding_platform.defs.assets.column_lineage import column_lineage

TRADES, FEES = "source.p.core.trades", "model.p.fees"
SQL = {
    "fees": "select venue, max(fee) as fee from lake.core.trades group by venue",
    "costs": """
        with priced as (select *, price * size as notional from lake.core.trades)
        select priced.venue, notional * fees.fee as cost, 1 as one
        from priced join lake.marts.fees as fees using (venue)
    """,
}


def node(name: str, schema: str, columns: str, kind: str) -> dict[str, Any]:
    return {
        "resource_type": kind,
        "package_name": "p",
        "original_file_path": f"models/{name}.sql",
        "relation_name": f'"lake"."{schema}"."{name}"',
        "schema": schema,
        "name": name,
        "checksum": {"checksum": SQL.get(name, "")},
        "columns": {column: {"data_type": None} for column in columns.split()},
    }


MANIFEST: Mapping[str, Any] = {
    "sources": {TRADES: node("trades", "core", "venue price size fee", "source")},
    "nodes": {
        FEES: node("fees", "marts", "venue fee", "model"),
        "model.p.costs": node("costs", "marts", "venue cost one", "model"),
        "test.p.unique": {"resource_type": "test"},
    },
    "macros": {},
}


def writers(node: Mapping[str, Any]) -> list[dg.AssetKey]:
    """Two venues write the trades."""
    if node["name"] == "trades":
        return [dg.AssetKey(["raw", venue]) for venue in ("binance", "okx")]
    return [dg.AssetKey([node["schema"], node["name"]])]


def compile_models(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / "p" / "models" / f"{name}.sql"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(SQL[name])
    return folder


def found(compiled: Path, kept_in: Path) -> dict[str, dict[str, set[str]]]:
    lineage = column_lineage(MANIFEST, compiled, kept_in, writers)
    return {
        model.split(".")[-1]: {
            column: {f"{dep.asset_key.to_user_string()}.{dep.column_name}" for dep in deps}
            for column, deps in of_model.deps_by_column.items()
        }
        for model, of_model in lineage.items()
    }


def test_columns_lead_to_those_of_the_tables_below(tmp_path: Path) -> None:
    answer = found(compile_models(tmp_path / "compiled", "fees", "costs"), tmp_path)
    assert answer["fees"] == {
        "venue": {"raw/binance.venue", "raw/okx.venue"},
        "fee": {"raw/binance.fee", "raw/okx.fee"},
    }
    assert answer["costs"]["cost"] == {
        f"raw/{venue}.{column}" for venue in ("binance", "okx") for column in ("price", "size")
    } | {"marts/fees.fee"}
    assert answer["costs"]["one"] == set()


def test_what_was_found_is_kept_until_the_project_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled = compile_models(tmp_path / "compiled", "fees", "costs")
    before = found(compiled, tmp_path)
    compile_models(tmp_path / "nothing")
    assert found(tmp_path / "nothing", tmp_path) == before
    monkeypatch.setitem(MANIFEST["nodes"][FEES], "checksum", {"checksum": "other"})
    assert found(tmp_path / "nothing", tmp_path) == {}


def test_a_part_of_the_project_answers_for_itself_and_is_not_kept(tmp_path: Path) -> None:
    part = compile_models(tmp_path / "part", "fees")
    assert found(part, tmp_path).keys() == {"fees"}
    whole = compile_models(tmp_path / "whole", "fees", "costs")
    assert found(whole, tmp_path).keys() == {"fees", "costs"}


def test_a_column_that_a_star_brings_from_who_knows_where_costs_no_other(tmp_path: Path) -> None:
    sql = "select * from lake.marts.fees"
    path = tmp_path / "compiled" / "p" / "models" / "all.sql"
    path.parent.mkdir(parents=True)
    path.write_text(sql)
    everything = "model.p.all"
    nodes = {
        FEES: MANIFEST["nodes"][FEES],
        everything: node("all", "marts", "fee hidden", "model"),
    }
    found = column_lineage(
        {**MANIFEST, "nodes": nodes},
        compiled=tmp_path / "compiled",
        kept_in=tmp_path,
        writers=writers,
    )
    columns = found[everything].deps_by_column
    assert [dep.column_name for dep in columns["fee"]] == ["fee"]
    assert not columns.get("hidden")
