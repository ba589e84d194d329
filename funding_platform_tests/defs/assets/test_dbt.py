"""The manifest of the dbt project, which all processes of Dagster want at once."""

import os
import shutil
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from dagster_dbt import DbtProject

from funding_platform.defs.assets.dbt import bring_up_to_date, dbt_project

PROCESSES = 3


def bring(folder: Path) -> None:
    """What a process does that loads the definitions."""
    project = DbtProject(project_dir=folder, profiles_dir=folder, target_path=Path("target"))
    bring_up_to_date(project)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A dbt project that has changed since it was parsed."""
    original = dbt_project()
    copied = tmp_path / "dbt_project"
    shutil.copytree(original.project_dir, copied, ignore=shutil.ignore_patterns("target"))
    (copied / "target").mkdir()
    for made in ("partial_parse.msgpack", "manifest.json"):
        shutil.copy(original.manifest_path.with_name(made), copied / "target")
    os.utime(copied / "target" / "manifest.json", (0, 0))
    return copied


def test_one_of_many_processes_parses_a_project_that_has_changed(folder: Path) -> None:
    manifest = folder / "target" / "manifest.json"
    seen = {(0, manifest.stat().st_size)}
    context = get_context("spawn")
    together = context.Barrier(PROCESSES)
    with ProcessPoolExecutor(PROCESSES, context, together.wait) as pool:
        asked = [pool.submit(bring, folder) for _ in range(PROCESSES)]
        while not all(one.done() for one in asked):
            seen.add((manifest.stat().st_mtime_ns, manifest.stat().st_size))
            time.sleep(0.001)
        for one in asked:
            one.result()
    assert len(seen) == 2, "it was replaced once, as a whole"
    assert list((folder / "target").glob("parse-*")) == []
