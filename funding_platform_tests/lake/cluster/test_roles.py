"""A role that can only read does, by the recipe of docs/cluster.md, and can do nothing else."""

import re
from contextlib import closing
from pathlib import Path

import pytest
from pydantic import SecretStr
from yarl import URL

from funding_platform.core.tables.collected import FUNDING_RATES
from funding_platform.flows.progress import begin
from funding_platform.lake import connect
from funding_platform.lake.errors import LakeReadOnlyError
from funding_platform.lake.profiles import profile_of
from funding_platform.lake.read_only.query import query
from funding_platform.lake.recovery.rebuild import rebuild
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings
from funding_platform_tests.lake.conftest import january_of, rates
from funding_platform_tests.servers.lakes import catalog_session

PAGE = Path(__file__).parents[3] / "docs" / "cluster.md"


def of_role(settings: Settings, role: str) -> Settings:
    assert settings.catalog_url is not None
    url = URL(settings.catalog_url.get_secret_value()).with_user(role).with_password("secret")
    return settings.model_copy(update={"catalog_url": SecretStr(str(url))})


@pytest.fixture
def roles(cluster: Settings) -> tuple[Settings, Settings]:
    """The lake as its writer and as its reader see it."""
    found = re.search(r"```sql\nCREATE DATABASE lake;\n\\c lake\n(.*?)```", PAGE.read_text(), re.S)
    assert found is not None
    with catalog_session(cluster) as asked:
        asked.execute("SELECT current_database()")
        (database,) = asked.fetchone()
        recipe = found[1].replace("DATABASE lake", f"DATABASE {database}").replace("…", "secret")
        # Roles are the server's: those of another test own what is in another database.
        asked.execute(re.sub(r"\bfunding(_reader)?\b", rf"{database}\g<0>", recipe))
    return of_role(cluster, f"{database}funding"), of_role(cluster, f"{database}funding_reader")


def test_the_reader_reads_what_the_writer_writes(roles: tuple[Settings, Settings]) -> None:
    writer, reader = roles
    for hours in (2, 30):
        with Lake(writer) as lake, lake.commit("run", "january", tables=(FUNDING_RATES,)) as tx:
            tx.replace(FUNDING_RATES, rates(hours=hours), january_of())
        counted = "SELECT count(funding_rate + 1) AS n FROM core.funding_rates"
        assert query(counted, reader)["n"].to_list() == [2 * hours]
    assert profile_of(reader).health(rates()["observed_at"][0]).well
    rebuild(writer, force=True, begin=begin)
    assert query(counted, reader)["n"].to_list() == [60]


def test_the_reader_writes_nothing(roles: tuple[Settings, Settings]) -> None:
    writer, reader = roles
    connect(writer, read_only=False).close()

    def written() -> None:
        with Lake(reader) as lake, lake.commit("run", "january", tables=(FUNDING_RATES,)) as tx:
            tx.replace(FUNDING_RATES, rates(), january_of())

    with pytest.raises(LakeReadOnlyError, match=r"permission denied|may only read"):
        written()
    with closing(connect(writer)) as lake:
        assert lake.execute("SELECT count(*) FROM core.funding_rates").fetchone() == (0,)
