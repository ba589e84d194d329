"""A PostgreSQL server from Debian's packages, on loopback, for as long as the tests run."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import create_engine, text

from funding_platform.local.cluster.servers import Postgres
from funding_platform_tests.servers.local import started


@contextmanager
def running() -> Iterator[str]:
    """Run a server; gives the URL of its database ``postgres``."""
    pytest.importorskip("psycopg2", reason="needs the extra `postgres`")
    with started(Postgres) as server:
        yield server.url


def create_database(server: str, name: str, template: str = "template1") -> str:
    """Make a database, as a copy of another; return its URL."""
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
    engine.dispose()
    return f"{server.rpartition('/')[0]}/{name}"
