"""Rows on disk until those with one key are looked at together, however many there are.

Each file is sorted by key and the place of every key in it is remembered, so that a group costs
what its own rows cost, not a look at all the others. A thread writes one buffer while the next
fills, and reads one group while the one before is looked at: in memory lie two of either at most.
A folder that a killed process leaves behind lies in the state folder, which is safe to delete.
"""

import tempfile
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

import polars as pl
import pyarrow as pa

from funding_platform.core.order import in_order

BUFFER_ROWS: Final = 250_000
"""Rows that are kept in memory before they are written."""

GROUP_ROWS: Final = 250_000
"""Rows that are looked at together, unless one key alone has more."""

BLOCK_ROWS: Final = 4_096
"""Rows of a file that are read at once: what a group has in one is often less."""

Key = tuple[Any, ...]


class _Slice(NamedTuple):
    """Rows of a file that follow each other."""

    path: Path
    start: int
    length: int

    def read(self) -> pl.DataFrame:
        block = self.start // BLOCK_ROWS
        last = (self.start + self.length - 1) // BLOCK_ROWS
        with pa.OSFile(str(self.path)) as source, pa.ipc.open_file(source) as reader:
            blocks = [reader.get_batch(one) for one in range(block, last + 1)]
        within = pa.Table.from_batches(blocks).slice(self.start - block * BLOCK_ROWS, self.length)
        assert within.num_rows == self.length
        return pl.DataFrame(pl.from_arrow(within))


class _File(NamedTuple):
    """A file of the spool, its keys in order, and the row at which each one's rows end."""

    path: Path
    keys: list[Key]
    ends: list[int]

    def slice_of(self, first: Key, last: Key) -> _Slice | None:
        """Find the rows of the keys from ``first`` to ``last``; None where there are none."""
        begin, end = bisect_left(self.keys, first), bisect_right(self.keys, last)
        if begin == end:
            return None
        start = self.ends[begin - 1] if begin else 0
        return _Slice(self.path, start, self.ends[end - 1] - start)


class Pieces:
    """Rows that are still on disk, to be looked at a piece at a time."""

    def __init__(self, pieces: Sequence[Sequence[_Slice]], thread: Executor) -> None:
        self._pieces = pieces
        self._thread = thread

    def __len__(self) -> int:
        return len(self._pieces)

    def __iter__(self) -> Iterator[pl.DataFrame]:
        """Yield each piece, while the thread reads the next."""
        ahead: Future[pl.DataFrame] | None = None
        for piece in self._pieces:
            before, ahead = ahead, self._thread.submit(_read, piece)
            if before is not None:
                yield before.result()
        if ahead is not None:
            yield ahead.result()


def _read(piece: Sequence[_Slice]) -> pl.DataFrame:
    return pl.concat([one.read() for one in piece])


class Spool:
    """Frames in, all rows of some keys out.

    Parameters
    ----------
    folder
        Where to put the folder of files.
    by
        Columns of the key; they hold values that can be compared.
    """

    def __init__(self, folder: Path, by: Sequence[str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = tempfile.TemporaryDirectory(prefix="import-", dir=folder)
        self._by = list(by)
        self._thread = ThreadPoolExecutor(1)
        self._writing: Future[None] | None = None
        self._buffer: list[pl.DataFrame] = []
        self._files: list[_File] = []
        self._counts: Counter[Key] = Counter()
        self._keys: dict[Key, Key] = {}  # each key once, though many files have it

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._thread.shutdown(cancel_futures=True)
        self._folder.cleanup()

    def add(self, frame: pl.DataFrame) -> None:
        """Keep rows; all frames have the same columns."""
        if frame.is_empty():
            return
        self._buffer.append(frame)
        for *key, rows in frame.group_by(self._by).len().iter_rows():
            self._counts[tuple(key)] += rows
        if sum(one.height for one in self._buffer) >= BUFFER_ROWS:
            self._flush()

    @property
    def is_empty(self) -> bool:
        """Whether nothing was added."""
        return not self._counts

    def groups(self) -> Pieces:
        """Return all rows, a few whole keys at a time, in the order of the keys."""
        return Pieces([self._slices_of(group) for group in self._key_groups()], self._thread)

    def parts(self) -> Pieces:
        """Return all rows in the order of the keys; those of a large key in several parts.

        Rows of one key keep the order in which they were added.
        """
        parts: list[list[_Slice]] = []
        for group in self._key_groups():
            held: list[_Slice] = []
            for one in self._slices_of(group):
                if held and sum(slice_.length for slice_ in held) + one.length > GROUP_ROWS:
                    parts.append(held)
                    held = []
                held.append(one)
            parts.append(held)
        return Pieces(parts, self._thread)

    def _key_groups(self) -> Iterator[list[Key]]:
        """Yield the keys that are looked at together."""
        self._flush()
        self._finish()
        group: list[Key] = []
        rows = 0
        for key, count in sorted(self._counts.items()):
            if group and rows + count > GROUP_ROWS:
                yield group
                group, rows = [], 0
            group.append(key)
            rows += count
        if group:
            yield group

    def _flush(self) -> None:
        """Have the buffer written, once the one before is."""
        if not self._buffer:
            return
        self._finish()
        self._writing = self._thread.submit(self._write, self._buffer)
        self._buffer = []

    def _finish(self) -> None:
        """Wait for the buffer that is being written."""
        if self._writing is not None:
            self._writing.result()

    def _write(self, buffer: Sequence[pl.DataFrame]) -> None:
        frame = in_order(pl.concat(buffer), self._by)
        path = Path(self._folder.name) / f"{len(self._files):06d}.arrow"
        table = frame.to_arrow().combine_chunks()  # else blocks end where the chunks do
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        with pa.ipc.new_file(path, table.schema, options=options) as file:
            file.write_table(table, max_chunksize=BLOCK_ROWS)
        counts = frame.group_by(self._by, maintain_order=True).len()
        keys = [self._keys.setdefault(key, key) for key in counts.select(self._by).rows()]
        self._files.append(_File(path, keys, counts["len"].cum_sum().to_list()))

    def _slices_of(self, group: list[Key]) -> list[_Slice]:
        """Find where the rows of neighbouring keys are, file by file."""
        found = (file.slice_of(group[0], group[-1]) for file in self._files)
        return [one for one in found if one is not None]
