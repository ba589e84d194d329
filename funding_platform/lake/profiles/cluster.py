"""The lake of several machines: the catalog in PostgreSQL, the Parquet files in S3."""

from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import duckdb

from funding_platform.core.tables.schema import Table
from funding_platform.lake.catalog import literal
from funding_platform.lake.errors import WAYS_BACK_CLUSTER, CatalogLostError
from funding_platform.lake.profiles import objects, postgres
from funding_platform.lake.profiles.advisory_lock import AdvisoryLock, wait_for
from funding_platform.lake.profiles.contract import CatalogPlace, CommitLock, Health, SchemaName
from funding_platform.lake.profiles.embedded import CONSISTENT_READS, sqlite_clause
from funding_platform.settings import Settings

_ENGLISH: Final = ("", "C", "POSIX", "en_US", "en_GB")

_RETRIES: Final = 100
"""How often DuckLake tries a commit again that met another of other tables; ten is its default."""


@dataclass(frozen=True, slots=True)
class ClusterProfile:
    """A schema of a PostgreSQL database, and a prefix of a bucket."""

    settings: Settings

    verifies_keys = True
    """A lock that is lost with its session must not pass unseen."""

    extensions = ("sqlite_scanner", "ducklake", "postgres_scanner", "httpfs")
    """SQLite too: backups are the same whatever was backed up."""

    copies = ()
    """Copies of a database are its keeper's."""

    @property
    def address(self) -> postgres.CatalogAddress:
        """Where the catalog is."""
        return postgres.CatalogAddress.of(self.settings)

    @property
    def place(self) -> str:
        """Database and bucket."""
        return f"{self.address} and {self.files.root}"

    @property
    def files(self) -> objects.ObjectFiles:
        """The Parquet files."""
        return objects.ObjectFiles(self.settings)

    @property
    def catalog(self) -> SchemaName:
        """The schema of the catalog."""
        return self.address.schema

    @property
    def aside(self) -> SchemaName:
        """A schema beside it."""
        return SchemaName(f"{self.catalog}_new")

    def prepare(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Tell a connection how to log in, and to be patient about commits."""
        if self.settings.s3_key_id is None:
            from funding_platform.lake.extensions import load_extension

            load_extension(connection, "aws")  # knows the rights of the machine that it runs on
        connection.execute(CONSISTENT_READS)
        connection.execute(f"SET ducklake_max_retry_count = {_RETRIES}")
        try:
            connection.execute(self.address.secret())
            connection.execute(self.files.secret())
        except duckdb.Error as error:  # DuckDB repeats the statement, and so the secret in it
            kind = type(error).__name__
            raise postgres.unusable_secret(kind) from None

    def attach_clause(self, catalog: CatalogPlace, *, read_only: bool) -> tuple[str, list[str]]:
        """Return what is attached for a catalog, and the options for that.

        Nothing but the schema of the catalog is to be seen over what is attached.
        """
        if isinstance(catalog, Path):
            return sqlite_clause(self.settings, catalog, read_only=read_only)
        return f"postgres:{self.address.connection_string()}", [
            f"META_SECRET {literal(postgres.SECRET)}",
            f"METADATA_SCHEMA {literal(catalog)}",
            f"META_SCHEMA {literal(catalog)}",
            # DuckLake 1.5.5 cannot commit a table that is made, laid out and filled with a few rows
            # in one transaction: it makes one table for those rows in PostgreSQL and fills another.
            "DATA_INLINING_ROW_LIMIT 0",
        ]

    def exists(self) -> bool:
        """Tell whether the catalog is there."""
        with self.address.session() as asked:
            asked.execute("SELECT to_regclass(%s)", [f"{self.catalog}.ducklake_snapshot"])
            return bool(asked.fetchone() != (None,))

    def found(self) -> bool:
        """Tell the same, by one question; refuse a catalog that is gone while files are there.

        Raises
        ------
        CatalogLostError
            Saying where both should be.
        """
        there = self.exists()
        if not there and (held := self.files.listing()):
            raise CatalogLostError(
                f"the catalog {self.address} is gone, but {self.files.root} holds {len(held)} "
                "Parquet files",
                hint=WAYS_BACK_CLUSTER,
            )
        return there

    def refuse_read_only(self) -> None:
        """Leave it to the database, which says what a role may not do."""

    def discard(self, catalog: CatalogPlace) -> None:
        """Drop a catalog that nobody else knows of, and make an empty schema."""
        with self.address.session() as asked:
            asked.execute(f"DROP SCHEMA IF EXISTS {catalog} CASCADE")
            asked.execute(f"CREATE SCHEMA {catalog}")

    def finish(self, catalog: CatalogPlace) -> None:
        """Do nothing: readers and writers do not meet in PostgreSQL."""

    def put_in_place(self, aside: CatalogPlace) -> str | None:
        """Rename the catalog, and another into its place, in one transaction."""
        catalog = self.catalog
        kept = f"{catalog}_lost_{datetime.now(UTC):%Y%m%d%H%M%S}"
        with self.address.session() as asked:
            asked.execute("SELECT to_regnamespace(%s)", [catalog])
            there = asked.fetchone() != (None,)
            asked.execute(
                "BEGIN; "
                + (f"ALTER SCHEMA {catalog} RENAME TO {kept}; " if there else "")
                + f"ALTER SCHEMA {aside} RENAME TO {catalog}; COMMIT"
            )
        return f"schema {kept}" if there else None

    def commit_lock(self, tables: Collection[Table] | None) -> CommitLock:
        """Return the lock of whoever writes these tables; of all when it is None."""
        return AdvisoryLock.of(self.settings, self.address, tables)

    @contextmanager
    def _build_lock(self) -> Iterator[None]:
        with self.address.session() as session:
            wait_for(session, self.address, self.settings, {"build": False}, "building the marts")
            yield

    def build_lock(self) -> AbstractContextManager[object]:
        """Return the lock that lets one build of the marts run at a time, on any machine."""
        return self._build_lock()

    def keep_copy(self) -> bool:
        """Do nothing: copies of a database are its keeper's, and `funding backup` makes some."""
        return True

    def health(self, now: datetime) -> Health:
        """Tell whether the server says in English why a commit failed: DuckLake reads that."""
        with self.address.session() as asked:
            asked.execute("SHOW server_version")
            version = asked.fetchone()[0]
            asked.execute("SHOW lc_messages")
            language = asked.fetchone()[0]
        if language.partition(".")[0] not in _ENGLISH:
            return Health(
                False,
                f"PostgreSQL at {self.address} says in {language} why a commit failed, and "
                "DuckLake does not know when to try again",
                f"as its keeper: ALTER ROLE {self.address.user} SET lc_messages = 'C'",
            )
        return Health(True, f"the catalog at {self.address}, PostgreSQL {version}")

    def room(self) -> int | None:
        """Tell nothing: a bucket has no known end."""
        return None

    def copy_catalog(self, target: Path) -> str | None:
        """Copy the catalog into a SQLite file; writers wait meanwhile."""
        from funding_platform.lake.profiles.transfer import to_sqlite

        with self.commit_lock(None):
            to_sqlite(self.settings, self.catalog, target)
        return None

    def take_catalog(self, source: Path) -> None:
        """Make the catalog of a SQLite file the one aside."""
        from funding_platform.lake.profiles.transfer import from_sqlite

        self.discard(self.aside)
        from_sqlite(self.settings, source, self.aside)

    def catalog_bytes(self) -> int:
        """Measure the tables of the catalog, with their indexes."""
        with self.address.session() as asked:
            asked.execute(
                "SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::BIGINT FROM pg_class "
                "WHERE relnamespace = to_regnamespace(%s) AND relkind = 'r'",
                [self.catalog],
            )
            return int(asked.fetchone()[0])

    def free_bytes(self) -> int | None:
        """Tell nothing: PostgreSQL uses room again by itself."""
        return None

    def give_room_back(self) -> str | None:
        """Leave that to PostgreSQL's autovacuum."""
        return None
