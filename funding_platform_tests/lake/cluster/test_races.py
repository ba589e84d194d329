"""Writers on several machines never leave a partition that is half one's and half another's.

``CLUSTER_RACES`` says how many partitions each of four writers replaces; a third of the writers'
processes is killed meanwhile and started again.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from funding_platform.core.tables.collected import FUNDING_RATES, INSTRUMENTS
from funding_platform.lake import connect
from funding_platform.lake.errors import (
    DoubledKeysError,
    LakeError,
    LakeLockedError,
    LakeUnreachableError,
)
from funding_platform.lake.locks import commit_lock
from funding_platform.lake.profiles.advisory_lock import wait_for
from funding_platform.lake.profiles.postgres import CatalogAddress
from funding_platform.lake.writer import Lake, Transaction
from funding_platform.settings import Settings, as_environment
from funding_platform_tests.lake.cluster.writers import ROWS, schedule
from funding_platform_tests.lake.conftest import january_of, rates
from funding_platform_tests.servers.lakes import catalog_session

RACES = int(os.environ.get("CLUSTER_RACES", "6"))
WRITERS = 4


def started(
    settings: Settings, writer: int, venues: list[str], log: Path
) -> subprocess.Popen[bytes]:
    program = "funding_platform_tests.lake.cluster.writers"
    with log.with_suffix(".err").open("ab") as told:
        return subprocess.Popen(
            [sys.executable, "-m", program, str(writer), json.dumps(venues), str(log)],
            env={**os.environ, **as_environment(settings.lake_stated())},
            stderr=told,
        )


def commits_of(log: Path) -> list[list[object]]:
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    return [json.loads(line) for line in lines]


def test_partitions_replaced_by_four_and_killed_ones_are_each_one_writers(
    cluster: Settings, tmp_path: Path
) -> None:
    connect(cluster, read_only=False).close()
    luck = random.Random(RACES)
    turns = list(schedule(RACES, WRITERS, RACES))
    logs = [tmp_path / f"{number}.log" for number in range(WRITERS)]
    running = {
        number: started(cluster, number, turns[number], logs[number]) for number in range(WRITERS)
    }
    victims = dict.fromkeys(range(0, WRITERS, 3), luck.randrange(1, max(2, RACES // 2)))
    finished: list[int] = []
    while running:
        for number, process in list(running.items()):
            done = len(commits_of(logs[number]))
            if number in victims and done >= victims[number]:
                time.sleep(luck.random() / 20)  # anywhere within the next commit
                process.send_signal(signal.SIGKILL)
                process.wait()
                del victims[number]
                rest = turns[number][done:]
                running[number] = started(cluster, number, rest, logs[number])
            elif process.poll() is not None:
                said = logs[number].with_suffix(".err").read_text(encoding="utf-8")
                assert process.returncode == 0, said
                finished.append(number)
                del running[number]
        time.sleep(0.01)
    with closing(connect(cluster)) as lake:
        found = lake.execute(
            "SELECT venue, count(*), count(DISTINCT funding_rate), any_value(funding_rate) "
            "FROM core.funding_rates GROUP BY venue"
        ).fetchall()
    wrong = [one for one in found if one[1:3] != (ROWS, 1)]
    assert wrong == []
    assert {venue for venue, *_ in found} == {venue for turn in turns for venue in turn}
    assert sorted(finished) == list(range(WRITERS))


def test_without_the_lock_two_writers_double_a_partition(cluster: Settings) -> None:
    """What the lock is for; when this fails, DuckLake has learnt to see it by itself."""
    connect(cluster, read_only=False).close()
    frame = rates(hours=30)
    with (
        closing(connect(cluster, read_only=False)) as one,
        closing(connect(cluster, read_only=False)) as other,
    ):
        for writer in (one, other):
            writer.register("frame", frame)
            writer.execute("BEGIN; DELETE FROM core.funding_rates WHERE venue = 'binance'")
            writer.execute("INSERT INTO core.funding_rates BY NAME FROM frame")
        one.execute("COMMIT")
        other.execute("COMMIT")
    with Lake(cluster) as lake:
        assert lake.rows(FUNDING_RATES).height == 2 * frame.height
        with lake.commit("run", "mended", tables=(FUNDING_RATES,)) as tx:
            tx.replace(FUNDING_RATES, frame, january_of())
        assert lake.rows(FUNDING_RATES).height == frame.height


def test_rows_beside_those_that_were_written_are_seen_before_the_commit(cluster: Settings) -> None:
    frame = rates(hours=30)
    with Lake(cluster) as lake:
        for _ in range(2):
            with lake.commit("run", "twice") as tx:
                tx.append(FUNDING_RATES, frame)
        with (
            pytest.raises(DoubledKeysError, match="would hold 120 rows"),
            lake.commit("run", "update") as tx,
        ):
            tx.upsert(FUNDING_RATES, frame)
        assert lake.rows(FUNDING_RATES).height == 2 * frame.height


def test_other_tables_do_not_wait_and_maintenance_does(cluster: Settings) -> None:
    connect(cluster, read_only=False).close()
    impatient = cluster.model_copy(update={"lock_timeout_seconds": 0.5})
    # Whoever asks anew in this thread is given the lock that it holds: the other is a session.
    with catalog_session(cluster) as session:
        hold(session, cluster, {"lake": True, "table core.funding_rates": False})
        with commit_lock(impatient, (INSTRUMENTS,)):
            pass
        for tables in ((FUNDING_RATES,), None):
            lock = commit_lock(impatient, tables)
            with pytest.raises(LakeLockedError, match=r"over 0\.5 s"):
                lock.__enter__()
    with (
        commit_lock(impatient),
        catalog_session(cluster) as session,
        pytest.raises(LakeLockedError),
    ):
        hold(session, impatient, {"lake": True})


def hold(session: Any, settings: Settings, wanted: dict[str, bool]) -> None:
    wait_for(session, CatalogAddress.of(settings), settings, wanted, "testing")


_END_SESSIONS_WITH_LOCKS = """
SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


