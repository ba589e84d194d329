"""Which columns a column of a dbt model is made of, for the column lineage in Dagster's UI.

dbt knows which model reads which; of columns it knows nothing. They are found in the compiled SQL,
with the columns that the project declares. That takes seconds for the whole project, so the answer
is kept beside what dbt compiled until a model, a macro or a declaration changes.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import dagster as dg
from sqlglot import MappingSchema, exp, parse_one
from sqlglot.errors import SqlglotError
from sqlglot.lineage import lineage
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import build_scope

Manifest: TypeAlias = Mapping[str, Any]
Sources: TypeAlias = dict[str, list[tuple[str, str]]]
"""Of each column of a model, the nodes and their columns that it is made of."""

_DIALECT = "duckdb"


def column_lineage(
    manifest: Manifest,
    compiled: Path,
    kept_in: Path,
    writers: Callable[[Manifest], Sequence[dg.AssetKey]],
) -> dict[str, dg.TableColumnLineage]:
    """Find the lineage of the columns of every model that was compiled, by the model's unique id.

    Parameters
    ----------
    manifest
        What dbt has parsed.
    compiled
        Where it has compiled models.
    kept_in
        The folder in which the answer is kept.
    writers
        The assets that write a node's table.
    """
    nodes = {**manifest["nodes"], **manifest["sources"]}
    written_by = {name: writers(node) for name, node in nodes.items() if _is_relation(node)}
    return {
        model: dg.TableColumnLineage(
            {
                column: [
                    dg.TableColumnDep(key, name)
                    for node, name in sources
                    for key in written_by[node]
                ]
                for column, sources in columns.items()
            }
        )
        for model, columns in _kept(manifest, compiled, kept_in).items()
    }


def _kept(manifest: Manifest, compiled: Path, kept_in: Path) -> dict[str, Sources]:
    """Read what was found before, or find it; keep it where all models were compiled."""
    kept = kept_in / f"column_lineage-{_digest(manifest)}.json"
    if kept.exists():
        answer: dict[str, Sources] = json.loads(kept.read_text(encoding="utf-8"))
        return answer
    models = {name: _sql(node, compiled) for name, node in _models(manifest)}
    found = _of_models(manifest, {name: sql for name, sql in models.items() if sql.exists()})
    if len(found) == len(models):
        aside = kept.with_suffix(f".{os.getpid()}")
        aside.write_text(json.dumps(found), encoding="utf-8")
        aside.replace(kept)
    return found


def _models(manifest: Manifest) -> Iterator[tuple[str, Manifest]]:
    """Yield every model."""
    return ((name, node) for name, node in manifest["nodes"].items() if _is_model(node))


def _sql(node: Manifest, compiled: Path) -> Path:
    """Say where a model's compiled SQL lies."""
    return compiled / str(node["package_name"]) / str(node["original_file_path"])


def _of_models(manifest: Manifest, compiled: Mapping[str, Path]) -> dict[str, Sources]:
    """Find what the columns of the compiled models are made of."""
    nodes = {**manifest["nodes"], **manifest["sources"]}
    relations = {_relation(node): name for name, node in nodes.items() if _is_relation(node)}
    schema = MappingSchema(dialect=_DIALECT)
    for relation, name in relations.items():
        columns = dict.fromkeys(nodes[name]["columns"], "UNKNOWN")  # types decide nothing here
        schema.add_table(exp.to_table(relation, dialect=_DIALECT), columns, dialect=_DIALECT)
    return {
        name: _of_model(sql.read_text(encoding="utf-8"), nodes[name]["columns"], schema, relations)
        for name, sql in compiled.items()
    }


def _of_model(
    sql: str, columns: Iterable[str], schema: MappingSchema, relations: Mapping[str, str]
) -> Sources:
    """Find what the declared columns of a model are made of.

    Nothing is found of a column that comes by a star from a model that does not declare it.
    """
    query = parse_one(sql, dialect=_DIALECT)
    query = qualify(query, schema=schema, dialect=_DIALECT, validate_qualify_columns=False)
    scope = build_scope(query)
    found: Sources = {}
    for column in columns:
        try:
            ends = lineage(column, sql, schema, scope=scope, dialect=_DIALECT, copy=False)
        except SqlglotError:
            found[column] = []
        else:
            found[column] = sorted(set(_leaves(ends, relations)))
    return found


def _leaves(column: Any, relations: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the columns of tables at the ends of one column's lineage."""
    for end in column.walk():
        table = end.expression.find(exp.Table)
        if not end.downstream and table is not None:
            relation = ".".join(part.name for part in table.parts)
            yield relations[relation], exp.to_column(end.name).name


def _digest(manifest: Manifest) -> str:
    """Return a digest of everything that the lineage depends on, in hexadecimal."""
    nodes = {**manifest["nodes"], **manifest["sources"]}
    said = [
        [name, node.get("checksum"), sorted(node.get("columns", {}))]
        for name, node in sorted(nodes.items())
    ]
    macros = [[name, macro["macro_sql"]] for name, macro in sorted(manifest["macros"].items())]
    return hashlib.sha256(json.dumps([said, macros]).encode()).hexdigest()[:16]


def _is_model(node: Manifest) -> bool:
    return bool(node["resource_type"] == "model")


def _is_relation(node: Manifest) -> bool:
    return node["resource_type"] in ("model", "seed", "source")


def _relation(node: Manifest) -> str:
    return str(node["relation_name"]).replace('"', "")
