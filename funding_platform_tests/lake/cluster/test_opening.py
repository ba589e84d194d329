"""A lake in PostgreSQL and S3 is opened, written and read like any other."""

import logging
import subprocess
import sys
from contextlib import closing

import duckdb
import pytest
from pydantic import SecretStr

from funding_platform.core.tables.collected import FUNDING_RATES, INSTRUMENTS
from funding_platform.lake import connect
from funding_platform.lake.errors import (
    CatalogLostError,
    FileLostError,
    LakeError,
    LakeMissingError,
    LakeUnreachableError,
)
from funding_platform.lake.profiles import profile_of
from funding_platform.lake.profiles.postgres import CatalogAddress
from funding_platform.lake.read_only.query import query
from funding_platform.lake.read_only.server import SERVER
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings, SettingsError
from funding_platform_tests.lake.conftest import january_of, rates
from funding_platform_tests.servers.lakes import catalog_session


def fill(settings: Settings, venue: str = "binance", rate: float = 1e-4) -> int:
    with Lake(settings) as lake:
        with lake.commit("run", "january", tables=(FUNDING_RATES,)) as tx:
            tx.replace(FUNDING_RATES, rates(venue, hours=30, rate=rate), january_of(venue))
        return lake.snapshot_id()


def count_of(settings: Settings, as_of: int | None = None) -> int:
    with closing(connect(settings, as_of=as_of)) as lake:
        found = lake.execute("SELECT count(funding_rate + 1) FROM core.funding_rates").fetchone()
        return int(found[0]) if found else 0


def test_what_is_written_is_read_and_what_was_is_kept(cluster: Settings) -> None:
    with pytest.raises(LakeMissingError, match="schema funding_lake"):
        connect(cluster)
    first = fill(cluster)
    assert fill(cluster, "okx") > first
    assert count_of(cluster) == 120
    assert count_of(cluster, as_of=first) == 60
    fill(cluster, rate=2e-4)
    assert count_of(cluster) == 120
    files = profile_of(cluster).files.listing()
    assert files
    assert all(file.path.startswith("core/funding_rates/") and file.size for file in files)


def test_a_table_that_was_not_named_is_not_written(cluster: Settings) -> None:
    with (
        Lake(cluster) as lake,
        pytest.raises(LakeError, match=r"named core\.instruments"),
        lake.commit("run", "january", tables=(INSTRUMENTS,)) as tx,
    ):
        tx.replace(FUNDING_RATES, rates(), january_of())
    assert count_of(cluster) == 0


def test_a_query_is_answered_and_kept_from_all_else(cluster: Settings) -> None:
    fill(cluster)
    assert query("SELECT count(*) AS n FROM core.funding_rates", cluster)["n"].to_list() == [60]
    for sql in (
        "SELECT * FROM read_parquet('s3://lake/other/file.parquet')",
        "SELECT * FROM postgres_query('__ducklake_metadata_lake', 'SELECT 1')",
        "SELECT * FROM duckdb_secrets()",
        "SELECT * FROM 's3://lake/other/file.parquet'",
        "SELECT * FROM __ducklake_metadata_lake.pg_catalog.pg_authid",
        "DELETE FROM core.funding_rates",
    ):
        with pytest.raises(LakeError) as raised:
            query(sql, cluster)
        assert_no_secret(cluster, str(raised.value))
    assert count_of(cluster) == 60


def assert_no_secret(settings: Settings, text: str) -> None:
    for secret in (settings.s3_secret, settings.s3_key_id):
        assert secret is not None
        assert secret.get_secret_value() not in text


def test_secrets_are_in_no_representation_and_no_error(
    cluster: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    password = "a'very\\secret word"
    url = cluster.catalog_url
    assert url is not None
    plain = url.get_secret_value().replace("tester@", "tester:a%27very%5Csecret%20word@")
    settings = cluster.model_copy(update={"catalog_url": SecretStr(plain)})
    fill(settings)
    with closing(connect(settings)) as lake:
        attached = lake.execute("SELECT * FROM duckdb_databases()").fetchall()
        held = lake.execute("SELECT * FROM duckdb_secrets()").fetchall()
    profile = profile_of(settings)
    unreachable = settings.model_copy(
        update={
            "catalog_url": SecretStr("postgresql://tester:a%27very%5Csecret%20word@127.0.0.1:1/x")
        }
    )
    with pytest.raises(LakeUnreachableError) as refused:
        connect(unreachable)
    wrong = settings.model_copy(update={"s3_secret": SecretStr("wrong")})
    with pytest.raises(duckdb.HTTPException) as forbidden:
        count_of(wrong)
    shown = (
        attached,
        held,
        settings,
        profile,
        CatalogAddress.of(settings),
        profile.place,
        refused.value,
        forbidden.value,
        caplog.text,
    )
    for one in shown:
        assert_no_secret(settings, f"{one!r} {one}") if one is not held else None
        assert password not in f"{one!r} {one}"


@pytest.mark.parametrize(
    "url", ["x", "postgresql://u:hidden@/lake", "postgresql://u:hidden@h/d?a=b"]
)
def test_a_malformed_address_is_refused_without_repeating_it(cluster: Settings, url: str) -> None:
    settings = cluster.model_copy(update={"catalog_url": SecretStr(url)})
    with pytest.raises(SettingsError, match="catalog_url") as raised:
        connect(settings)
    assert "hidden" not in str(raised.value)


def test_a_cluster_needs_its_addresses() -> None:
    with pytest.raises(SettingsError, match="FUNDING_CATALOG_URL"):
        Settings(lake_profile="cluster")
    with pytest.raises(SettingsError, match="one needs the other"):
        Settings(s3_secret=SecretStr("hidden"))


def test_without_a_key_the_machines_own_right_is_used(
    cluster: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, secret = cluster.s3_key_id, cluster.s3_secret
    assert key is not None
    assert secret is not None
    own = cluster.model_copy(update={"s3_key_id": None, "s3_secret": None})
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key.get_secret_value())
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret.get_secret_value())
    fill(own)
    assert count_of(own) == 60
    SERVER.close()  # one that runs has the rights that it was started with
    assert query("SELECT count(*) AS n FROM core.funding_rates", own)["n"].to_list() == [60]
    assert profile_of(own).files.listing()
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    with pytest.raises(duckdb.HTTPException, match="403"):
        count_of(own)


def test_files_without_a_catalog_are_not_covered_by_a_new_one(cluster: Settings) -> None:
    fill(cluster)
    with catalog_session(cluster) as asked:
        asked.execute("DROP SCHEMA funding_lake CASCADE")
    for read_only in (True, False):
        with pytest.raises(CatalogLostError, match="is gone, but s3://"):
            connect(cluster, read_only=read_only)


def test_the_embedded_profile_loads_nothing_of_the_cluster() -> None:
    found = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, funding_platform.lake.writer, funding_platform.lake.upkeep.maintenance;"
            "from funding_platform.lake.profiles import profile_of;"
            "from funding_platform.settings import Settings; profile_of(Settings());"
            "print([m for m in ('psycopg2', 'pyarrow', 'funding_platform.lake.profiles.cluster')"
            " if m in sys.modules])",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == "[]"


def test_a_file_that_is_gone_is_said_to_be(cluster: Settings) -> None:
    fill(cluster)
    files = profile_of(cluster).files
    for file in files.listing():
        files.delete(file.path)
    with Lake(cluster) as lake, pytest.raises(FileLostError, match="is gone"):
        lake.rows(FUNDING_RATES)
