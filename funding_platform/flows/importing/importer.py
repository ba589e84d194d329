"""Importing settled rates that someone else collected, without touching what is stored.

All files are read and checked before anything is written, and everything is written in one
transaction. A settlement that the lake holds stays as it is, wherever it came from, so importing
twice equals importing once. Where a file gives another rate for it, the file is refused as a whole:
the overlap is the only evidence that it speaks our units. With ``keep_stored`` such rows are left
out instead, and named.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Final

import polars as pl

from funding_platform.core.errors import FundingError
from funding_platform.core.intervals import CONTEXT, infer_intervals
from funding_platform.core.schema import UTC_TIME
from funding_platform.core.tables import COLLECTION_LOG, FUNDING_RATES
from funding_platform.flows.collection_log import Attempt, log_frame
from funding_platform.flows.errors import ImportConflictError, ImportRefusedError
from funding_platform.flows.importing.mapping import SUFFIXES
from funding_platform.flows.importing.rates import read_dump
from funding_platform.flows.progress import begin
from funding_platform.lake.writer import Lake, Transaction
from funding_platform.settings import Settings

SAME_SETTLEMENT: Final = timedelta(minutes=1)
"""Two stamps of an instrument this close are one settlement: sources round and cut them."""

SAME_RATE: Final = 1.01e-8
"""Venues' exports print eight decimals, their APIs more; the hundredth is for the float."""

SHOWN: Final = 10
"""Faults and conflicts that a message names."""

MAX_LISTED: Final = 100
"""Files that a summary lists one by one."""

REFUSED: Final = "import"
"""Stands for the venue in the log of a refused import: no venue has failed."""

_BY_SYMBOL = ["venue", "venue_symbol"]
_KEY = [*_BY_SYMBOL, "funding_time"]

