"""An instance as the project has it, in a folder of its own, whose jobs collect from elsewhere."""

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest
import stamina

from funding_platform.lake import connect
from funding_platform.local.sandbox_run import SandboxRun
from funding_platform.sandbox.server import RunningSandbox
from funding_platform.settings import Settings, project_root


@contextmanager
def world_in(
    folder: Path, stated: Mapping[str, str], definitions: dg.Definitions
) -> Iterator[SandboxRun]:
    """Settings of the environment, and an instance, while the context lasts."""
    folders = {"FUNDING_DATA_DIR": str(folder), "DAGSTER_HOME": str(folder)}
    shutil.copy(project_root() / "data" / "dagster_home" / "dagster.yaml", folder)
    with pytest.MonkeyPatch.context() as environment:
        for name, value in {**folders, **stated}.items():
            environment.setenv(name, value)
        with (
            stamina.set_testing(True, attempts=3, cap=True),
            dg.DagsterInstance.from_config(str(folder)) as instance,
        ):
            yield SandboxRun(definitions, instance)


def served_by(sandbox: RunningSandbox) -> dict[str, str]:
    """Return the settings that make a sandbox all venues, with no budget to keep to."""
    return {
        "FUNDING_VENUE_URLS": json.dumps(sandbox.venue_urls),
        "FUNDING_RATE_LIMIT_SCALE": "1000000",
    }


def count(sql: str) -> int:
    """Return the number that a statement about the lake of now answers."""
    with connect(Settings()) as connection:
        row = connection.execute(sql).fetchone()
    assert row is not None
    return int(row[0])
