"""Writing: validated frames, whole partitions or keys, in one transaction that names its run."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import duckdb
import polars as pl

from funding_platform.core.order import in_order
from funding_platform.core.tables.schema import Table
from funding_platform.core.time_grid import Window
from funding_platform.lake.catalog import LAKE, current_snapshot
from funding_platform.lake.connection import connect
from funding_platform.lake.errors import EmptyFrameError, InvalidFrameError, translated
from funding_platform.lake.locks import commit_lock
from funding_platform.lake.recovery.copies import keep_copy
from funding_platform.lake.staged import StagedFrames
from funding_platform.lake.upkeep.leftovers import clear_up
from funding_platform.lake.validation import validate
from funding_platform.settings import Settings


@dataclass(frozen=True, slots=True)
class Scope:
    """The rows of a table that one replacement stands for: a partition.

    Parameters
    ----------
    equal
        Columns and the values that they have throughout the partition. A tuple stands for any
        of its values.
    time_column, window
        The half-open span of time, where the partition has one.
    """

    equal: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    time_column: str | None = None
    window: Window | None = None

    def __str__(self) -> str:
        where = [f"{column} {value}" for column, value in self.equal.items()]
        return (
            ", ".join([*where, *([str(self.window)] if self.window else [])]) or "the whole table"
        )

    def sql(self) -> tuple[str, list[object]]:
        """Write the scope as a WHERE condition and its parameters."""
        conditions: list[str] = []
        parameters: list[object] = []
        for column, value in self.equal.items():
            conditions.append(f"{column} IN (SELECT unnest(?))")
            parameters.append([value] if isinstance(value, str) else list(value))
        if self.time_column and self.window:
            conditions.append(f"{self.time_column} >= ? AND {self.time_column} < ?")
            parameters.extend([self.window.start, self.window.end])
        return " AND ".join(conditions) or "true", parameters

    def expression(self) -> pl.Expr:
        """Write the scope as a Polars predicate."""
        inside = pl.lit(True)
        for column, value in self.equal.items():
            inside &= pl.col(column).is_in([value] if isinstance(value, str) else list(value))
        if self.time_column and self.window:
            time = pl.col(self.time_column)
            inside &= (time >= self.window.start) & (time < self.window.end)
        return inside


class Transaction:
    """What may be done between BEGIN and COMMIT."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, staged: StagedFrames) -> None:
        self._connection = connection
        self._staged = staged

    def read(self, sql: str, parameters: list[object]) -> pl.DataFrame:
        """Run a query and return its answer, with what this transaction has written."""
        return self._connection.execute(sql, parameters).pl()

    def replace(
        self, table: Table, frame: pl.DataFrame, scope: Scope, *, proven_empty: bool = False
    ) -> int:
        """Delete what the scope holds and insert ``frame``; returns the rows inserted.

        Raises
        ------
        InvalidFrameError
            If the frame breaks its declaration or has rows outside the scope.
        EmptyFrameError
            If the frame is empty and that was not proven.
        """
        validate(table, frame)
        if frame.is_empty() and not proven_empty:
            raise EmptyFrameError(
                f"no rows for {table.full_name} in {scope}; the partition was left as it is",
                hint="an empty answer is not success: prove that the source has nothing",
            )
        outside = frame.filter(~scope.expression())
        if not outside.is_empty():
            raise InvalidFrameError(
                f"{outside.height} rows for {table.full_name} lie outside {scope}, first: "
                f"{outside.select(table.key).row(0, named=True)}; nothing was written"
            )
        condition, parameters = scope.sql()
        self._connection.execute(f"DELETE FROM {table.full_name} WHERE {condition}", parameters)
        self._insert(table, frame)
        return frame.height

    def upsert(self, table: Table, frame: pl.DataFrame, *, keep: tuple[str, ...] = ()) -> int:
        """Insert new keys and update known ones, except for the columns to ``keep``.

        Raises
        ------
        InvalidFrameError
            If the frame breaks its declaration.
        """
        validate(table, frame)
        with self._staged.named(table, frame) as staged:
            key = " AND ".join(f"kept.{name} = {staged}.{name}" for name in table.key)
            updated = [name for name in table.column_names if name not in (*table.key, *keep)]
            self._connection.execute(
                f"MERGE INTO {table.full_name} AS kept USING {staged} ON {key} "
                f"WHEN MATCHED THEN UPDATE SET "
                f"{', '.join(f'{name} = {staged}.{name}' for name in updated)} "
                f"WHEN NOT MATCHED THEN INSERT BY NAME"
            )
        return frame.height

    def append(self, table: Table, frame: pl.DataFrame) -> int:
        """Insert rows whose keys are new by construction, such as log entries.

        Raises
        ------
        InvalidFrameError
            If the frame breaks its declaration.
        """
        validate(table, frame)
        self._insert(table, frame)
        return frame.height

    def _insert(self, table: Table, frame: pl.DataFrame) -> None:
        if frame.is_empty():
            return
        order = table.sort_by or table.key
        with self._staged.named(table, in_order(frame, order)) as staged:
            self._connection.execute(
                f"INSERT INTO {table.full_name} BY NAME SELECT * FROM {staged}"
            )


class Lake:
    """The lake opened for writing, closed on leaving the ``with`` block.

    Whoever has committed leaves a copy of the catalog behind on closing.

    >>> with Lake(settings) as lake, lake.commit("run-1", "history of binance") as transaction:
    ...     transaction.replace(FUNDING_RATES, frame, scope)
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
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
            keep_copy(self.settings)

    @contextmanager
    def commit(
        self, run_id: str, message: str, *, extra: Mapping[str, object] | None = None
    ) -> Iterator[Transaction]:
        """Run one transaction under the inter-process lock; any error rolls it back.

        Parameters
        ----------
        run_id
            Stored as the author of the DuckLake snapshot, so that a change leads back to a run.
        message
            What the commit does, in words.
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
        """
        transaction = Transaction(self.connection, self._staged)
        with commit_lock(self.settings) as lock:
            try:
                self.connection.execute("BEGIN")
                try:
                    yield transaction
                    self.connection.execute(
                        f"CALL {LAKE}.set_commit_message(?, ?, extra_info => ?)",
                        [run_id, f"{run_id}: {message}", json.dumps(extra) if extra else None],
                    )
                    self.connection.execute("COMMIT")
                    self._changed = True
                except BaseException:
                    self._roll_back()
                    self._staged.close()
                    clear_up(self.connection, lock)
                    raise
            except duckdb.Error as error:
                raise translated(error) from error

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

    def _roll_back(self) -> None:
        """End the transaction where one is still open: a failed COMMIT has ended it itself."""
        try:
            self.connection.execute("ROLLBACK")
        except duckdb.TransactionException as error:
            if "no transaction is active" not in str(error):
                raise
