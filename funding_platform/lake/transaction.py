"""What may be done to the lake between BEGIN and COMMIT, and that one of them ends it.

DuckDB 1.5.5 ends the whole process where a connection is closed whose transaction is open and whose
catalog's database has gone away. So no transaction is left to be ended by closing.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress

import duckdb
import polars as pl

from funding_platform.core.order import in_order
from funding_platform.core.tables.schema import Table
from funding_platform.lake.errors import (
    DoubledKeysError,
    EmptyFrameError,
    InvalidFrameError,
    LakeError,
)
from funding_platform.lake.scope import Scope
from funding_platform.lake.staged import StagedFrames
from funding_platform.lake.validation import validate


@contextmanager
def one_transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Run a block in one transaction; an error rolls it back.

    Raises
    ------
    duckdb.Error
        If it cannot be begun or committed.
    """
    connection.execute("BEGIN")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        roll_back(connection)
        raise


def roll_back(connection: duckdb.DuckDBPyConnection) -> None:
    """End the transaction of a connection, whatever ended the work in it.

    That a failed COMMIT has ended it, or that its database has gone away, is no error besides.
    """
    with suppress(duckdb.Error):
        connection.execute("ROLLBACK")


class Transaction:
    """What may be done between BEGIN and COMMIT.

    Parameters
    ----------
    tables
        Those whose lock is held, and which alone may be written; all when it is None.
    verifies_keys
        Whether to count what was written, before it is committed.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        staged: StagedFrames,
        tables: Collection[Table] | None = None,
        *,
        verifies_keys: bool = False,
    ) -> None:
        self._connection = connection
        self._names = None if tables is None else {table.full_name for table in tables}
        self._verifies_keys = verifies_keys
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
        self._refuse_unlocked(table)
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
        if self._verifies_keys:  # before there are rows to read back from a bucket
            self._require_rows(0, table, frame, str(scope), condition, parameters)
        self._insert(table, frame)
        return frame.height

    def upsert(self, table: Table, frame: pl.DataFrame, *, keep: tuple[str, ...] = ()) -> int:
        """Insert new keys and update known ones, except for the columns to ``keep``.

        Raises
        ------
        InvalidFrameError
            If the frame breaks its declaration.
        """
        self._refuse_unlocked(table)
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
            if self._verifies_keys:
                names = ", ".join(table.key)
                known = f"({names}) IN (SELECT ({names}) FROM {staged})"
                written = "the keys that were written"
                self._require_rows(frame.height, table, frame, written, known, [])
        return frame.height

    def append(self, table: Table, frame: pl.DataFrame) -> int:
        """Insert rows whose keys are new by construction, such as log entries.

        Raises
        ------
        InvalidFrameError
            If the frame breaks its declaration.
        """
        self._refuse_unlocked(table)
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

    def _refuse_unlocked(self, table: Table) -> None:
        if self._names is not None and table.full_name not in self._names:
            raise LakeError(
                f"a commit that named {', '.join(sorted(self._names)) or 'no table'} would write "
                f"{table.full_name}, whose lock it does not hold",
                hint="name every table that is written: lake.commit(…, tables=(…))",
            )

    def _require_rows(
        self,
        count: int,
        table: Table,
        frame: pl.DataFrame,
        what: str,
        where: str,
        parameters: list[object],
    ) -> None:
        """Count the rows of what is written: the frame's keys are unique, so its rows are all.

        Raises
        ------
        DoubledKeysError
            If there are others beside them.
        """
        (held,) = self._connection.execute(
            f"SELECT count(*) FROM {table.full_name} WHERE {where}", parameters
        ).fetchone() or (0,)
        if held != count:
            raise DoubledKeysError(
                f"{table.full_name} would hold {frame.height + held - count} rows in {what}, of "
                f"which {frame.height} are written; nothing was changed",
                hint="begin again; if it recurs, something writes to the lake without its lock",
            )
