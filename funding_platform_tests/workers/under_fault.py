"""A whole cluster on this machine, which is kept running as a service manager does."""

import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import sqlalchemy as db

from funding_platform.core.tables.collected import COLLECTION_LOG, FUNDING_RATES
from funding_platform.core.time_grid import Window
from funding_platform.defs.assets.raw import raw_key
from funding_platform.defs.partitions import MONTH_KEY
from funding_platform.defs.running.jobs import history_job_name
from funding_platform.flows.collection.history.months import collect_history
from funding_platform.lake import connect
from funding_platform.lake.writer import Lake, Scope
from funding_platform.local.cluster.deployment import Deployment
from funding_platform.local.cluster.runs import Requests, wait_for_end
from funding_platform.local.cluster.servers import ObjectStore, Postgres, Redis
from funding_platform.settings import Settings

Rows = list[tuple[Any, ...]]

_ROWS = (
    f"SELECT venue, venue_symbol, funding_time, funding_rate FROM {FUNDING_RATES.full_name} "
    "ORDER BY ALL"
)

_WORKER = "SELECT worker FROM funding_run_beats WHERE run_id = :run"


@dataclass(frozen=True)
class World:
    """The servers, Dagster over them, and what a backfill of its venues must leave behind."""

    postgres: Postgres
    redis: Redis
    objects: ObjectStore
    settings: Settings
    environment: Mapping[str, str]
    deployment: Deployment
    requests: Requests
    months: Window
    expected: Rows

    @property
    def instance(self) -> dg.DagsterInstance:
        return self.requests.instance

    def rows(self) -> Rows:
        with connect(self.settings) as lake:
            return lake.sql(_ROWS).fetchall()

    def forget(self) -> None:
        """Empty what backfills fill, so that what they lose is missing."""
        with Lake(self.settings) as lake:
            tables = (FUNDING_RATES, COLLECTION_LOG)
            with lake.commit("test", "all over again", tables=tables) as transaction:
                for table in tables:
                    transaction.replace(table, table.empty(), Scope(), proven_empty=True)

    def backfill(self) -> list[str]:
        """Ask for the history of every venue; return the runs."""
        months = list(self.months.months())
        tags = {
            "dagster/asset_partition_range_start": f"{months[0].start:{MONTH_KEY}}",
            "dagster/asset_partition_range_end": f"{months[-1].start:{MONTH_KEY}}",
        }
        return [
            self.requests.submit(
                history_job_name(venue), tags=tags, assets=[raw_key(venue, FUNDING_RATES)]
            )
            for venue in self.settings.venues
        ]

    def ended(self, run_ids: list[str], seconds: float) -> list[dg.DagsterRun]:
        """Wait for runs, or those asked for in their place, starting again what has ended."""
        give_up_at = time.monotonic() + seconds
        done = []
        for run_id in run_ids:
            while True:
                self.deployment.start_what_ended()
                try:
                    done.append(wait_for_end(self.requests.instance, run_id, 5.0))
                except TimeoutError:
                    if time.monotonic() > give_up_at:
                        raise
                else:
                    break
        return done

    def worker_of(self, run_id: str) -> str | None:
        """Who works on a run, once somebody does."""
        engine = db.create_engine(self.environment["FUNDING_DAGSTER_URL"])
        with engine.connect() as connection:
            found = connection.execute(db.text(_WORKER), {"run": run_id}).scalar()
        engine.dispose()
        return None if found is None else str(found).partition("@")[0]

    def has_begun(self, run_id: str) -> bool:
        return bool(self.instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_START))


def truth(settings: Settings, months: Window, folder: Path) -> Rows:
    """What the venues' histories are, collected undisturbed into a folder."""
    alone = settings.model_copy(update={"data_dir": folder, "lake_profile": "embedded"})
    for venue in settings.venues:
        collect_history(venue, months, alone, "truth")
    with connect(alone) as lake:
        return lake.sql(_ROWS).fetchall()


@contextmanager
def started(command: tuple[str, ...], environment: Mapping[str, str], log: Path) -> Iterator[None]:
    """Run a command as long as the context lasts."""
    with log.open("ab") as told:
        process = subprocess.Popen(
            command, env=dict(environment), stdin=subprocess.DEVNULL, stdout=told, stderr=told
        )
    try:
        yield
    finally:
        process.kill()
        process.wait()
