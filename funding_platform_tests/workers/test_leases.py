"""Leases of runs: who may work on one, when its worker is taken for dead, and when he gives up."""

import threading
from collections.abc import Iterator

import dagster as dg
import pytest
import sqlalchemy as db
from dagster._core.test_utils import create_run_for_test
from sqlalchemy.exc import OperationalError

from funding_platform.defs.workers.beats import (
    BEAT_SECONDS,
    FENCE_SECONDS,
    LEASE_SECONDS,
    Beats,
    Heart,
    lease,
)
from funding_platform.local.cluster.servers import Postgres

LOOKS_EVERY = 10
"""``poll_interval_seconds`` of ``dagster.yaml``."""


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Victim:
    """Counts how often its heart gave up."""

    def __init__(self) -> None:
        self.clock, self.ends, self.answer = Clock(), 0, True
        self.away = False
        self.heart = Heart(self.renew, give_up=self.end, timer=self.clock)

    def renew(self) -> bool:
        if self.away:
            raise OperationalError("SELECT", {}, Exception("away"))
        return self.answer

    def end(self) -> None:
        self.ends += 1


def test_a_death_is_noticed_within_a_minute_and_after_the_worker_gave_up() -> None:
    assert LEASE_SECONDS + LOOKS_EVERY < 60
    assert FENCE_SECONDS + 2 * BEAT_SECONDS <= LEASE_SECONDS


def test_a_worker_that_cannot_renew_gives_up_before_its_lease_ends() -> None:
    victim = Victim()
    victim.heart.beat()
    victim.away = True
    victim.clock.now = FENCE_SECONDS
    victim.heart.beat()
    victim.heart.look()
    assert victim.ends == 0
    victim.clock.now = FENCE_SECONDS + 0.1
    victim.heart.look()
    assert victim.ends == 1


def test_a_renewal_counts_from_when_it_began() -> None:
    victim = Victim()

    def renew() -> bool:
        victim.clock.now = 30.0
        return True

    slow = Heart(renew, give_up=victim.end, timer=victim.clock)
    slow.beat()
    victim.clock.now = FENCE_SECONDS + 0.1
    slow.look()
    assert victim.ends == 1


def test_a_worker_whose_run_was_taken_gives_up_at_once() -> None:
    victim = Victim()
    victim.answer = False
    victim.heart.beat()
    assert victim.ends == 1


@pytest.fixture
def beats(environment: dict[str, str], database: str) -> Iterator[Beats]:
    one = Beats(database)
    yield one
    one.close()


def later(database: str, seconds: float) -> None:
    """Let the clock of the database go on."""
    engine = db.create_engine(database)
    with engine.begin() as connection:
        connection.execute(
            db.text("UPDATE funding_run_beats SET at = at - make_interval(secs => :seconds)"),
            {"seconds": seconds},
        )
    engine.dispose()


def starting(instance: dg.DagsterInstance) -> str:
    run_id: str = create_run_for_test(instance, status=dg.DagsterRunStatus.STARTING).run_id
    return run_id


@pytest.mark.cluster
def test_a_run_is_begun_once(instance: dg.DagsterInstance, beats: Beats) -> None:
    """The broker may give out a task twice, and long after the run was given up."""
    run_id = starting(instance)
    assert beats.begin(run_id, "one")
    assert not beats.begin(run_id, "other")
    ended = create_run_for_test(instance, status=dg.DagsterRunStatus.FAILURE).run_id
    assert not beats.begin(ended, "one")
    assert not beats.begin("no such run", "one")


@pytest.mark.cluster
def test_a_lease_ends_by_the_clock_of_the_database(
    instance: dg.DagsterInstance, beats: Beats, database: str
) -> None:
    run_id = starting(instance)
    assert beats.silence(run_id) is None
    beats.begin(run_id, "one")
    later(database, LEASE_SECONDS - 30)
    assert beats.renew(run_id)
    silence = beats.silence(run_id)
    assert silence is not None
    assert silence < LEASE_SECONDS - 30
    later(database, LEASE_SECONDS)
    silence = beats.silence(run_id)
    assert silence is not None
    assert silence > LEASE_SECONDS
    assert not beats.renew(run_id)


@pytest.mark.cluster
def test_a_lease_that_is_over_can_still_be_renewed_until_somebody_looks(
    instance: dg.DagsterInstance, beats: Beats, database: str
) -> None:
    run_id = starting(instance)
    beats.begin(run_id, "one")
    later(database, LEASE_SECONDS + 1)
    assert beats.renew(run_id)
    assert (beats.silence(run_id) or 0.0) < LEASE_SECONDS


@pytest.mark.cluster
def test_a_lease_is_given_up_with_its_run(
    instance: dg.DagsterInstance, beats: Beats, postgres: Postgres
) -> None:
    run_id = starting(instance)
    beats.begin(run_id, "one")
    beats.end(run_id)
    assert beats.silence(run_id) is None


@pytest.mark.cluster
def test_a_task_that_begins_waits_for_a_database_that_is_started_again(
    instance: dg.DagsterInstance, database: str, postgres: Postgres
) -> None:
    run_id = starting(instance)
    postgres.kill()
    timer = threading.Timer(2.0, postgres.start)
    timer.start()
    with lease(database, run_id, "worker") as beats:
        timer.join()
        assert beats is not None
        assert beats.renew(run_id)
        with lease(database, run_id, "another") as other:
            assert other is None


@pytest.mark.cluster
def test_a_database_that_stays_away_is_not_waited_for_without_end(
    instance: dg.DagsterInstance, database: str
) -> None:
    nowhere = database.replace("/dagster", "/nowhere")
    with pytest.raises(OperationalError), lease(nowhere, "run", "worker", patience=0.5):
        raise AssertionError("there is no lease")
