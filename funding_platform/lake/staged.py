"""Frames under names that the statements of a connection read them by."""

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
import polars as pl

from funding_platform.core.tables.schema import Table


class StagedFrames:
    """The frames of one connection: of each table one at a time, under the same name throughout.

    Whatever is registered within a transaction is kept until its end, even when it is
    unregistered at once. Hence a name is registered once, for a placeholder that passes on the
    frame of the moment. It outlives the transaction: to register and to unregister it costs a
    tenth of a small commit. A transaction that is rolled back takes along the names that are new
    in it, and those alone.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._placeholders: dict[str, _Placeholder] = {}
        self._new: set[str] = set()

    @contextmanager
    def named(self, table: Table, frame: pl.DataFrame) -> Iterator[str]:
        """Yield the name that the frame has until the end of the block, which lets go of it."""
        name = f"staged_{table.schema}_{table.name}"
        frame = frame.select(table.column_names)  # one name, one schema
        if name in self._placeholders:
            self._placeholders[name].frame = frame
        else:
            self._placeholders[name] = _Placeholder(frame)
            self._new.add(name)
            self._connection.register(name, self._placeholders[name])
        try:
            yield name
        finally:
            self._placeholders[name].frame = frame.clear()

    def committed(self) -> None:
        """Keep the names of the transaction that has ended."""
        self._new.clear()

    def rolled_back(self) -> None:
        """Forget the names that came with the transaction that has ended, and went with it."""
        for name in self._new:
            self._connection.unregister(name)
            del self._placeholders[name]
        self._new.clear()


class _Placeholder:
    """What is registered in place of every frame of a name."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self.frame = frame

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Export the frame of the moment; asked at every statement."""
        return self.frame.__arrow_c_stream__(requested_schema)
