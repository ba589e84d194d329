"""A broker, a database of runs, and Dagster with two workers: what several machines share."""

import json
import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import dagster as dg
import pytest

from funding_platform.local.cluster.deployment import LOCATION, UNATTENDED, Deployment, deployed
from funding_platform.local.cluster.runs import Requests
from funding_platform.local.cluster.servers import Postgres, Redis
from funding_platform.local.dagster_yaml import dagster_yaml
from funding_platform.sandbox.server import RunningSandbox
from funding_platform.settings import Settings, project_root
from funding_platform_tests.benchmarks.sandbox_process import sandbox_process, settings_for
from funding_platform_tests.servers.local import started

VENUE = "okx"
SYMBOLS = 3

_NUMBERS = count()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with started(Postgres) as server:
        yield server


@pytest.fixture(scope="session")
def redis() -> Iterator[Redis]:
    with started(Redis) as server:
        yield server


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with sandbox_process(SYMBOLS) as running:
        yield running


@pytest.fixture
def database(postgres: Postgres) -> str:
    """A database of its own."""
    return postgres.database(f"dagster{next(_NUMBERS)}")


@pytest.fixture
def settings(sandbox: RunningSandbox, tmp_path: Path) -> Settings:
    return settings_for(sandbox, tmp_path / "data")


@pytest.fixture
def environment(
    settings: Settings,
    database: str,
    redis: Redis,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> dict[str, str]:
    """Ours and that of all processes; Dagster's home is there."""
    stated = {
        "DAGSTER_HOME": str(tmp_path / "dagster_home"),
        "FUNDING_BROKER_URL": redis.url,
        "FUNDING_DAGSTER_URL": database,
        "FUNDING_DATA_DIR": str(settings.data_dir),
        "FUNDING_RATE_LIMIT_SCALE": str(settings.rate_limit_scale),
        "FUNDING_REQUEST_TIMEOUT_SECONDS": "60",
        "FUNDING_RUN_LAUNCHER": "celery",
        "FUNDING_STATE_URL": database,
        "FUNDING_VENUES": VENUE,
        "FUNDING_VENUE_URLS": json.dumps(settings.venue_urls),
        "PYTHONPATH": str(project_root()),
    }
    for name, value in stated.items():
        monkeypatch.setenv(name, value)
    home = tmp_path / "dagster_home"
    home.mkdir()
    (home / "dagster.yaml").write_text(dagster_yaml(Settings()))
    return {**os.environ}


@pytest.fixture
def instance(environment: dict[str, str]) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.from_config(environment["DAGSTER_HOME"]) as one:
        yield one


@pytest.fixture
def deployment(environment: dict[str, str], tmp_path: Path) -> Iterator[Deployment]:
    """Dagster with two workers."""
    with deployed(tmp_path, environment, 2, UNATTENDED) as running:
        yield running


@pytest.fixture
def requests(deployment: Deployment, instance: dg.DagsterInstance) -> Iterator[Requests]:
    with Requests(instance, deployment.workspace, LOCATION) as asking:
        yield asking
