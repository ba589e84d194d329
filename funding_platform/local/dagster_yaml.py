"""The ``dagster.yaml`` of a deployment: that of one machine, and what the settings change in it."""

from datetime import timedelta
from typing import Any, Final

import yaml

from funding_platform.core.errors import FundingError
from funding_platform.defs.workers.broker import broker_url, dagster_url
from funding_platform.settings import DAGSTER_HOME, Settings, project_file

GENERATED: Final = "# Written by `funding` from the settings; what is changed here is lost.\n"
"""First line of a file that may be written again."""

WAITING: Final = timedelta(minutes=10)
"""Longest that a run may wait between its launch and its first event: its worker or pod starts."""


POD_HOME: Final = "/opt/dagster"
"""Where ``dagster.yaml`` is in the pod of a run: it writes nothing there."""


class DeploymentError(FundingError):
    """Settings of a deployment that do not go together."""


def dagster_yaml(settings: Settings) -> str:
    """Write ``dagster.yaml`` as the settings have it. No secret is in it.

    Raises
    ------
    WorkersNotSetError, DeploymentError
        If a setting is missing.
    """
    text: str = project_file(DAGSTER_HOME / "dagster.yaml").read_text(encoding="utf-8")
    if settings.dagster_is_local:
        return text
    stated: dict[str, Any] = yaml.safe_load(text)
    dagster_url(settings)
    stated["storage"] = {"custom": _ours("storage", "PostgresStorage")}
    runs = stated["concurrency"]["runs"]
    runs["max_concurrent_runs"] = settings.concurrent_runs
    runs["tag_concurrency_limits"] = [  # of history: a place is left to what is perishable
        limit | {"limit": max(1, settings.concurrent_runs - 1)}
        for limit in runs["tag_concurrency_limits"]
    ]
    if settings.run_launcher != "local":
        stated["run_launcher"] = _launcher(settings)
        stated["run_monitoring"] |= {
            "start_timeout_seconds": int(WAITING.total_seconds()),
        }
        # Whose machine dies loses every run on it, whatever its job; each is asked for once more.
        stated["run_retries"]["max_retries"] = 1
    written: str = yaml.safe_dump(stated, sort_keys=False)
    return GENERATED + written


def _ours(module: str, name: str) -> dict[str, Any]:
    return {"module": f"funding_platform.defs.workers.{module}", "class": name}


def _launcher(settings: Settings) -> dict[str, Any]:
    if settings.run_launcher == "celery":
        broker_url(settings)
        return _ours("launcher", "LeasedCeleryLauncher")
    if settings.kubernetes_image is None:
        raise DeploymentError(
            "FUNDING_KUBERNETES_IMAGE is not set: nobody knows what a run's pod is made of",
            hint="name the image of this version, such as registry.example/funding-platform:0.1.0",
        )
    return {
        "module": "dagster_k8s",
        "class": "K8sRunLauncher",
        "config": {
            "job_image": settings.kubernetes_image,
            "job_namespace": settings.kubernetes_namespace,
            "service_account_name": settings.kubernetes_account,
            "instance_config_map": settings.kubernetes_config_map,
            "env_secrets": [settings.kubernetes_secret],
            "dagster_home": POD_HOME,
            # The launcher asks for the map's name, and mounts it nowhere.
            "volumes": [{"name": "dagster", "configMap": {"name": settings.kubernetes_config_map}}],
            "volume_mounts": [{"name": "dagster", "mountPath": POD_HOME, "readOnly": True}],
            "fail_pod_on_run_failure": False,
            "run_k8s_config": {
                "job_spec_config": {"backoff_limit": 0, "ttl_seconds_after_finished": 86400},
            },
        },
    }