def test_a_lock_that_went_with_its_session_commits_nothing(cluster: Settings) -> None:
    connect(cluster, read_only=False).close()

    def late(lake: Lake) -> None:
        with lake.commit("run", "late", tables=(FUNDING_RATES,)) as tx:
            tx.replace(FUNDING_RATES, rates(), january_of())
            with catalog_session(cluster) as asked:
                asked.execute(_END_SESSIONS_WITH_LOCKS)

    with Lake(cluster) as lake:
        with pytest.raises(LakeUnreachableError):
            late(lake)
        assert lake.rows(FUNDING_RATES).is_empty()


def test_a_thread_that_holds_one_table_does_not_wait_for_another(cluster: Settings) -> None:
    with commit_lock(cluster, (FUNDING_RATES,)), pytest.raises(LakeError, match="would lock"):
        commit_lock(cluster, (INSTRUMENTS,))


def test_work_is_done_again_where_another_commit_came_first(cluster: Settings) -> None:
    connect(cluster, read_only=False).close()
    with Lake(cluster) as lake:
        with lake.commit("run", "first") as tx:
            tx.replace(FUNDING_RATES, rates(hours=30), january_of())
        tries = []

        def work(tx: Transaction) -> int:
            tries.append(1)
            height = tx.replace(FUNDING_RATES, rates(hours=31), january_of())
            if len(tries) == 1:  # something that takes no lock
                with closing(connect(cluster, read_only=False)) as other:
                    other.execute("DELETE FROM core.funding_rates WHERE venue = 'binance'")
            return height

        assert lake.write("run", "again", work, tables=(FUNDING_RATES,)) == 62
        assert len(tries) == 2
        assert lake.rows(FUNDING_RATES).height == 62
