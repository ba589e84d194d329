"""What launchers and workers of Celery must agree on."""

from datetime import timedelta
from typing import Any, Final

from funding_platform.core.errors import FundingError
from funding_platform.settings import Settings

QUEUE: Final = "dagster"
"""The only one that dagster-celery gives routes to."""

LONGEST_RUN: Final = timedelta(hours=6)
"""After so long run monitoring ends a run whose job says nothing else; see ``dagster.yaml``."""

NO_RESULTS: Final = "disabled://"
"""Whether a run lives and how it ended is asked of Dagster's database, not of Celery."""


class WorkersNotSetError(FundingError):
    """Runs are to travel to workers, and a setting that this takes is missing."""


def broker_url(settings: Settings) -> str:
    """Return where runs wait for a worker; it may hold a password.

    Raises
    ------
    WorkersNotSetError
        If no setting says where.
    """
    if settings.broker_url is None:
        raise WorkersNotSetError(
            "FUNDING_BROKER_URL is not set: nobody knows where runs wait for workers",
            hint="for example redis://redis.example:6379/0",
        )
    return settings.broker_url.get_secret_value()


def dagster_url(settings: Settings) -> str:
    """Return Dagster's database, as SQLAlchemy has it; it may hold a password.

    ``postgresql://`` means psycopg2, whatever SQLAlchemy's own default is.

    Raises
    ------
    WorkersNotSetError
        If no setting says where.
    """
    if settings.dagster_url is None:
        raise WorkersNotSetError(
            "FUNDING_DAGSTER_URL is not set: several machines need one database of runs",
            hint="for example postgresql://funding@postgres.example/dagster",
        )
    url = settings.dagster_url.get_secret_value()
    return url.replace("postgresql://", "postgresql+psycopg2://", 1)


def celery_settings() -> dict[str, Any]:
    """Return what makes a run be worked on once, and by a process of its own.

    A run is taken off the queue when it begins. One whose worker dies is not given out again by the
    broker, which does not know what it had done: Dagster fails it and asks for another. What a
    worker holds and has not begun comes back to the queue after the visibility timeout; a run that
    was failed meanwhile is not begun then.
    """
    return {
        "broker_transport_options": {
            "visibility_timeout": (LONGEST_RUN + timedelta(hours=1)).total_seconds(),
            "socket_keepalive": True,
            "socket_timeout": 30,
        },
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "task_acks_late": False,
        "task_default_queue": QUEUE,
        "task_ignore_result": True,
        "task_publish_retry_policy": {  # a broker that is started again is waited for
            "max_retries": 30,
            "interval_start": 0.2,
            "interval_step": 0.5,
            "interval_max": 2.0,
        },
        "worker_max_tasks_per_child": 1,
        "worker_prefetch_multiplier": 1,
    }