_STORED = """
SELECT venue, venue_symbol, funding_time, funding_rate, interval_hours
FROM core.funding_rates
WHERE list_contains(?, venue) AND list_contains(?, venue_symbol)
  AND funding_time >= ? AND funding_time <= ?
ORDER BY funding_time
"""


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
        ``line``.
    """

    files: pl.DataFrame
    conflicts: pl.DataFrame

    @property
    def rows(self) -> int:
        """Settlements written."""
        return int(self.files["written"].sum())

    def summary(self) -> pl.DataFrame:
        """The files, or where there are too many to list, the instruments."""
        if self.files.height <= MAX_LISTED:
            return self.files
        return (
            self.files.group_by(_BY_SYMBOL)
            .agg(
                pl.col("file").n_unique().alias("files"),
                pl.col("rows", "written").sum(),
                pl.col("first").min(),
                pl.col("last").max(),
            )
            .sort(_BY_SYMBOL)
        )


def import_files(
    sources: Sequence[str],
    settings: Settings,
    run_id: str,
    *,
    told: Mapping[str, Any] | None = None,
    exclude: Sequence[str] = (),
    keep_stored: bool = False,
) -> ImportReport:
    """Add the settled rates of files to ``core.funding_rates``.

    Parameters
    ----------
    sources
        Files, folders (searched through) and globs.
    told
        Fields of ``mapping.Mapping``; files that a preset knows need none.
    exclude
        Globs of file names to leave out.
    keep_stored
        Leave out rows whose rate differs from the stored one, instead of refusing the import.

    Raises
    ------
    ImportRefusedError
        If there is nothing to import or a file is malformed; names every such file.
    ImportConflictError
        If two files, or a file and the lake, disagree on a settlement.
    InvalidFrameError
        If rows break the declaration of the table.
    """
    started_at = datetime.now(UTC)
    with Lake(settings) as lake:
        try:
            incoming = _read_all(find_files(sources, exclude), told or {}, started_at)
            with lake.commit(run_id, f"import of {incoming['file'].n_unique()} files") as tx:
                report = _store(tx, lake, incoming, started_at, keep_stored=keep_stored)
                tx.append(COLLECTION_LOG, log_frame(_attempts(report, run_id, started_at)))
        except FundingError as error:
            now = datetime.now(UTC)
            attempt = Attempt(run_id, REFUSED, FUNDING_RATES, started_at, now, error=error)
            with lake.commit(run_id, "log of a refused import") as tx:
                tx.append(COLLECTION_LOG, log_frame([attempt]))
            raise
    return report


def find_files(sources: Sequence[str], exclude: Sequence[str] = ()) -> list[Path]:
    """The files that are meant, each once, in order of path.

    Raises
    ------
    ImportRefusedError
        If a source is not there or of another format, or nothing is left.
    """
    found: set[Path] = set()
    for source in sources:
        path = Path(source)
        if path.is_dir():
            found.update(file for file in path.rglob("*") if _readable(file))
        elif path.is_file():
            if not _readable(path):
                raise ImportRefusedError(
                    f"{path} is none of {', '.join(SUFFIXES)}", hint="convert it to CSV or Parquet"
                )
            found.add(path)
        else:
            root = Path(path.absolute().anchor)
            matches = set(root.glob(str(path.absolute().relative_to(root))))
            if not matches:
                raise ImportRefusedError(f"there is no file {source}")
            found.update(file for file in matches if _readable(file))
    kept = [file for file in sorted(found) if not any(fnmatch(file.name, one) for one in exclude)]
    if not kept:
        raise ImportRefusedError(
            f"{', '.join(sources)}: there is nothing to import",
            hint=f"files end in {', '.join(SUFFIXES)}",
        )
    return kept


def _readable(path: Path) -> bool:
    return path.is_file() and path.name.lower().endswith(SUFFIXES)


def _read_all(files: list[Path], told: Mapping[str, Any], now: datetime) -> pl.DataFrame:
    """Every row of every file; names all the files that are at fault."""
    advance = begin("reading", len(files))
    frames: list[pl.DataFrame] = []
    faults: list[ImportRefusedError] = []
    for file in files:
        try:
            frames.append(read_dump(file, told, now))
        except ImportRefusedError as error:
            faults.append(error)
        advance()
    if len(faults) == 1:
        raise faults[0]
    if faults:
        raise ImportRefusedError(
            f"{len(faults)} of {len(files)} files are at fault, nothing was written:\n  "
            + "\n  ".join(str(fault) for fault in faults[:SHOWN])
        )
    to_second = pl.col("venue_time").dt.round("1s").cast(UTC_TIME).alias("funding_time")
    return pl.concat(frames).with_columns(to_second)


def _store(
    transaction: Transaction,
    lake: Lake,
    incoming: pl.DataFrame,
    now: datetime,
    *,
    keep_stored: bool,
) -> ImportReport:
    """Write what is new, after comparing the rest with what is stored."""
    distinct = _each_once(incoming)
    stored = _stored_around(lake, distinct)
    compared = distinct.sort("funding_time").join_asof(
        stored.select(
            *_KEY,
            pl.col("funding_rate").alias("stored_rate"),
            pl.lit("the lake").alias("other"),
        ),
        on="funding_time",
        by=_BY_SYMBOL,
        strategy="nearest",
        tolerance=SAME_SETTLEMENT,
        check_sortedness=False,  # both sides are sorted above
    )
    differs = (pl.col("funding_rate") - pl.col("stored_rate")).abs() > SAME_RATE
    conflicts = compared.filter(differs).sort(_KEY)
    if conflicts.height and not keep_stored:
        raise _conflict(conflicts)
    new = compared.filter(pl.col("stored_rate").is_null()).drop("stored_rate", "other")
    transaction.append(FUNDING_RATES, _as_declared(new, stored, now))
    return ImportReport(_counted(incoming, new), conflicts)


def _each_once(incoming: pl.DataFrame) -> pl.DataFrame:
    """Each settlement once, though several files may hold it.

    Raises
    ------
    ImportConflictError
        If they disagree on its rate.
    """
    again = pl.col("funding_time").diff().over(_BY_SYMBOL) <= SAME_SETTLEMENT
    before = pl.col("funding_rate").shift().over(_BY_SYMBOL)
    ordered = incoming.sort(*_KEY, "file", "line").with_columns(
        again.fill_null(value=False).alias("again"),
        before.alias("stored_rate"),
        pl.format("{} line {}", "file", "line").shift().over(_BY_SYMBOL).alias("other"),
    )
    differs = (pl.col("funding_rate") - pl.col("stored_rate")).abs() > SAME_RATE
    conflicts = ordered.filter("again", differs)
    if conflicts.height:
        raise _conflict(conflicts)
    return ordered.filter(~pl.col("again")).drop("again", "stored_rate", "other")


def _stored_around(lake: Lake, incoming: pl.DataFrame) -> pl.DataFrame:
    """What the lake holds of the same instruments, neighbours included."""
    names = [incoming[name].unique().to_list() for name in _BY_SYMBOL]
    first, last = incoming["funding_time"].min(), incoming["funding_time"].max()
    assert isinstance(first, datetime)
    assert isinstance(last, datetime)
    stored = lake.read(_STORED, [*names, first - CONTEXT, last + CONTEXT])
    return stored.cast({"funding_time": UTC_TIME})


def _as_declared(new: pl.DataFrame, stored: pl.DataFrame, now: datetime) -> pl.DataFrame:
    """Rows of ``core.funding_rates``, blank intervals inferred with the stored neighbours."""
    marked = [
        new.with_columns(pl.lit(value=True).alias("new")),
        stored.with_columns(pl.lit(value=False).alias("new")),
    ]
    inferred = infer_intervals(pl.concat(marked, how="diagonal")).filter("new")
    observed = pl.lit(now, dtype=UTC_TIME).alias("observed_at")
    return FUNDING_RATES.conform(inferred.with_columns(observed))


def _counted(incoming: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    """Rows per file and instrument, and how many of them were written."""
    by_file = ["file", *_BY_SYMBOL]
    time = pl.col("funding_time")
    return (
        incoming.group_by(by_file)
        .agg(pl.len().alias("rows"), time.min().alias("first"), time.max().alias("last"))
        .join(new.group_by(by_file).agg(pl.len().alias("written")), on=by_file, how="left")
        .with_columns(pl.col("written").fill_null(0))
        .select(*by_file, "rows", "written", "first", "last")
        .sort(by_file)
    )


def _attempts(report: ImportReport, run_id: str, started_at: datetime) -> list[Attempt]:
    """One row of the log per venue."""
    attempts = []
    for (venue,), files in report.files.group_by("venue", maintain_order=True):
        attempt = Attempt(run_id, str(venue), FUNDING_RATES, started_at, datetime.now(UTC))
        attempt.rows = int(files["written"].sum())
        attempt.symbols = files["venue_symbol"].n_unique()
        conflicts = report.conflicts.filter(venue=str(venue))
        if conflicts.height:
            attempt.warnings = [_conflict(conflicts)]
        attempts.append(attempt)
    return attempts


def _conflict(conflicts: pl.DataFrame) -> ImportConflictError:
    """Two rates for one settlement, with the lines to look at."""
    shown = [
        f"{row['file']} line {row['line']}: {row['venue']} {row['venue_symbol']} at "
        f"{row['funding_time']:%Y-%m-%d %H:%M:%S} is {row['funding_rate']:g}, "
        f"in {row['other']} {row['stored_rate']:g}"
        for row in conflicts.head(SHOWN).rows(named=True)
    ]
    return ImportConflictError(
        f"{conflicts.height} settlements have another rate already:\n  " + "\n  ".join(shown),
        hint="look for another unit or sign; --keep-stored leaves out what differs from the lake",
    )
