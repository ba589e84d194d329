"""The PostgreSQL database of a cluster's catalog: its address, and connections of our own to it.

DuckLake's own connections cannot be told what to lock. What is asked here is small, and over
psycopg2, which knows time limits.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from funding_platform.lake.catalog import literal
from funding_platform.lake.errors import (
    LakeError,
    LakeReadOnlyError,
    LakeUnreachableError,
)
from funding_platform.lake.profiles.contract import SchemaName
from funding_platform.settings import Settings, SettingsError

SECRET: Final = "funding_catalog"  # noqa: S105 - its name
DEFAULT_SCHEMA: Final = "funding_lake"
CONNECT_SECONDS: Final = 10
_KNOWN: Final = frozenset({"schema", "sslmode", "sslrootcert"})
_FORM: Final = "postgresql://user:password@host:5432/database?schema=funding_lake&sslmode=require"


@dataclass(frozen=True, slots=True)
class CatalogAddress:
    """Where the catalog is; its password stays out of whatever is printed."""

    host: str
    port: int
    database: str
    user: str
    password: str | None = field(repr=False)
    schema: SchemaName
    options: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Read the address out of the settings.

        Raises
        ------
        SettingsError
            If it is none; the address is not repeated, as it may hold a password.
        """
        assert settings.catalog_url is not None, "a cluster has one: the settings see to it"
        try:
            url = urlsplit(settings.catalog_url.get_secret_value())
            asked = dict(parse_qsl(url.query, strict_parsing=bool(url.query)))
            port = url.port or 5432
        except ValueError:
            raise _malformed("it cannot be read") from None
        if not url.scheme.startswith("postgres") or not url.hostname or not url.path.strip("/"):
            raise _malformed("scheme, host or database is missing")
        if unknown := asked.keys() - _KNOWN:
            raise _malformed(f"unknown: {', '.join(sorted(unknown))}")
        schema = asked.pop("schema", DEFAULT_SCHEMA)
        if not re.fullmatch("[a-z][a-z0-9_]{0,40}", schema):
            raise _malformed("a schema is of small letters, digits and _, at most 41")
        password = None if url.password is None else unquote(url.password)
        database, user = unquote(url.path.strip("/")), unquote(url.username or "postgres")
        options = tuple(sorted(asked.items()))
        return cls(url.hostname, port, database, user, password, SchemaName(schema), options)

    def __str__(self) -> str:
        return f"postgresql://{self.host}:{self.port}/{self.database} (schema {self.schema})"

    def secret(self) -> str:
        """Return the statement that tells a DuckDB connection how to log in."""
        stated = {
            "HOST": self.host,
            "PORT": str(self.port),
            "DATABASE": self.database,
            "USER": self.user,
            **({} if self.password is None else {"PASSWORD": self.password}),
        }
        told = ", ".join(f"{name} {literal(value)}" for name, value in stated.items())
        return f"CREATE OR REPLACE SECRET {SECRET} (TYPE postgres, {told})"

    def connection_string(self) -> str:
        """Return the rest of what PostgreSQL's library is told: nothing secret."""
        return " ".join(f"{name}={_quoted(value)}" for name, value in self._parameters().items())

    def _parameters(self) -> dict[str, str]:
        return {
            **dict(self.options),
            "application_name": "funding",
            "connect_timeout": f"{CONNECT_SECONDS}",
            "keepalives_idle": f"{CONNECT_SECONDS}",
        }

    @contextmanager
    def session(self) -> Iterator[Any]:
        """Open a connection in which each statement is a transaction; gives its cursor.

        Raises
        ------
        LakeUnreachableError
            If the server does not answer, lets nobody in, or goes away meanwhile.
        LakeReadOnlyError
            If the role may not do what is asked.
        LakeError
            If anything else goes wrong.
        """
        import psycopg2

        with self.explaining():
            connection = psycopg2.connect(
                host=self.host,
                port=self.port,
                dbname=self.database,
                user=self.user,
                password=self.password,
                **self._parameters(),
            )
            try:
                connection.autocommit = True
                with connection.cursor() as cursor:
                    yield cursor
            finally:
                connection.close()

    @contextmanager
    def explaining(self) -> Iterator[None]:
        """Raise the lake's own errors for those of psycopg2, as ``session`` does."""
        import psycopg2

        try:
            yield
        except psycopg2.Error as error:
            raise self._explained(error) from None

    def _explained(self, error: Exception) -> LakeError:
        """Return the lake's own error for one of psycopg2."""
        from psycopg2 import InterfaceError, OperationalError, errors

        said = str(error).strip()
        if isinstance(error, errors.InsufficientPrivilege):
            return LakeReadOnlyError(
                f"the role {self.user} may not do that at {self}: {said}",
                hint="reading works; to write, use a role that owns the catalog's schema "
                "(docs/cluster.md)",
            )
        if isinstance(error, OperationalError | InterfaceError):
            return LakeUnreachableError.of_catalog(str(self), said)
        return LakeError(f"the catalog at {self} failed: {said}")


def _quoted(value: str) -> str:
    """Write a value as PostgreSQL's library reads it."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def unusable_secret(kind: str) -> LakeError:
    """Return the error for a secret that DuckDB refuses, without what it said: it repeats it."""
    return LakeError(
        f"DuckDB refuses what the settings say of catalog or files ({kind})",
        hint="look after FUNDING_CATALOG_URL, FUNDING_DATA_URL and FUNDING_S3_…",
    )


def _malformed(why: str) -> SettingsError:
    return SettingsError(
        f"the settings are wrong: catalog_url: {why}", hint=f"FUNDING_CATALOG_URL={_FORM}"
    )
