"""What the doctor and the metrics are told of Dagster: plain facts, read off its instance."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

import dagster as dg
import yaml
from dagster._core.storage.dagster_run import FINISHED_STATUSES, IN_PROGRESS_RUN_STATUSES
from dagster._grpc.client import DagsterGrpcClient

from funding_platform.defs.alerts import subject_of
from funding_platform.defs.running.failed_checks import failed_checks
from funding_platform.flows.doctor import DagsterFacts
from funding_platform.settings import project_root

LOOKED_AT: Final = 200
"""Runs, the newest first: some days of them."""


def dagster_facts() -> DagsterFacts:
    """Ask the instance of ``DAGSTER_HOME``, and the code servers that ``workspace.yaml`` names."""
    with dg.DagsterInstance.get() as instance:
        return facts_of(instance)


def facts_of(instance: dg.DagsterInstance) -> DagsterFacts:
    """Ask an instance."""
    records = instance.get_run_records(limit=LOOKED_AT)
    held = tuple(_held_slots(instance))
    return DagsterFacts(
        heartbeats={
            name: datetime.fromtimestamp(beat.timestamp, UTC)
            for name, beat in instance.get_daemon_heartbeats().items()
        },
        code_servers=dict(_code_servers()),
        last_runs=_last_runs(records),
        under_way=tuple(
            (subject_of(record.dagster_run), record.create_timestamp.replace(tzinfo=UTC))
            for record in records
            if record.dagster_run.status in IN_PROGRESS_RUN_STATUSES
        ),
        held_slots=held,
        slots_of_ended_runs=tuple(slot for slot in held if _has_ended(instance, slot[1])),
        failed_checks=tuple(failed_checks(instance)),
    )


def _last_runs(records: Sequence[dg.RunRecord]) -> dict[str, tuple[str, datetime]]:
    """Return how the newest finished run of each subject ended; records come newest first."""
    found: dict[str, tuple[str, datetime]] = {}
    for record in records:
        run = record.dagster_run
        if run.status in FINISHED_STATUSES:
            at = record.update_timestamp.replace(tzinfo=UTC)
            found.setdefault(subject_of(run), (run.status.value, at))
    return found


def _held_slots(instance: dg.DagsterInstance) -> Iterator[tuple[str, str]]:
    storage = instance.event_log_storage
    for pool in sorted(storage.get_concurrency_keys()):
        for slot in storage.get_concurrency_info(pool).claimed_slots:
            yield pool, slot.run_id


def _has_ended(instance: dg.DagsterInstance, run_id: str) -> bool:
    run = instance.get_run_by_id(run_id)
    return run is None or run.status in FINISHED_STATUSES


def _code_servers() -> Iterator[tuple[str, str | None]]:
    """Yield the standing code servers of the workspace, and why each does not answer, if so."""
    file = project_root() / "workspace.yaml"
    if not file.exists():
        return
    for place in yaml.safe_load(file.read_text(encoding="utf-8")).get("load_from", ()):
        server = place.get("grpc_server") if isinstance(place, dict) else None
        if server:
            host, port = server.get("host", "localhost"), server.get("port")
            client = DagsterGrpcClient(port=port, socket=server.get("socket"), host=host)
            status = client.health_check_query()  # type: ignore[no-untyped-call]
            yield (
                str(server.get("location_name", f"{host}:{port}")),
                None if status == "SERVING" else f"does not answer ({status})",
            )
