"""Whether every column of a file is mapped, or known to mean nothing."""

from collections.abc import Callable
from fnmatch import fnmatch

import polars as pl

from funding_platform.flows.errors import DumpError
from funding_platform.flows.importing.fields.cells import Cells, is_unnamed
from funding_platform.flows.importing.mapping import SourceMapping

Note = Callable[[str], None]
"""Told what a reader should know of how a file was taken."""


class Header:
    """The columns of one file, looked at with every batch of its cells.

    Parameters
    ----------
    note
        Told of columns that are left out.
    """

    def __init__(self, note: Note) -> None:
        self._note = note
        self._counts: dict[str, int] = {}

    def require_mapped(self, cells: Cells, mapping: SourceMapping) -> None:
        """Refuse a mapped column that is not there, and one that nothing is known of.

        Raises
        ------
        DumpError
            Naming the column.
        """
        header = cells.columns.columns
        for column in mapping.columns.values():
            if column not in header:
                raise DumpError(
                    cells.file, f"is not among {', '.join(header)}", line=1, column=column
                )
        known = {*mapping.columns.values(), *cells.optional}
        for number, column in enumerate(header, 1):
            if column in known or any(fnmatch(column, one) for one in mapping.ignore):
                continue
            if is_unnamed(column):
                self._require_counter(cells, column, number)
                continue
            raise DumpError(
                cells.file,
                "is not mapped",
                line=1,
                column=column,
                hint=f"map it, or say that it means nothing here: --map ignore={column}",
            )

    def _require_counter(self, cells: Cells, column: str, number: int) -> None:
        """Refuse a column without a name unless it counts the rows, as programs write it.

        One that counts them means nothing, and is left out.
        """
        counts = cells.columns[column].cast(pl.Int64, strict=False)
        begins = column not in self._counts
        before = pl.Series([self._counts.get(column, -1)], dtype=pl.Int64)
        previous = pl.concat([before, counts.head(counts.len() - 1)])
        if counts.null_count() or not ((counts == previous + 1) | (counts == 0)).all():
            unnamed = column.startswith("column ")
            raise DumpError(
                cells.file,
                "has no name" if unnamed else "is the index of a table, not a count of its rows",
                line=1,
                column=str(number) if unnamed else column,
                hint="if it means nothing: --map 'ignore=*'; otherwise map it by its place: "
                f"--map 'time={column}'",
            )
        self._counts[column] = int(counts[-1])
        if begins:
            self._note(f"{cells.file}: {column} only counts the rows; left out")
