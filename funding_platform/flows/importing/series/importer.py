"""Importing candles and open interest: compared with the lake, a few series at a time."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import polars as pl

from funding_platform.core.tables.columns import INSTRUMENT_KEY
from funding_platform.core.tables.prices import OPEN_INTEREST
from funding_platform.core.tables.schema import Table
from funding_platform.flows.errors import DumpError
from funding_platform.flows.importing.files.spool import Spool
from funding_platform.flows.importing.part import Part
from funding_platform.flows.importing.reports import (
    SHOWN,
    Conflicts,
    ImportReport,
    conflict_error,
    counted,
    named,
)
from funding_platform.flows.importing.series.comparison import (
    as_declared,
    beside,
    missing_hours,
    stored_of,
)
from funding_platform.flows.importing.series.hours import NOT_CLOSED, NOT_OVER, Hourly, hourly
from funding_platform.flows.importing.series.points import BETWEEN_HOURS, at_hours
from funding_platform.flows.importing.series.tables import SERIES
from funding_platform.flows.progress import begin
from funding_platform.lake.writer import Lake, Transaction

_MONTH: Final = "month"

_NO_FAULT: Final = (NOT_OVER, NOT_CLOSED, BETWEEN_HOURS)
"""Reasons to leave a row out that say nothing against its file."""


class SeriesImport(Part):
    """The rows of one table, from the files to the lake.

    Parameters
    ----------
    name
        Of a table of ``tables.SERIES``.
    folder
        For what does not fit into the memory.
    instruments
        Those that the lake knows.
    """

    def __init__(self, name: str, folder: Path, instruments: pl.DataFrame) -> None:
        self.series = SERIES[name]
        super().__init__(Spool(folder, self.series.key), Spool(folder, ["venue", _MONTH]))
        self._instruments = instruments
        self._left_out: list[pl.DataFrame] = []
        self._incomplete: list[pl.DataFrame] = []
        self._read: Counter[int] = Counter()
        self._missing = 0

    @property
    def table(self) -> Table:
        """The table."""
        return self.series.table

    def compare(
        self, lake: Lake, files: Sequence[str], now: datetime, *, keep_stored: bool
    ) -> ImportReport | None:
        """Spool what is new; None where no file had anything for this table.

        Raises
        ------
        DumpError
            If most rows of a file cannot be, or its bars are no hours.
        ImportConflictError
            If the lake holds other figures, unless ``keep_stored`` leaves such rows out.
        """
        groups = self.told_rows.groups()
        if not groups:
            return None
        counts: list[pl.DataFrame] = []
        conflicts = Conflicts(self.series.told)
        advance = begin(f"comparing {self.table.name}", len(groups))
        for rows in groups:
            counts.append(self._group(rows, lake, files, now, conflicts))
            advance()
        notes = self._notes(files)
        if conflicts and not keep_stored:
            raise conflict_error(
                named(conflicts.rows(), files), conflicts.by_venue.total(), self.series.told
            )
        by_file = named(pl.concat(counts), files).sort("file", *INSTRUMENT_KEY)
        return ImportReport(
            by_file,
            named(conflicts.rows(), files),
            notes,
            conflicts.by_venue,
            self.series.told,
        )

    def write(self, transaction: Transaction) -> None:
        """Write what is new, some months at a time."""
        self.append_parts(transaction, f"storing {self.table.name}", drop=_MONTH)

    def _group(
        self,
        group: pl.DataFrame,
        lake: Lake,
        files: Sequence[str],
        now: datetime,
        conflicts: Conflicts,
    ) -> pl.DataFrame:
        """Compare the rows of some series; returns how many each file had."""
        series = self.series
        self._read.update(dict(group.group_by("file").len().iter_rows()))
        found = self._hours(group, files, now)
        self._left_out.append(found.left_out)
        self._incomplete.append(found.incomplete)
        if found.bars.is_empty():
            return counted(found.bars, found.bars, series.told)
        self._missing += missing_hours(found.bars, series.key, series.time)
        compared = beside(found.bars, stored_of(lake, series, found.bars), series)
        conflicts.add(
            compared.filter(pl.col("field").is_not_null()).with_columns(
                pl.lit("the lake").alias("other")
            )
        )
        new = compared.filter(~pl.col("stored"))
        declared = as_declared(new, series, self._instruments, now)
        month = pl.col(series.time).dt.truncate("1mo").alias(_MONTH)
        self.new_rows.add(declared.with_columns(month))
        return counted(found.bars, new, series.told)

    def _hours(self, group: pl.DataFrame, files: Sequence[str], now: datetime) -> Hourly:
        if self.table is OPEN_INTEREST:
            return at_hours(group, self.series.key)
        return hourly(group, self.series.key, files, now)

    def _notes(self, files: Sequence[str]) -> list[str]:
        """Say what rows were left out, and which hours lack something.

        Raises
        ------
        DumpError
            If most rows of a file were left out for a fault of theirs.
        """
        told = (
            pl.concat(self._left_out)
            .group_by("file", "reason")
            .agg(pl.col("line").min(), pl.col("rows").sum())
            .sort("file", "line")
        )
        for file, of_file in told.group_by("file", maintain_order=True):
            self._require_most(files, file[0], of_file.rows(named=True))
        notes = [
            f"{files[file]}: {count} rows left out, the first in line {line}: it {reason}"
            for file, reason, line, count in told.iter_rows()
        ]
        lacking = pl.concat(self._incomplete)
        for file, hours in lacking.group_by("file", maintain_order=True):
            shown = hours.sort("open_time").head(SHOWN).iter_rows(named=True)
            named_hours = ", ".join(
                f"{one['open_time']:%Y-%m-%d %H:%M} ({one['bars']} of {one['whole']})"
                for one in shown
            )
            notes.append(
                f"{files[file[0]]}: {hours.height} hours lack some of their bars and are stored "
                f"as they are: {named_hours}"
            )
        if self._missing:
            notes.append(
                f"{self.table.name}: {self._missing} hours are missing between the first "
                "and the last of their series"
            )
        return notes

    def _require_most(
        self, files: Sequence[str], file: int, told: Sequence[dict[str, Any]]
    ) -> None:
        """Refuse a file most of whose rows cannot be."""
        faults = [row for row in told if row["reason"] not in _NO_FAULT]
        lost = sum(row["rows"] for row in faults)
        unusable = lost + sum(row["rows"] for row in told if row["reason"] == BETWEEN_HOURS)
        read = self._read[file]
        if 2 * lost <= read and unusable < read:
            return
        worst = max(faults or told, key=lambda row: row["rows"])
        raise DumpError(
            files[file],
            f"{unusable} of {read} rows cannot be stored: the first of {worst['rows']} "
            f"{worst['reason']}",
            line=worst["line"],
            hint="another column or another table may be meant; leave the file out: --exclude",
        )
