"""One trader after the other: when the next is started, and how it takes over."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from funding_platform.core.system.clock import Clock
from funding_platform.defs.execution.assembly import build_execution_definitions
from funding_platform.defs.execution.assets import JOB
from funding_platform.defs.execution.succession import TraderRun, next_trader, trader_run
from funding_platform.execution.errors import StoreInUseError
from funding_platform.execution.store.store import Store, open_store
from funding_platform.flows.execution.running import LOOK_SECONDS, store_when_free

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def at_work(minutes_ago: float | None, minutes: float | None = 55.0) -> TraderRun:
    began = None if minutes_ago is None else NOW - timedelta(minutes=minutes_ago)
    return TraderRun(run_id="one", started_at=began, minutes=minutes)


def over(*, well: bool) -> TraderRun:
    return TraderRun(run_id="one", started_at=NOW, minutes=55.0, ended_well=well)


@pytest.mark.parametrize(
    ("working", "last", "built", "key"),
    [
        ([], None, None, None),  # nothing to trade on
        ([], None, "2", "2"),
        ([], None, "1", None),
        ([at_work(49)], None, "2", None),  # it takes the new ones itself
        ([at_work(50)], None, "1", "after one"),  # five minutes before its end
        ([at_work(50), at_work(None)], None, "1", None),  # its successor waits already
        ([at_work(None)], None, "2", None),
        ([at_work(500, minutes=None)], None, "2", None),  # trades without end
        ([], over(well=True), "1", "after one"),  # the successor was missed: no pause
        ([], over(well=False), "1", None),  # whoever ended it meant it
        ([], over(well=False), "2", "2"),
    ],
)
def test_when_the_next_is_started(
    working: list[TraderRun], last: TraderRun | None, built: str | None, key: str | None
) -> None:
    assert next_trader(working, last, built, "1", NOW)[0] == key


@pytest.mark.sampled(1)
@pytest.mark.parametrize(
    ("told", "minutes"),
    [({}, 55.0), ({"minutes": 5.0}, 5.0), ({"minutes": None}, None), ({"cycles": 3}, None)],
)
def test_how_long_a_run_trades_is_read_from_what_it_was_told(
    told: dict[str, float | None], minutes: float | None
) -> None:
    job = build_execution_definitions().resolve_job_def(JOB)
    config = {"ops": {"trader": {"config": told}}} if told else {}
    with dg.instance_for_test() as instance:
        instance.create_run_for_job(job, run_config=config, status=dg.DagsterRunStatus.SUCCESS)
        (record,) = instance.get_run_records()
        read = trader_run(record)
    assert (read.minutes, read.started_at, read.ended_well) == (minutes, None, True)


def successor(url: str, before: Store, let_go_after: float, patience: float) -> tuple[Store, float]:
    """Wait for a store that another lets go of after so many seconds; says how long it lay idle."""
    passed = 0.0

    async def sleep(seconds: float) -> None:
        nonlocal passed
        passed += seconds
        if passed >= let_go_after:
            before.close()

    clock = Clock(timer=lambda: passed, sleep=sleep)
    store = asyncio.run(store_when_free(url, clock, patience))
    return store, passed - let_go_after


def test_a_successor_trades_as_soon_as_the_one_before_has_let_go(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.sqlite'}"
    store, idle = successor(url, open_store(url), let_go_after=90.2, patience=600)
    with store:
        assert 0 <= idle < LOOK_SECONDS
        with pytest.raises(StoreInUseError):
            open_store(url)


def test_a_successor_gives_up_where_the_one_before_goes_on(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.sqlite'}"
    with open_store(url) as before, pytest.raises(StoreInUseError):
        successor(url, before, let_go_after=20, patience=10)
