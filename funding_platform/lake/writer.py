"""Writing: validated frames, whole partitions or keys, in one transaction that names its run."""

import json
import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import duckdb
import polars as pl

from funding_platform.core.tables.schema import Table
from funding_platform.lake.catalog import LAKE, current_snapshot
from funding_platform.lake.connection import connect
from funding_platform.lake.errors import CommitConflictError
from funding_platform.lake.explained import translated
from funding_platform.lake.locks import commit_lock
from funding_platform.lake.profiles import profile_of
from funding_platform.lake.scope import Scope as Scope
from funding_platform.lake.staged import StagedFrames
from funding_platform.lake.transaction import Transaction as Transaction
from funding_platform.lake.transaction import roll_back
from funding_platform.settings import Settings

_LOGGER = logging.getLogger(__name__)

_Done = TypeVar("_Done")

TRIES: Final = 5
"""How often a body is run that can be run again. Under locks a conflict is a rarity."""


class Lake:
    """The lake opened for writing, closed on leaving the ``with`` block.

    Whoever has committed leaves a copy of the catalog behind on closing.

    >>> with Lake(settings) as lake, lake.commit("run-1", "history of binance") as transaction:
    ...     transaction.replace(FUNDING_RATES, frame, scope)
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.profile = profile_of(settings)
        self.connection = connect(settings, read_only=False)
        self._staged = StagedFrames(self.connection)
        self._changed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.connection.close()
        if self._changed:
            self.profile.keep_copy()

    @contextmanager
    def commit(
        self,
        run_id: str,
        message: str,
        *,
        tables: Collection[Table] | None = None,
        extra: Mapping[str, object] | None = None,
    ) -> Iterator[Transaction]:
        """Run one transaction under the inter-process lock; any error rolls it back.

        Parameters
        ----------
        run_id
            Stored as the author of the DuckLake snapshot, so that a change leads back to a run.
        message
            What the commit does, in words.
        tables
            All that it writes, so that on a cluster who writes others need not wait. Left out, it
            may write whatever it likes, alone.
        extra
            What programs are to know of the commit: stored as JSON in the snapshot's
            ``commit_extra_info``.

        Raises
        ------
        LakeLockedError
            If another process commits for longer than the timeout.
        LakeFullError
            If the disk is full.
        LakeReadOnlyError
            If nothing can be written.
        LakeUnreachableError
            If a cluster's database or bucket does not answer; whether a COMMIT counted that was
            under way then, the lake says.
        CommitConflictError
            If something that takes no lock changed the same rows meanwhile.
        """
        verifies = self.profile.verifies_keys
        transaction = Transaction(self.connection, self._staged, tables, verifies_keys=verifies)
        with commit_lock(self.settings, tables) as lock:
            try:
                self.connection.execute("BEGIN")
                try:
                    yield transaction
                    self.connection.execute(
                        f"CALL {LAKE}.set_commit_message(?, ?, extra_info => ?)",
                        [run_id, f"{run_id}: {message}", json.dumps(extra) if extra else None],
                    )
                    lock.refuse_lost()
                    self.connection.execute("COMMIT")
                    self._staged.committed()
                    self._changed = True
                except BaseException:
                    roll_back(self.connection)
                    self._staged.rolled_back()
                    lock.clear_up(self.connection)
                    raise
            except duckdb.Error as error:
                raise translated(error) from error

    def write(
        self,
        run_id: str,
        message: str,
        work: Callable[[Transaction], _Done],
        *,
        tables: Collection[Table] | None = None,
        extra: Mapping[str, object] | None = None,
    ) -> _Done:
        """Commit what ``work`` does, and do it again where another commit came first.

        For work that depends on nothing but what it reads in the transaction. The parameters and
        errors are those of ``commit``.
        """
        for left in reversed(range(TRIES)):
            try:
                with self.commit(run_id, message, tables=tables, extra=extra) as transaction:
                    done = work(transaction)
            except CommitConflictError as error:
                if not left:
                    raise
                _LOGGER.warning("%s is written again: %s", message, error.message)
            else:
                return done
        raise AssertionError("the last try returns or raises")

    def read(self, sql: str, parameters: list[object] | None = None) -> pl.DataFrame:
        """Run a query and return its answer as a frame.

        Raises
        ------
        LakeError
            If the query fails.
        """
        try:
            return self.connection.execute(sql, parameters or []).pl()
        except duckdb.Error as error:
            raise translated(error) from error

    def rows(
        self,
        table: Table,
        where: str = "true",
        parameters: list[object] | None = None,
        *,
        columns: tuple[str, ...] = (),
    ) -> pl.DataFrame:
        """Read the rows of a declared table, with its types; fails as ``read`` does.

        Parameters
        ----------
        where, parameters
            The SQL condition that the rows meet.
        columns
            Names of the columns wanted; all of them by default.
        """
        listed = ", ".join(columns or table.column_names)
        return table.typed(
            self.read(f"SELECT {listed} FROM {table.full_name} WHERE {where}", parameters)
        )

    def stream(
        self, sql: str, parameters: list[object], *, at_once: int
    ) -> Iterator[tuple[Any, ...]]:
        """Yield the answer of a query row by row, with only a few rows in memory.

        Raises
        ------
        LakeError
            If the query fails.
        """
        cursor = self.connection.cursor()
        try:
            cursor.execute(f"USE {LAKE}")
            cursor.execute(sql, parameters)
            while rows := cursor.fetchmany(at_once):
                yield from rows
        except duckdb.Error as error:
            raise translated(error) from error
        finally:
            cursor.close()

    def snapshot_id(self) -> int:
        """Return the id of the newest DuckLake snapshot, for `connect(as_of=...)`."""
        return current_snapshot(self.connection)
