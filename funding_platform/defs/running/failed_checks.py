"""Which asset checks have failed, as the instance of Dagster has it."""

from collections.abc import Iterator

import dagster as dg
import sqlalchemy as db
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable


def failed_checks(instance: dg.DagsterInstance) -> Iterator[str]:
    """Yield the checks whose newest result is an error.

    Asked of the table itself: the storage wants to be told the checks, and whoever knows those has
    loaded all definitions, which takes seconds.
    """
    table = AssetCheckExecutionsTable.c
    newest = db.select(
        table.asset_key, table.check_name, table.execution_status, db.func.max(table.id)
    ).group_by(table.asset_key, table.check_name)
    with instance.event_log_storage.index_connection() as connection:  # type: ignore[attr-defined]
        rows = connection.execute(newest).fetchall()
    failed = [
        dg.AssetCheckKey(dg.AssetKey.from_db_string(key), name)  # type: ignore[arg-type]
        for key, name, status, _ in rows
        if status == "FAILED"
    ]
    latest = instance.event_log_storage.get_latest_asset_check_execution_by_key(failed)
    for key, record in latest.items():
        evaluation = record.evaluation
        if evaluation is None or evaluation.severity is dg.AssetCheckSeverity.ERROR:
            yield f"{key.name} of {key.asset_key.to_user_string()}"
