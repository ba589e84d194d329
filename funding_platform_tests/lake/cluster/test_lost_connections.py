"""Connections to PostgreSQL that end in the midst: an error says so, and the process lives on."""

import os
import subprocess
import sys

import duckdb
import pytest
from pydantic import SecretStr

from funding_platform.core.tables.collected import FUNDING_RATES
from funding_platform.lake import connect
from funding_platform.lake.errors import (
    CatalogLostError,
    CommitConflictError,
    LakeError,
    LakeLockedError,
    LakeUnreachableError,
)
from funding_platform.lake.explained import translated
from funding_platform.lake.recovery.rows import fingerprints
from funding_platform.lake.transaction import one_transaction, roll_back
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings, as_environment
from funding_platform_tests.lake.conftest import january_of, rates
from funding_platform_tests.servers.lakes import catalog_session

OTHERS = "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
WITHOUT_LOCKS = "pid NOT IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory')"


def end_sessions(settings: Settings, which: str = "true") -> None:
    """End all sessions of the catalog's database but our own, as its server does that stops."""
    with catalog_session(settings) as asked:
        asked.execute(
            f"SELECT pg_terminate_backend(pid) FROM ({OTHERS}) AS these "
            f"WHERE pid <> pg_backend_pid() AND {which}"
        )


def read_over_the_end(settings: Settings) -> None:
    with connect(settings) as lake, one_transaction(lake):
        lake.execute("SELECT count(*) FROM core.funding_rates").fetchall()
        end_sessions(settings)
        lake.execute("SELECT count(*) FROM core.instruments").fetchall()


def commit_over_the_end(lake: Lake) -> None:
    with lake.commit("run", "late", tables=(FUNDING_RATES,)) as tx:
        tx.replace(FUNDING_RATES, rates(hours=30), january_of())
        end_sessions(lake.settings, WITHOUT_LOCKS)


def test_a_process_outlives_the_connection_of_its_transaction(cluster: Settings) -> None:
    connect(cluster, read_only=False).close()
    program = (
        "from funding_platform.settings import Settings\n"
        f"from {__name__} import read_over_the_end\n"
        "try:\n    read_over_the_end(Settings())\n"
        "except Exception as error:\n    print(type(error).__name__, error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **as_environment(cluster.lake_stated())},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "server closed the connection" in done.stdout


def test_reading_says_that_the_database_has_gone(cluster: Settings) -> None:
    connect(cluster, read_only=False).close()
    fingerprints(cluster)
    with pytest.raises(duckdb.Error) as raised:
        read_over_the_end(cluster)
    assert isinstance(translated(raised.value), LakeUnreachableError)


def test_a_commit_over_an_ended_connection_says_so_and_keeps_nothing(cluster: Settings) -> None:
    connect(cluster, read_only=False).close()
    with Lake(cluster) as lake:
        with pytest.raises(LakeUnreachableError, match="cannot be reached"):
            commit_over_the_end(lake)
        assert lake.rows(FUNDING_RATES).is_empty()
        with lake.commit("run", "again", tables=(FUNDING_RATES,)) as tx:
            tx.replace(FUNDING_RATES, rates(hours=30), january_of())
        assert lake.rows(FUNDING_RATES).height == 60


def test_a_database_that_keeps_waiting_is_busy_and_not_damaged(cluster: Settings) -> None:
    connect(cluster, read_only=False).close()
    role = "(SELECT current_user)"
    with catalog_session(cluster) as holder:
        holder.execute(f"SELECT quote_ident(u) FROM {role} AS one(u)")
        name = holder.fetchone()[0]
        holder.execute("BEGIN; LOCK TABLE funding_lake.ducklake_snapshot IN ACCESS EXCLUSIVE MODE")
        with catalog_session(cluster) as asked:
            asked.execute(f"ALTER ROLE {name} SET lock_timeout = '300ms'")
        try:
            with pytest.raises(LakeLockedError, match="lock timeout"):
                connect(cluster)
        finally:
            holder.execute("COMMIT")
            holder.execute(f"ALTER ROLE {name} RESET lock_timeout")


def test_a_commit_that_was_tried_often_enough_may_be_begun_again(cluster: Settings) -> None:
    connect(cluster, read_only=False).close()
    with connect(cluster, read_only=False) as one, connect(cluster, read_only=False) as other:
        other.execute("SET ducklake_max_retry_count = 0")
        for venue, lake in (("binance", one), ("okx", other)):
            lake.register("frame", rates(venue))
            lake.execute("BEGIN; INSERT INTO core.funding_rates BY NAME FROM frame")
        one.execute("COMMIT")
        with pytest.raises(duckdb.Error, match="maximum retry count") as raised:
            other.execute("COMMIT")
        roll_back(other)
    assert isinstance(translated(raised.value), CommitConflictError)


def test_a_bucket_that_is_not_there_is_no_lost_file(cluster: Settings) -> None:
    with Lake(cluster) as lake, lake.commit("run", "some", tables=(FUNDING_RATES,)) as tx:
        tx.replace(FUNDING_RATES, rates(hours=30), january_of())
    elsewhere = cluster.model_copy(update={"data_url": "s3://nowhere/lake"})
    with Lake(elsewhere) as lake, pytest.raises(LakeUnreachableError, match="is not there"):
        lake.read("SELECT sum(funding_rate) FROM core.funding_rates")


def test_a_catalog_without_one_of_its_tables_is_damaged(cluster: Settings) -> None:
    connect(cluster, read_only=False).close()
    with catalog_session(cluster) as asked:
        asked.execute("DROP TABLE funding_lake.ducklake_column CASCADE")
    with pytest.raises(CatalogLostError, match="damaged"):
        connect(cluster)


def test_rows_that_the_catalog_kept_itself_and_are_gone_are_named_as_that(
    cluster: Settings,
) -> None:
    connect(cluster, read_only=False).close()
    with connect(cluster, read_only=False) as lake:
        lake.execute("CALL lake.set_option('data_inlining_row_limit', 100)")
        lake.execute("CREATE TABLE core.kept (one INTEGER); INSERT INTO core.kept VALUES (1)")
        found = "SELECT tablename FROM pg_tables WHERE tablename ~ '^ducklake_inlined_data_[0-9]'"
        with catalog_session(cluster) as asked:
            asked.execute(found)
            for (name,) in asked.fetchall():
                asked.execute(f'DROP TABLE funding_lake."{name}"')
        with pytest.raises(duckdb.Error) as raised:
            lake.execute("INSERT INTO core.kept VALUES (2)")
    said = translated(raised.value)
    assert type(said) is LakeError
    assert "rows that the catalog kept itself" in said.message


def test_a_password_is_in_no_such_error(cluster: Settings) -> None:
    url = cluster.catalog_url
    assert url is not None
    hidden = url.get_secret_value().replace("funding@", "funding:hidden@")
    settings = cluster.model_copy(update={"catalog_url": SecretStr(hidden)})
    connect(settings, read_only=False).close()
    with pytest.raises(duckdb.Error) as raised:
        read_over_the_end(settings)
    assert "hidden" not in str(translated(raised.value))
