"""Whoever writes some tables of a cluster's lake waits for other writers of those, and no one else.

Each flow is run while sessions of others hold all locks but those of what it writes, and then while
they hold one of its own.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event
from typing import Final, NamedTuple

import pytest

from funding_platform.backtest.search.parameters import SweepPlan
from funding_platform.backtest.search.walk_forward import WalkForwardPlan
from funding_platform.core.tables.backtests.ledgers import FRAMES
from funding_platform.core.tables.backtests.runs import RUNS, SWEEPS
from funding_platform.core.tables.collected import (
    COLLECTION_LOG,
    FUNDING_RATES,
    MARKET_SNAPSHOTS,
)
from funding_platform.core.tables.fees import FEE_HISTORY, FEE_OVERRIDES, FEE_SCHEDULES
from funding_platform.core.tables.registry import TABLES
from funding_platform.core.tables.schema import Table
from funding_platform.flows.backtests.sweeps import sweep_and_store
from funding_platform.flows.backtests.walk_forwards import walk_forward_and_store
from funding_platform.flows.collection.replay import replay
from funding_platform.flows.collection.snapshots import collect_snapshots
from funding_platform.flows.importing.importer import import_files
from funding_platform.lake import connect
from funding_platform.lake.errors import LakeLockedError
from funding_platform.lake.profiles.advisory_lock import wait_for
from funding_platform.lake.profiles.postgres import CatalogAddress
from funding_platform.lake.writer import Lake
from funding_platform.sandbox.server import build_market, running_sandbox
from funding_platform.settings import Settings
from funding_platform_tests.backtest.markets import drawn_market
from funding_platform_tests.dbt.runner import run_dbt
from funding_platform_tests.flows.backtests.lakes import CONFIG, fill, rows_in, setting
from funding_platform_tests.flows.fees import DRIFT, put
from funding_platform_tests.flows.importing.dumps import FIRST_MS, history
from funding_platform_tests.lake.conftest import january_of, rates
from funding_platform_tests.servers.lakes import catalog_session

LATE: Final = 300.0
IMPATIENT: Final = {"lock_timeout_seconds": 0.5}
FEES: Final = SweepPlan(axes={"costs.flat_fee_bps": (1.0, 2.0)})
SEED: Final = ("build", "--select", "+fee_history", "--exclude-resource-type", "test", "unit_test")


class Flow(NamedTuple):
    """What commits, the tables that it writes, and what it needs to be there."""

    run: Callable[[Settings], object]
    written: tuple[Table, ...]
    prepare: Callable[[Settings], object] = lambda _settings: None


def market(settings: Settings) -> None:
    fill(settings, drawn_market(3))


def recorded(settings: Settings) -> None:
    with running_sandbox(build_market(symbols=1)) as sandbox:
        asked = {"venue_urls": sandbox.venue_urls, "rate_limit_scale": 1e6}
        collect_snapshots(["okx"], settings.model_copy(update=asked), "then")


def replayed(settings: Settings) -> None:
    for one in replay(settings, "again"):
        if one.error is not None:
            raise one.error


def imported(settings: Settings) -> None:
    file = history(settings.data_dir / "files", f"{FIRST_MS},0.0001,8,90000")
    import_files([str(file)], settings, "import")


def swept(settings: Settings) -> None:
    sweep_and_store(settings, CONFIG, FEES)


def walked(settings: Settings) -> None:
    division = WalkForwardPlan(in_sample_days=4, out_of_sample_days=3, floor=None)
    walk_forward_and_store(settings, setting(costs={}), FEES, division)


def seeded(settings: Settings) -> None:
    run_dbt(settings, *SEED)


FLOWS: Final = {
    "fees": Flow(lambda settings: put(settings, DRIFT), (FEE_OVERRIDES,)),
    "import": Flow(imported, (FUNDING_RATES, COLLECTION_LOG)),
    "replay": Flow(replayed, (MARKET_SNAPSHOTS,), recorded),
    "sweep": Flow(swept, (RUNS, SWEEPS), market),
    "walk forward": Flow(walked, (RUNS, SWEEPS, *FRAMES), market),
    "marts": Flow(seeded, (FEE_SCHEDULES, FEE_HISTORY)),
}


@contextmanager
def written_by_others(settings: Settings, tables: Iterable[Table]) -> Iterator[None]:
    """Hold what writers of some tables hold, in another session."""
    names = sorted(table.full_name for table in tables)
    wanted = {"lake": True, **{f"table {name}": False for name in names}}
    with catalog_session(settings) as session:
        wait_for(session, CatalogAddress.of(settings), settings, wanted, "testing")
        yield


@pytest.mark.parametrize("flow", FLOWS.values(), ids=FLOWS)
def test_a_flow_waits_for_writers_of_its_tables_alone(flow: Flow, cluster: Settings) -> None:
    connect(cluster, read_only=False).close()
    flow.prepare(cluster)
    impatient = cluster.model_copy(update=IMPATIENT)
    for table in flow.written[:2]:
        with written_by_others(cluster, [table]), pytest.raises(LakeLockedError):
            flow.run(impatient)
    with written_by_others(cluster, [one for one in TABLES.values() if one not in flow.written]):
        flow.run(impatient)


_WAITING = """
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


def somebody_waits(settings: Settings) -> bool:
    with catalog_session(settings) as asked:
        asked.execute(_WAITING)
        return bool(asked.fetchone()[0])


def test_fees_are_set_during_a_long_commit_and_an_import_waits_for_it(cluster: Settings) -> None:
    connect(cluster, read_only=False).close()
    begun, go_on = Event(), Event()

    def replace() -> None:
        with (
            Lake(cluster) as lake,
            lake.commit("slow", "rates", tables=(FUNDING_RATES,)) as transaction,
        ):
            transaction.replace(FUNDING_RATES, rates(hours=30), january_of())
            begun.set()
            assert go_on.wait(LATE)

    with ThreadPoolExecutor(2) as pool:
        slow = pool.submit(replace)
        assert begun.wait(LATE)
        put(cluster, DRIFT)
        assert rows_in(cluster, FEE_OVERRIDES.full_name) == 1
        queued = pool.submit(imported, cluster)
        while not somebody_waits(cluster):
            assert not queued.done(), queued.result()
        assert rows_in(cluster, FUNDING_RATES.full_name) == 0
        go_on.set()
        slow.result(LATE)
        queued.result(LATE)
    assert rows_in(cluster, FUNDING_RATES.full_name) == 61
