"""Rows of many files, on disk until those of one instrument are looked at together.

In memory lies at most one buffer and one group of instruments, however many rows there are. A
folder that a killed process leaves behind lies in the state folder, which is safe to delete.
"""

import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import polars as pl

from funding_platform.core.intervals import BY_SYMBOL

BUFFER_ROWS: Final = 250_000
"""Rows that are kept in memory before they are written."""

GROUP_ROWS: Final = 250_000
"""Rows of instruments that are looked at together, unless one alone has more."""


class Spool:
    """Frames in, whole instruments out."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = tempfile.TemporaryDirectory(prefix="import-", dir=folder)
        self._buffer: list[pl.DataFrame] = []
        self._files: list[Path] = []
        self._counts: Counter[tuple[str, str]] = Counter()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._folder.cleanup()

    def add(self, frame: pl.DataFrame) -> None:
        """Keep rows, which have ``venue`` and ``venue_symbol``."""
        self._buffer.append(frame)
        for venue, symbol, rows in frame.group_by(BY_SYMBOL).len().iter_rows():
            self._counts[venue, symbol] += rows
        if sum(one.height for one in self._buffer) >= BUFFER_ROWS:
            self._flush()

    def groups(self) -> Iterator[pl.DataFrame]:
        """All rows, a few whole instruments at a time."""
        if self._files:
            self._flush()
        group: list[tuple[str, str]] = []
        rows = 0
        for instrument, count in sorted(self._counts.items()):
            if group and rows + count > GROUP_ROWS:
                yield self._rows_of(group)
                group, rows = [], 0
            group.append(instrument)
            rows += count
        if group:
            yield self._rows_of(group)

    @property
    def n_groups(self) -> int:
        """About how many groups there are."""
        return max(1, sum(self._counts.values()) // GROUP_ROWS)

    def _flush(self) -> None:
        if not self._buffer:
            return
        path = Path(self._folder.name) / f"{len(self._files):06d}.parquet"
        # Sorted, so that the statistics of the row groups lead to an instrument.
        frame = pl.concat(self._buffer).sort(BY_SYMBOL, maintain_order=True)
        frame.write_parquet(path, compression="lz4", row_group_size=20_000)
        self._files.append(path)
        self._buffer = []

    def _rows_of(self, instruments: list[tuple[str, str]]) -> pl.DataFrame:
        first, last = instruments[0], instruments[-1]
        wanted = pl.DataFrame(instruments, schema=dict.fromkeys(BY_SYMBOL, pl.String), orient="row")
        if not self._files:
            everything = pl.concat(self._buffer)
            if len(instruments) == len(self._counts):
                return everything
            return everything.join(wanted, on=BY_SYMBOL, how="semi")
        venues = pl.col("venue").is_between(pl.lit(first[0]), pl.lit(last[0]))
        within = venues
        if first[0] == last[0]:
            within &= pl.col("venue_symbol").is_between(pl.lit(first[1]), pl.lit(last[1]))
        parts = [
            pl.scan_parquet(path).filter(within).collect().join(wanted, on=BY_SYMBOL, how="semi")
            for path in self._files
        ]
        return pl.concat(parts)
