"""What dbt tells of its models: every column, on one page."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from funding_platform.devtools.dbt_docs import write_dbt_docs
from funding_platform_tests.dbt.conftest import Built
from funding_platform_tests.dbt.forked import PROJECT


def test_every_column_of_every_model_is_described(built: Built) -> None:
    described: dict[str, dict[str, str]] = {}
    for path in (PROJECT / "models").rglob("*.yml"):
        document: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
        for model in document.get("models", []):
            columns = model.get("columns", [])
            described[model["name"]] = {one["name"]: one.get("description", "") for one in columns}
    models = {path.stem for path in (PROJECT / "models").rglob("*.sql")}
    models -= {path.stem for path in (PROJECT / "models" / "build").iterdir()}  # not of the lake
    stored = built.read(
        "SELECT table_name, column_name FROM duckdb_columns() WHERE database_name = 'lake' "
        "AND schema_name IN ('staging', 'intermediate', 'marts')"
    )
    assert set(stored["table_name"]) == models
    undescribed = [
        f"{model}.{column}"
        for model, column in stored.iter_rows()
        if not described.get(model, {}).get(column)
    ]
    assert undescribed == []


@pytest.mark.world
def test_the_documentation_is_one_page_that_knows_the_marts(built: Built) -> None:
    page: Path = write_dbt_docs(built.settings)
    text = page.read_text(encoding="utf-8")
    assert "funding_rate_stats" in text
    assert "share_at_default" in text
