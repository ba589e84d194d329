"""What the lake asks of the place where it is kept."""

from collections.abc import Collection
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, NamedTuple, NewType, Protocol, Self

import duckdb

from funding_platform.core.tables.schema import Table
from funding_platform.settings import Settings

SchemaName = NewType("SchemaName", str)
"""The schema of PostgreSQL that holds a catalog."""

CatalogPlace = Path | SchemaName
"""A catalog in a SQLite file, or in a schema of the profile's PostgreSQL database."""


class LakeFile(NamedTuple):
    """A Parquet file: where it lies below the root of the lake's files, and its size."""

    path: str
    size: int

    @property
    def name(self) -> str:
        """The name alone, which is unique: DuckLake makes it of a UUID."""
        return self.path.rpartition("/")[2]


class Health(NamedTuple):
    """Whether something is well, in words, and what to do if not."""

    well: bool
    text: str
    remedy: str | None = None


class LakeFiles(Protocol):
    """The Parquet files, wherever they lie; paths are those below the root."""

    @property
    def root(self) -> str:
        """The root as DuckDB reads it, with a slash at its end."""

    def listing(self, below: str = "") -> list[LakeFile]:
        """List every Parquet file, or those below a folder."""

    def delete(self, path: str) -> None:
        """Delete a file that is there."""

    def reading(self, path: str) -> AbstractContextManager[BinaryIO]:
        """Open a file to read it."""

    def writing(self, path: str) -> AbstractContextManager[BinaryIO]:
        """Open a new file; it has its name once it is whole, at the end of the block."""


class CommitLock(Protocol):
    """What keeps a transaction from meeting another that writes the same tables."""

    def __enter__(self) -> Self:
        """Wait for the lock, no longer than the settings say."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let the next one in."""

    def refuse_lost(self) -> None:
        """Raise if the lock is not held any more; asked right before COMMIT."""

    def clear_up(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Delete what the transaction wrote that has just been rolled back."""


class Profile(Protocol):
    """A kind of place where a lake is kept."""

    @property
    def settings(self) -> Settings:
        """Where exactly."""

    @property
    def place(self) -> str:
        """The lake's address in words, without secrets."""

    @property
    def extensions(self) -> tuple[str, ...]:
        """DuckDB's extensions that it takes."""

    @property
    def files(self) -> LakeFiles:
        """The Parquet files."""

    @property
    def catalog(self) -> CatalogPlace:
        """The catalog."""

    @property
    def aside(self) -> CatalogPlace:
        """Where another catalog is made before it takes the place of the catalog."""

    @property
    def copies(self) -> tuple[Path, ...]:
        """Copies of the catalog that commits leave behind, the newest first."""

    @property
    def verifies_keys(self) -> bool:
        """Whether a transaction counts what it wrote before it commits."""

    def prepare(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Set up a connection whose extensions are loaded."""

    def attach_clause(self, catalog: CatalogPlace, *, read_only: bool) -> tuple[str, list[str]]:
        """Return what is attached for a catalog, and the options for that."""

    def exists(self) -> bool:
        """Tell whether the catalog is there."""

    def found(self) -> bool:
        """Tell the same; refuse a catalog that is gone or empty while the files are there."""

    def refuse_read_only(self) -> None:
        """Refuse to write where nothing can be written, if that can be told beforehand."""

    def discard(self, catalog: CatalogPlace) -> None:
        """Drop a catalog that nobody else knows of, if it is there, and make room for it."""

    def finish(self, catalog: CatalogPlace) -> None:
        """See to what a catalog that was just made needs before others open it."""

    def put_in_place(self, aside: CatalogPlace) -> str | None:
        """Put a catalog in the place of the catalog; returns where that from before is kept."""

    def commit_lock(self, tables: Collection[Table] | None) -> CommitLock:
        """Return the lock of whoever writes these tables; of all when it is None."""

    def build_lock(self) -> AbstractContextManager[object]:
        """Return the lock that lets one build of the marts run at a time."""

    def keep_copy(self) -> bool:
        """Leave a copy of the catalog behind after a commit; whether that worked or was needed."""

    def health(self, now: datetime) -> Health:
        """Tell whether the catalog is set up as it must be, and can be brought back."""

    def room(self) -> int | None:
        """Measure the room that is left for files; None where it has no known end."""

    def copy_catalog(self, target: Path) -> str | None:
        """Copy the catalog into a SQLite file as it is at one moment; returns what went wrong."""

    def take_catalog(self, source: Path) -> None:
        """Make the catalog of a SQLite file the one aside; its files are among the lake's."""

    def catalog_bytes(self) -> int:
        """Measure the catalog."""

    def free_bytes(self) -> int | None:
        """Measure the unused room within the catalog; None where that cannot be told."""

    def give_room_back(self) -> str | None:
        """Give unused room within the catalog back; returns what went wrong, if anything did."""
