"""The lake and the published file as Dagster resources."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dagster_duckdb import DuckDBResource
from duckdb import DuckDBPyConnection

from funding_platform.lake import connect
from funding_platform.settings import Settings


class LakeResource(DuckDBResource):
    """The DuckLake behind the interface of `DuckDBResource`.

    Connections are closed in a ``finally``: the parent's are not when the block raises, which
    would leave the catalog locked. Settings are read when asked for, so that a run sees the
    environment it runs in.

    Parameters
    ----------
    stated
        Settings that are not those of the environment, such as the addresses of a sandbox.
    """

    database: str = ":memory:"
    stated: dict[str, Any] = {}  # noqa: RUF012 - pydantic copies it for each instance

    @property
    def settings(self) -> Settings:
        """Where the lake lies and how venues are reached."""
        return Settings(**self.stated)

    @contextmanager
    def get_connection(self) -> Iterator[DuckDBPyConnection]:
        """Open a read-only connection with the lake as its default database."""
        connection = connect(self.settings)
        try:
            yield connection
        finally:
            connection.close()


class PublishedFileResource(DuckDBResource):
    """The published DuckDB file, read-only; ``stated`` as in `LakeResource`."""

    database: str = ""
    stated: dict[str, Any] = {}  # noqa: RUF012 - pydantic copies it for each instance

    @contextmanager
    def get_connection(self) -> Iterator[DuckDBPyConnection]:
        """Open a connection to the file as it was last published."""
        published = DuckDBResource(
            database=str(Settings(**self.stated).published_file),
            connection_config={"access_mode": "READ_ONLY"},
        )
        with published.get_connection() as connection:
            try:
                yield connection
            finally:
                connection.close()
