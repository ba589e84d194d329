"""Rows that come in pieces, each laid where it belongs: by instrument, as they come.

How many rows an instrument has is known before. Each column is one block of memory that is filled
once: of tens of millions of rows there is never a second copy, nor a list of where they are. Its
columns are filled side by side while the next piece is fetched: what takes longest is that the
operating system clears so much memory, on the core that first writes to it.
"""

from concurrent.futures import Executor, Future
from typing import Final

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from funding_platform.backtest.errors import DataError
from funding_platform.core.arrays import Flags, Ints
from funding_platform.core.system.compiled import compiled

NOWHERE: Final = -1
"""The instrument of rows that are left out."""

_WORDS: Final = {8: np.uint8, 16: np.uint16, 32: np.uint32, 64: np.uint64}
"""Values are moved as the words that they are, whatever they mean, by their width in bits."""


class PlacedRows:
    """Columns of numbers and times, with room for ``counts[i]`` rows of each instrument ``i``.

    The threads of ``pool`` fill them.
    """

    def __init__(self, schema: pa.Schema, counts: Ints, pool: Executor) -> None:
        self._pool = pool
        self._counts = counts
        self._ends = np.cumsum(counts)
        self._free = self._ends - counts
        size = int(counts.sum())
        self._columns = {field.name: _Column(field.type, size) for field in schema}
        self._owner = _Column(pa.uint32(), size)
        self._under_way: list[Future[None]] = [pool.submit(_number, self._ends, self._owner.words)]

    def add(self, rows: pa.RecordBatch, begins: Ints, instruments: Ints) -> None:
        """Begin to place rows behind those that are there already, once these are in place.

        Parameters
        ----------
        rows
            Of the schema that was given.
        begins
            Where each run of rows of one instrument begins, and behind them where the last ends.
        instruments
            Of each run; ``NOWHERE`` where it is left out.

        Raises
        ------
        DataError
            If an instrument has more rows than were counted.
        """
        places = np.empty(len(instruments), dtype=np.int64)
        if not _places(begins, instruments, self._free, self._ends, places):
            raise _not_as_counted()
        self._finish()
        self._under_way = [
            self._pool.submit(column.place, rows.column(name), begins, places)
            for name, column in self._columns.items()
        ]

    def frame(self, time: str) -> pl.DataFrame:
        """Return ``instrument`` and the columns, by instrument and the column ``time``.

        Raises
        ------
        DataError
            If an instrument has fewer rows than were counted.
        """
        if (self._free != self._ends).any():
            raise _not_as_counted()
        self._finish()
        self._sort(time)
        columns = {"instrument": self._owner, **self._columns}
        return pl.DataFrame([column.series(name) for name, column in columns.items()])

    def _finish(self) -> None:
        """Wait for the rows that are being placed."""
        for column in self._under_way:
            column.result()

    def _sort(self, time: str) -> None:
        """Put the rows of each instrument in order whose runs did not come in that of time.

        Equal ones stay as they came. A file has a month: to put an instrument's runs in order takes
        the memory of that instrument.
        """
        moments = self._columns[time].words.view(np.int64)

        def sort_one(number: int) -> None:
            of_one = slice(self._ends[number] - self._counts[number], self._ends[number])
            order = np.argsort(moments[of_one], kind="stable")
            for column in self._columns.values():
                column.reorder(of_one, order)

        list(self._pool.map(sort_one, np.flatnonzero(_unsorted(moments, self._ends))))


class _Column:
    """Values of a fixed width, and which of them are there."""

    def __init__(self, kind: pa.DataType, size: int) -> None:
        self._kind = kind
        self.words: NDArray[np.unsignedinteger] = np.empty(size, _WORDS[kind.bit_width])
        self._there: Flags | None = None

    def place(self, values: pa.Array, begins: Ints, places: Ints) -> None:
        if values.null_count < len(values):
            words = np.frombuffer(values.buffers()[1], self.words.dtype)
            _copy(words[values.offset :], self.words, begins, places)
        if values.null_count:
            if self._there is None:
                self._there = np.ones(len(self.words), dtype=np.bool_)
            _copy(values.is_valid().to_numpy(zero_copy_only=False), self._there, begins, places)

    def reorder(self, rows: slice, order: Ints) -> None:
        """Put some rows in another order."""
        for values in (self.words, self._there):
            if values is not None:
                values[rows] = values[rows][order]

    def series(self, name: str) -> pl.Series:
        """Hand the memory on as it is."""
        bits = None
        if self._there is not None:
            bits = pa.py_buffer(np.packbits(self._there, bitorder="little"))
        data = [bits, pa.py_buffer(self.words)]
        whole = pa.Array.from_buffers(self._kind, len(self.words), data)
        return pl.Series(name, pl.from_arrow(whole))


@compiled
def _places(begins: Ints, instruments: Ints, free: Ints, ends: Ints, places: Ints) -> bool:
    """Find where each run goes, and move what is free behind it; False where there is no room."""
    for run in range(len(instruments)):
        number = instruments[run]
        places[run] = NOWHERE
        if number == NOWHERE:
            continue
        places[run] = free[number]
        free[number] += begins[run + 1] - begins[run]
        if free[number] > ends[number]:
            return False
    return True


@compiled
def _copy(
    values: NDArray[np.generic], into: NDArray[np.generic], begins: Ints, places: Ints
) -> None:
    """Copy runs to their places."""
    for run in range(len(places)):
        place, begin = places[run], begins[run]
        if place != NOWHERE:
            for row in range(begins[run + 1] - begin):
                into[place + row] = values[begin + row]


@compiled
def _number(ends: Ints, into: NDArray[np.unsignedinteger]) -> None:
    """Write the number of each instrument beside its rows."""
    begin = 0
    for number in range(len(ends)):
        into[begin : ends[number]] = number
        begin = ends[number]


@compiled
def _unsorted(moments: Ints, ends: Ints) -> Flags:
    """Tell of each instrument whether its rows are not in the order of time."""
    found = np.zeros(len(ends), dtype=np.bool_)
    begin = 0
    for number in range(len(ends)):
        for row in range(begin + 1, ends[number]):
            if moments[row] < moments[row - 1]:
                found[number] = True
                break
        begin = ends[number]
    return found


def _not_as_counted() -> DataError:
    return DataError(
        "the rows that were read are not those that had been counted",
        hint="files of the lake were changed by hand while they were read: run it again; if it "
        "recurs, report it with the names of the instruments",
    )
