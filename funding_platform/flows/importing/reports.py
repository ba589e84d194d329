"""What an import tells of itself: rows per file, conflicts, notes, and its lines of the log."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import polars as pl

from funding_platform.core.tables.collected import FUNDING_RATES
from funding_platform.core.tables.columns import INSTRUMENT_KEY
from funding_platform.core.tables.schema import Table
from funding_platform.flows.collection.log import Attempt
from funding_platform.flows.errors import ImportConflictError

SHOWN: Final = 10
"""Faults and conflicts that a message names."""

MAX_LISTED: Final = 100
"""Files that a summary lists one by one."""

MAX_KEPT: Final = 10_000
"""Conflicts that a report holds; further ones are only counted."""


class Rows(NamedTuple):
    """What the rows of a table are called where they are told.

    Parameters
    ----------
    table
        The table.
    time
        Its column that dates a row.
    contradicted
        What is the matter with rows that differ from what is known.
    words
        One such row.
    """

    table: Table
    time: str
    contradicted: str
    words: Callable[[Mapping[str, Any]], str]


SETTLEMENTS: Final = Rows(
    FUNDING_RATES,
    "funding_time",
    "settlements have another rate already",
    lambda row: (
        f"at {row['funding_time']:%Y-%m-%d %H:%M:%S} is {row['funding_rate']:g}, "
        f"in {row['other']} {row['stored_rate']:g}"
    ),
)


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did for one table, or, of several ones joined, for all.

    Parameters
    ----------
    files
        One row per file and instrument: ``file``, ``table``, ``venue``, ``venue_symbol``, ``rows``
        (in the file), ``written`` (of them new), ``first`` and ``last`` time.
    conflicts
        Rows left out because the lake holds another figure (of rates ``stored_rate``, else
        ``stored_value``); with ``file`` and ``line``. Of very many the first ones.
    notes
        How files were taken: presets, units, symbols, columns and rows left out, and settlements
        that belong to an earlier listing of their ticker.
    n_conflicts
        How many rows were left out, by venue.
    of
        What the rows are.
    """

    files: pl.DataFrame
    conflicts: pl.DataFrame
    notes: list[str] = field(default_factory=list)
    n_conflicts: Counter[str] = field(default_factory=Counter)
    of: Rows = SETTLEMENTS

    @property
    def rows(self) -> int:
        """Rows written."""
        return int(self.files["written"].sum())

    def summary(self) -> pl.DataFrame:
        """List the files, or where there are too many to list, the instruments."""
        if self.files.height <= MAX_LISTED:
            return self.files
        return (
            self.files.group_by("table", *INSTRUMENT_KEY)
            .agg(
                pl.col("file").n_unique().alias("files"),
                pl.col("rows", "written").sum(),
                pl.col("first").min(),
                pl.col("last").max(),
            )
            .sort("table", *INSTRUMENT_KEY)
        )

    def attempts(self, run_id: str, started_at: datetime) -> list[Attempt]:
        """Return one row of the log per venue."""
        attempts = []
        for (venue,), files in self.files.group_by("venue", maintain_order=True):
            attempt = Attempt(
                run_id, str(venue), self.of.table, started_at, datetime.now(UTC), source="files"
            )
            attempt.rows = int(files["written"].sum())
            attempt.symbols = files["venue_symbol"].n_unique()
            left_out = self.n_conflicts[str(venue)]
            if left_out:
                rows = self.conflicts.filter(venue=str(venue))
                attempt.warnings = [conflict_error(rows, left_out, self.of)]
            attempts.append(attempt)
        return attempts


def joined(reports: Sequence[ImportReport]) -> ImportReport:
    """Join what was done for several tables into one report."""
    return ImportReport(
        pl.concat([report.files for report in reports]),
        pl.concat([report.conflicts for report in reports], how="diagonal"),
        list(dict.fromkeys(note for report in reports for note in report.notes)),
        sum((report.n_conflicts for report in reports), Counter()),
    )


class Conflicts:
    """Rows with another figure than the one that is known: all are counted, the first are kept.

    Parameters
    ----------
    of
        What the rows are.
    """

    def __init__(self, of: Rows = SETTLEMENTS) -> None:
        self.of = of
        self.by_venue: Counter[str] = Counter()
        self._kept: list[pl.DataFrame] = []
        self._room = MAX_KEPT

    def add(self, rows: pl.DataFrame) -> None:
        """Take note of rows that differ."""
        if self._kept and rows.is_empty():
            return
        self.by_venue.update(dict(rows.group_by("venue").len().iter_rows()))
        ordered = rows.sort(*INSTRUMENT_KEY, self.of.time, maintain_order=True)
        kept = ordered.head(self._room)
        self._room -= kept.height
        self._kept.append(kept)

    def __bool__(self) -> bool:
        return bool(self.by_venue)

    def rows(self) -> pl.DataFrame:
        """Return those that are kept."""
        return pl.concat(self._kept, how="diagonal")


def conflict_error(
    conflicts: pl.DataFrame, count: int, of: Rows = SETTLEMENTS
) -> ImportConflictError:
    """Two figures for one row, with the lines to look at."""
    shown = [
        f"{row['file']} line {row['line']}: {row['venue']} {row['venue_symbol']} {of.words(row)}"
        for row in conflicts.head(SHOWN).rows(named=True)
    ]
    return ImportConflictError(
        f"{count} {of.contradicted}:\n  " + "\n  ".join(shown),
        hint="look for another unit or sign; --keep-stored leaves out what differs from the lake",
    )


def counted(incoming: pl.DataFrame, new: pl.DataFrame, of: Rows = SETTLEMENTS) -> pl.DataFrame:
    """Count the rows per file and instrument, and how many of them are new."""
    by_file = ["file", *INSTRUMENT_KEY]
    time = pl.col(of.time)
    return (
        incoming.group_by(by_file)
        .agg(pl.len().alias("rows"), time.min().alias("first"), time.max().alias("last"))
        .join(new.group_by(by_file).agg(pl.len().alias("written")), on=by_file, how="left")
        .with_columns(pl.col("written").fill_null(0))
        .select(
            "file",
            pl.lit(of.table.name).alias("table"),
            *INSTRUMENT_KEY,
            "rows",
            "written",
            "first",
            "last",
        )
    )


def repeat_notes(repeats: Sequence[pl.DataFrame], names: Sequence[str]) -> list[str]:
    """Say of which files rows tell a settlement that the same file has told before.

    Parameters
    ----------
    repeats
        What ``comparison.repeated`` gives of each group.
    names
        Files by number.
    """
    by_file = pl.concat(repeats).group_by("file").agg(pl.col("rows").sum(), pl.col("line").min())
    return [
        f"{names[file]}: {rows} rows tell a settlement again, the first in line {line}"
        for file, rows, line in by_file.sort("file").iter_rows()
    ]


def named(rows: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Put the names of their files in place of the numbers."""
    texts = pl.Series(names, dtype=pl.String)
    rows = rows.with_columns(texts.gather(rows["file"]).alias("file"))
    if "other_file" not in rows.columns:
        return rows
    there = rows["other_file"].is_not_null()
    other = pl.format("{} line {}", pl.lit(texts).gather(pl.col("other_file")), "other_line")
    before = pl.col("other") if "other" in rows.columns else pl.lit(None, dtype=pl.String)
    return rows.with_columns(pl.when(there).then(other).otherwise(before).alias("other"))
