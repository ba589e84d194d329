"""The lake and the published file as Dagster resources."""

from collections.abc import Iterator
from contextlib import contextmanager

from dagster_duckdb import DuckDBResource
from duckdb import DuckDBPyConnection

from funding_platform.lake import connect
from funding_platform.settings import Settings


class LakeResource(DuckDBResource):
    """The DuckLake behind the interface of `DuckDBResource`.

    Connections are closed in a ``finally``: the parent's are not when the block raises, which
    would leave the catalog locked. Settings are read when asked for, so that a run sees the
    environment it runs in.
    """

    database: str = ":memory:"

    @property
    def settings(self) -> Settings:
        """Where the lake lies and how venues are reached."""
        return Settings()

    @contextmanager
    def get_connection(self) -> Iterator[DuckDBPyConnection]:
        """A read-only connection with the lake as its default database."""
        connection = connect(self.settings)
        try:
            yield connection
        finally:
            connection.close()


class PublishedFileResource(DuckDBResource):
    """The published DuckDB file, read-only."""

    database: str = ""

    @contextmanager
    def get_connection(self) -> Iterator[DuckDBPyConnection]:
        """A connection to the file as it was last published."""
        published = DuckDBResource(
            database=str(Settings().published_file), connection_config={"access_mode": "READ_ONLY"}
        )
        with published.get_connection() as connection:
            try:
                yield connection
            finally:
                connection.close()
