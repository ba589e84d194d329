"""The ``dagster.yaml`` that follows from the settings: no secret in it, and nothing lost."""

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from funding_platform.defs.workers.broker import LONGEST_RUN, WorkersNotSetError, celery_settings
from funding_platform.local.dagster_yaml import DeploymentError, dagster_yaml
from funding_platform.local.home import DagsterHomeError, prepare_home
from funding_platform.settings import DAGSTER_HOME, Settings, project_file

URL = "postgresql://funding:s3cret@db/dagster"
CELERY = {"dagster_url": URL, "broker_url": "redis://:s3cret@redis/0", "run_launcher": "celery"}
KUBERNETES = {"dagster_url": URL, "run_launcher": "kubernetes", "kubernetes_image": "funding:1"}
ONE_MACHINE = project_file(DAGSTER_HOME / "dagster.yaml").read_text()


def written(**stated: Any) -> dict[str, Any]:
    text = dagster_yaml(Settings(**stated))
    assert "s3cret" not in text
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def test_one_machine_keeps_the_file_that_it_has() -> None:
    assert dagster_yaml(Settings()) == ONE_MACHINE


def test_celery_changes_where_runs_are_kept_and_worked_on_and_nothing_else() -> None:
    found, before = written(**CELERY, concurrent_runs=6), yaml.safe_load(ONE_MACHINE)
    assert found["storage"]["custom"]["class"] == "PostgresStorage"
    assert found["run_launcher"]["class"] == "LeasedCeleryLauncher"
    assert found["concurrency"]["runs"]["max_concurrent_runs"] == 6
    assert found["concurrency"]["runs"]["tag_concurrency_limits"][0]["limit"] == 5
    assert found["concurrency"]["pools"] == before["concurrency"]["pools"]
    assert found["run_retries"]["max_retries"] == 1
    assert found["run_monitoring"]["poll_interval_seconds"] == 10
    same = ("telemetry", "retention", "run_queue", "nux")
    assert {name: found[name] for name in same} == {name: before[name] for name in same}


def test_kubernetes_names_image_and_environment() -> None:
    launcher = written(**KUBERNETES, kubernetes_namespace="desk")["run_launcher"]
    assert launcher["class"] == "K8sRunLauncher"
    assert launcher["config"]["job_image"] == "funding:1"
    assert launcher["config"]["job_namespace"] == "desk"


def test_postgresql_alone_keeps_the_launcher() -> None:
    found = written(dagster_url=URL)
    assert found["run_launcher"] == yaml.safe_load(ONE_MACHINE)["run_launcher"]


@pytest.mark.parametrize(
    ("stated", "error", "missing"),
    [
        ({**CELERY, "broker_url": None}, WorkersNotSetError, "FUNDING_BROKER_URL"),
        ({**CELERY, "dagster_url": None}, WorkersNotSetError, "FUNDING_DAGSTER_URL"),
        ({**KUBERNETES, "kubernetes_image": None}, DeploymentError, "FUNDING_KUBERNETES_IMAGE"),
    ],
)
def test_what_is_missing_is_named(
    stated: dict[str, Any], error: type[Exception], missing: str
) -> None:
    with pytest.raises(error, match=missing):
        dagster_yaml(Settings(**stated))


def test_a_task_stays_hidden_for_longer_than_any_run_takes() -> None:
    longest = yaml.safe_load(ONE_MACHINE)["run_monitoring"]["max_runtime_seconds"]
    assert longest == LONGEST_RUN.total_seconds()
    stated = celery_settings()
    assert stated["broker_transport_options"]["visibility_timeout"] > longest
    assert not stated["task_acks_late"]
    assert stated["worker_max_tasks_per_child"] == 1


def test_a_home_is_written_again_unless_it_is_somebody_elses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    for runs in (2, 3):
        prepare_home(Settings(**CELERY, concurrent_runs=runs))
        text = (home / "dagster.yaml").read_text()
        assert yaml.safe_load(text)["concurrency"]["runs"]["max_concurrent_runs"] == runs
    assert [one.name for one in home.iterdir()] == ["dagster.yaml"]
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    with pytest.raises(DagsterHomeError, match="was not written by"):
        prepare_home(Settings(**CELERY))


def test_a_cluster_has_a_home_of_its_own() -> None:
    assert Settings().dagster_home.name == "dagster_home"
    assert Settings(**CELERY).dagster_home.name == "dagster_cluster"
    assert os.path.isabs(Settings(**CELERY).dagster_home)  # noqa: PTH117
