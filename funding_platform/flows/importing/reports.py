"""What an import tells of itself: rows per file, conflicts, notes, and its lines of the log."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import polars as pl

from funding_platform.core.tables.collected import FUNDING_RATES
from funding_platform.core.tables.columns import INSTRUMENT_KEY
from funding_platform.flows.collection.log import Attempt
from funding_platform.flows.errors import ImportConflictError

SHOWN: Final = 10
"""Faults and conflicts that a message names."""

MAX_LISTED: Final = 100
"""Files that a summary lists one by one."""

MAX_KEPT: Final = 10_000
"""Conflicts that a report holds; further ones are only counted."""


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did.

    Parameters
    ----------
    files
        One row per file and instrument: ``file``, ``venue``, ``venue_symbol``, ``rows`` (in the
        file), ``written`` (of them new), ``first`` and ``last`` settlement.
    conflicts
        Rows left out because the lake holds another rate, ``stored_rate``; with ``file`` and
        ``line``. Of very many the first ones.
    notes
        How files were taken: presets, units, symbols, columns and rows left out, and settlements
        that belong to an earlier listing of their ticker.
    n_conflicts
        How many rows were left out, by venue.
    """

    files: pl.DataFrame
    conflicts: pl.DataFrame
    notes: list[str] = field(default_factory=list)
    n_conflicts: Counter[str] = field(default_factory=Counter)

    @property
    def rows(self) -> int:
        """Settlements written."""
        return int(self.files["written"].sum())

    def summary(self) -> pl.DataFrame:
        """List the files, or where there are too many to list, the instruments."""
        if self.files.height <= MAX_LISTED:
            return self.files
        return (
            self.files.group_by(INSTRUMENT_KEY)
            .agg(
                pl.col("file").n_unique().alias("files"),
                pl.col("rows", "written").sum(),
                pl.col("first").min(),
                pl.col("last").max(),
            )
            .sort(INSTRUMENT_KEY)
        )

    def attempts(self, run_id: str, started_at: datetime) -> list[Attempt]:
        """Return one row of the log per venue."""
        attempts = []
        for (venue,), files in self.files.group_by("venue", maintain_order=True):
            attempt = Attempt(run_id, str(venue), FUNDING_RATES, started_at, datetime.now(UTC))
            attempt.rows = int(files["written"].sum())
            attempt.symbols = files["venue_symbol"].n_unique()
            left_out = self.n_conflicts[str(venue)]
            if left_out:
                rows = self.conflicts.filter(venue=str(venue))
                attempt.warnings = [conflict_error(rows, left_out)]
            attempts.append(attempt)
        return attempts


class Conflicts:
    """Rows with another rate than the one that is known: all are counted, the first are kept."""

    def __init__(self) -> None:
        self.by_venue: Counter[str] = Counter()
        self._kept: list[pl.DataFrame] = []
        self._room = MAX_KEPT

    def add(self, rows: pl.DataFrame) -> None:
        """Take note of rows that differ."""
        if self._kept and rows.is_empty():
            return
        self.by_venue.update(dict(rows.group_by("venue").len().iter_rows()))
        ordered = rows.sort(*INSTRUMENT_KEY, "funding_time", maintain_order=True)
        kept = ordered.head(self._room)
        self._room -= kept.height
        self._kept.append(kept)

    def __bool__(self) -> bool:
        return bool(self.by_venue)

    def rows(self) -> pl.DataFrame:
        """Return those that are kept."""
        return pl.concat(self._kept, how="diagonal")


def conflict_error(conflicts: pl.DataFrame, count: int) -> ImportConflictError:
    """Make the error for two rates of one settlement, with the lines to look at."""
    shown = [
        f"{row['file']} line {row['line']}: {row['venue']} {row['venue_symbol']} at "
        f"{row['funding_time']:%Y-%m-%d %H:%M:%S} is {row['funding_rate']:g}, "
        f"in {row['other']} {row['stored_rate']:g}"
        for row in conflicts.head(SHOWN).rows(named=True)
    ]
    return ImportConflictError(
        f"{count} settlements have another rate already:\n  " + "\n  ".join(shown),
        hint="look for another unit or sign; --keep-stored leaves out what differs from the lake",
    )


def counted(incoming: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    """Count the rows per file and instrument, and how many of them are new."""
    by_file = ["file", *INSTRUMENT_KEY]
    time = pl.col("funding_time")
    return (
        incoming.group_by(by_file)
        .agg(pl.len().alias("rows"), time.min().alias("first"), time.max().alias("last"))
        .join(new.group_by(by_file).agg(pl.len().alias("written")), on=by_file, how="left")
        .with_columns(pl.col("written").fill_null(0))
        .select(*by_file, "rows", "written", "first", "last")
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
