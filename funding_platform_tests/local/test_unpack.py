"""A home given back to Dagster's own storage."""

import shutil
import sqlite3
from pathlib import Path

import dagster as dg
import pytest

from funding_platform.local.unpack import unpack
from funding_platform.settings import project_root


@dg.asset
def rates() -> None:
    """Something to materialise."""


def test_what_was_packed_is_text_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    shutil.copy(project_root() / "data" / "dagster_home" / "dagster.yaml", tmp_path)
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        run_id = dg.materialize([rates], instance=instance).run_id
        before = instance.all_logs(run_id)
    assert unpack(tmp_path) > len(before)
    assert unpack(tmp_path) == 0
    with sqlite3.connect(tmp_path / "history" / "runs" / f"{run_id}.db") as connection:
        kinds = connection.execute("SELECT DISTINCT typeof(event) FROM event_logs").fetchall()
    assert kinds == [("text",)]
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        assert instance.all_logs(run_id) == before
