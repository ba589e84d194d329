"""Lakes of the cluster profile, each with a database and a prefix of its own."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from funding_platform.lake.profiles.postgres import CatalogAddress
from funding_platform.settings import Settings
from funding_platform_tests.servers import postgres, s3

_NUMBERS = count()


@dataclass(frozen=True, slots=True)
class ClusterServers:
    """PostgreSQL and S3, and settings that name them."""

    database: str
    """URL of SQLAlchemy."""
    files: s3.S3Server

    def settings(self, data_dir: Path, **others: Any) -> Settings:
        """Return settings of a lake that is nobody else's, in a database of its own."""
        number = next(_NUMBERS)
        url = postgres.create_database(self.database, f"lake{number}")
        return Settings(**(self.stated(url, f"lake{number}") | {"data_dir": data_dir} | others))

    def stated(self, database: str, prefix: str) -> dict[str, Any]:
        """Return what settings say of a lake in a database, a URL, and below a prefix."""
        return {
            "lake_profile": "cluster",
            "catalog_url": SecretStr(database.replace("+psycopg2", "")),
            "data_url": f"s3://{s3.BUCKET}/{prefix}",
            "s3_endpoint": self.files.endpoint,
            "s3_key_id": SecretStr(self.files.key_id),
            "s3_secret": SecretStr(self.files.secret),
        }


@contextmanager
def running() -> Iterator[ClusterServers]:
    """Run both servers."""
    with postgres.running() as database, s3.running() as files:
        yield ClusterServers(database, files)


def catalog_session(settings: Settings) -> AbstractContextManager[Any]:
    """Open a connection to the database of a lake's catalog; gives its cursor."""
    return CatalogAddress.of(settings).session()
