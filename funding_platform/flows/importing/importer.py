"""Importing settled rates that someone else collected, without touching what is stored.

All files are read and checked before anything is written, and everything is written in one
transaction. A settlement that the lake holds stays as it is, wherever it came from, so importing
twice equals importing once. Where a file gives another rate for it, the file is refused as a whole:
the overlap is the only evidence that it speaks our units. With ``keep_stored`` such rows are left
out instead, and named.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import polars as pl

from funding_platform.core.errors import FundingError
from funding_platform.core.intervals import BY_SYMBOL, CONTEXT, infer_intervals
from funding_platform.core.schema import UTC_TIME
from funding_platform.core.tables import COLLECTION_LOG, FUNDING_RATES
from funding_platform.flows.collection_log import Attempt, log_frame
from funding_platform.flows.errors import DumpError, ImportConflictError, ImportRefusedError
from funding_platform.flows.importing.archives import Member, find_files, members
from funding_platform.flows.importing.rates import RatesFile
from funding_platform.flows.importing.settlements import (
    SAME_SETTLEMENT,
    Known,
    require_settlements,
    with_slots,
)
from funding_platform.flows.importing.spool import Spool
from funding_platform.flows.importing.symbols import Symbols, resolve_all
from funding_platform.flows.importing.times import with_folds_resolved
from funding_platform.flows.progress import begin
from funding_platform.lake.writer import Lake, Transaction
from funding_platform.settings import Settings

SAME_RATE: Final = 1.01e-8
"""Venues' exports print eight decimals, their APIs more; the hundredth is for the float."""

SHOWN: Final = 10
"""Faults and conflicts that a message names."""

MAX_LISTED: Final = 100
"""Files that a summary lists one by one."""

REFUSED: Final = "import"
"""Stands for the venue in the log of a refused import: no venue has failed."""

_KEY = [*BY_SYMBOL, "funding_time"]

_STORED = """
SELECT venue, venue_symbol, funding_time, funding_rate, interval_hours, interval_inferred
FROM core.funding_rates
WHERE list_contains(?, venue) AND list_contains(?, venue_symbol)
  AND funding_time >= ? AND funding_time <= ?
ORDER BY funding_time
"""

_FINEST = """
SELECT venue, venue_symbol, min(interval_hours) AS finest_hours
FROM (
    SELECT venue, venue_symbol, interval_hours FROM core.instruments
    UNION ALL
    SELECT venue, venue_symbol, interval_hours FROM core.funding_rates WHERE NOT interval_inferred
)
WHERE list_contains(?, venue) AND list_contains(?, venue_symbol) AND interval_hours IS NOT NULL
GROUP BY venue, venue_symbol
"""

_INSTRUMENTS = """
SELECT venue, venue_symbol, base, quote, settle, multiplier, contract_type FROM core.instruments
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
    notes
        How files were taken: presets, units, symbols, columns and rows left out.
    """

    files: pl.DataFrame
    conflicts: pl.DataFrame
    notes: list[str] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """Settlements written."""
        return int(self.files["written"].sum())

    def summary(self) -> pl.DataFrame:
        """The files, or where there are too many to list, the instruments."""
        if self.files.height <= MAX_LISTED:
            return self.files
        return (
            self.files.group_by(BY_SYMBOL)
            .agg(
                pl.col("file").n_unique().alias("files"),
                pl.col("rows", "written").sum(),
                pl.col("first").min(),
                pl.col("last").max(),
            )
            .sort(BY_SYMBOL)
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
    with Lake(settings) as lake, Spool(settings.state_dir) as spool:
        try:
            files = _Files(lake, spool, told or {}, started_at)
            files.read_all(find_files(sources, exclude), exclude)
            with lake.commit(run_id, f"import of {len(files.names)} files") as tx:
                report = _store_all(tx, lake, spool, files, keep_stored=keep_stored)
                tx.append(COLLECTION_LOG, log_frame(_attempts(report, run_id, started_at)))
        except FundingError as error:
            now = datetime.now(UTC)
            attempt = Attempt(run_id, REFUSED, FUNDING_RATES, started_at, now, error=error)
            with lake.commit(run_id, "log of a refused import") as tx:
                tx.append(COLLECTION_LOG, log_frame([attempt]))
            raise
    return report


class _Files:
    """The files of one import, read into a spool."""

    def __init__(self, lake: Lake, spool: Spool, told: Mapping[str, Any], now: datetime) -> None:
        self.names: list[str] = []
        self.notes: list[str] = []
        self.now = now
        self._told = told
        self._spool = spool
        self._symbols = Symbols(lake.read(_INSTRUMENTS))

    def read_all(self, paths: list[Path], exclude: Sequence[str]) -> None:
        """Read every file; names all those that are at fault."""
        advance = begin("reading", len(paths))
        faults: list[ImportRefusedError] = []
        for path in paths:
            try:
                found, unread = members(path, exclude)
                self.notes += [f"{path}!{name}: left unread" for name in unread]
            except ImportRefusedError as error:
                faults.append(error)
                found = []
            for member in found:
                try:
                    self._read(member)
                except ImportRefusedError as error:
                    faults.append(error)
            advance()
        if len(faults) == 1:
            raise faults[0]
        if faults:
            raise ImportRefusedError(
                f"{len(faults)} of {len(paths)} files are at fault, nothing was written:\n  "
                + "\n  ".join(str(fault) for fault in faults[:SHOWN])
            )

    def _read(self, member: Member) -> None:
        number = len(self.names)
        self.names.append(member.name)
        file = RatesFile(member, self._told, self.now, self.notes.append)
        for batch in file.batches():
            mapping = file.mapping
            assert mapping is not None
            trusted = mapping.kind is not None or (file.preset is not None and file.preset.history)
            told = file.preset is None or "venue" not in file.preset.fields or "venue" in self._told
            rows = batch.with_columns(
                pl.lit(number, dtype=pl.UInt32).alias("file"), pl.lit(trusted).alias("trusted")
            )
            self._spool.add(self._resolved(member, rows, told=told))

    def _resolved(self, member: Member, rows: pl.DataFrame, *, told: bool) -> pl.DataFrame:
        """Rows with their venues' own symbols."""
        pairs = rows.select(BY_SYMBOL).unique(maintain_order=True).rows()
        resolved, unresolved = resolve_all(self._symbols, pairs, told=told)
        for (venue, symbol), why in unresolved.items():
            first = rows.filter(venue=venue, venue_symbol=symbol)
            raise DumpError(
                member.name, f"{symbol!r} {why}", line=int(first["line"][0]), hint=why.hint
            )
        self.notes += [
            note
            for one in resolved.values()
            if one.note is not None and (note := f"{member.name}: {one.note}") not in self.notes
        ]
        if all(pair == one[:2] for pair, one in resolved.items()):
            return rows
        names = pl.DataFrame(
            [(*pair, one.venue, one.symbol) for pair, one in resolved.items()],
            schema=dict.fromkeys([*BY_SYMBOL, "own_venue", "own_symbol"], pl.String),
            orient="row",
        )
        return (
            rows.join(names, on=BY_SYMBOL, how="left", maintain_order="left")
            .with_columns(
                pl.col("own_venue").alias("venue"), pl.col("own_symbol").alias("venue_symbol")
            )
            .drop("own_venue", "own_symbol")
        )


def _store_all(
    transaction: Transaction, lake: Lake, spool: Spool, files: _Files, *, keep_stored: bool
) -> ImportReport:
    """Write what is new, after comparing the rest with what is stored, some instruments at a time.

    Nothing more is written once there is a conflict; the rest is only looked at for others.
    """
    counts: list[pl.DataFrame] = []
    conflicts: list[pl.DataFrame] = []
    advance = begin("storing", spool.n_groups)
    for group in spool.groups():
        known = _known(lake, group)
        incoming = _settled(group, files, known)
        distinct, differing = _each_once(incoming)
        compared = _beside(distinct, known.stored)
        differs = (pl.col("funding_rate") - pl.col("stored_rate")).abs() > SAME_RATE
        against_lake = compared.filter(differs)
        conflicts += [differing, against_lake] if not keep_stored else [against_lake]
        if differing.height and keep_stored:
            raise _conflict(_named(differing, files))
        new = compared.filter(pl.col("stored_rate").is_null()).drop("stored_rate", "other")
        if keep_stored or not any(one.height for one in conflicts):
            transaction.append(FUNDING_RATES, _as_declared(new, known.stored, files.now))
        counts.append(_counted(incoming, new))
        files.notes += _repeated(incoming, files)
        advance()
    disagreed = _named(pl.concat(conflicts, how="diagonal"), files).sort(_KEY)
    if disagreed.height and not keep_stored:
        raise _conflict(disagreed)
    counted = _named(pl.concat(counts), files).select(counts[0].columns).sort("file", *BY_SYMBOL)
    return ImportReport(counted, disagreed, files.notes)


def _settled(group: pl.DataFrame, files: _Files, known: Known) -> pl.DataFrame:
    """Rows of a few instruments, sorted, each with the settlement that it is of.

    Raises
    ------
    DumpError
        If a local time may be two, and nothing tells which.
    SamplesError
        If they are samples.
    """
    rows, undecided = with_folds_resolved(group)
    if undecided.len():
        row = rows.row(int(undecided[0]), named=True)
        raise DumpError(
            files.names[row["file"]],
            f"{row['venue']} {row['venue_symbol']}: the local time comes twice, as the clocks "
            "were put back, and the rows around it do not tell which one it is",
            line=row["line"],
            hint="say which: --map fold=first or --map fold=second",
        )
    slotted = with_slots(rows)
    require_settlements(slotted, files.names, known)
    to_second = pl.col("venue_time").dt.round("1s").cast(UTC_TIME).alias("funding_time")
    return slotted.with_columns(to_second)


def _each_once(incoming: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Each settlement once, though it may be told several times; and rows that disagree."""
    key = [*BY_SYMBOL, "slot"]
    again = incoming.with_columns(
        (pl.int_range(pl.len()).over(key) > 0).alias("again"),
        pl.col("funding_rate").first().over(key).alias("stored_rate"),
        pl.col("file").first().over(key).alias("other_file"),
        pl.col("line").first().over(key).alias("other_line"),
    )
    differs = (pl.col("funding_rate") - pl.col("stored_rate")).abs() > SAME_RATE
    added = ["again", "stored_rate", "other_file", "other_line"]
    return again.filter(~pl.col("again")).drop(added), again.filter("again", differs).drop("again")


def _beside(distinct: pl.DataFrame, stored: pl.DataFrame) -> pl.DataFrame:
    """Settlements beside what the lake holds of them: ``stored_rate``, null where it has none."""
    return distinct.sort("funding_time").join_asof(
        stored.select(
            *_KEY,
            pl.col("funding_rate").alias("stored_rate"),
            pl.lit("the lake").alias("other"),
        ),
        on="funding_time",
        by=BY_SYMBOL,
        strategy="nearest",
        tolerance=SAME_SETTLEMENT,
        check_sortedness=False,  # both sides are sorted above
    )


def _known(lake: Lake, incoming: pl.DataFrame) -> Known:
    """What the lake holds of the same instruments, neighbours included."""
    names: list[object] = [incoming[name].unique().to_list() for name in BY_SYMBOL]
    first, last = incoming["venue_time"].min(), incoming["venue_time"].max()
    assert isinstance(first, datetime)
    assert isinstance(last, datetime)
    stored = lake.read(_STORED, [*names, first - CONTEXT, last + CONTEXT])
    finest = lake.read(_FINEST, names)
    return Known(
        finest.cast({"venue": pl.String, "venue_symbol": pl.String, "finest_hours": pl.Float64}),
        stored.cast({"funding_time": UTC_TIME}),
    )


def _as_declared(new: pl.DataFrame, stored: pl.DataFrame, now: datetime) -> pl.DataFrame:
    """Rows of ``core.funding_rates``, blank intervals inferred with the stored neighbours."""
    marked = [
        new.with_columns(pl.lit(value=True).alias("new")),
        stored.drop("interval_inferred").with_columns(pl.lit(value=False).alias("new")),
    ]
    inferred = infer_intervals(pl.concat(marked, how="diagonal")).filter("new")
    observed = pl.lit(now, dtype=UTC_TIME).alias("observed_at")
    return FUNDING_RATES.conform(inferred.with_columns(observed))


def _counted(incoming: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    """Rows per file and instrument, and how many of them were written."""
    by_file = ["file", *BY_SYMBOL]
    time = pl.col("funding_time")
    return (
        incoming.group_by(by_file)
        .agg(pl.len().alias("rows"), time.min().alias("first"), time.max().alias("last"))
        .join(new.group_by(by_file).agg(pl.len().alias("written")), on=by_file, how="left")
        .with_columns(pl.col("written").fill_null(0))
        .select(*by_file, "rows", "written", "first", "last")
    )


def _repeated(incoming: pl.DataFrame, files: _Files) -> list[str]:
    """What to say of rows that tell a settlement which their own file has told before."""
    again = incoming.filter(pl.int_range(pl.len()).over(*BY_SYMBOL, "slot", "file") > 0)
    return [
        f"{files.names[file]}: {rows} rows tell a settlement again, the first in line {line}"
        for file, rows, line in again.group_by("file", maintain_order=True)
        .agg(pl.len(), pl.col("line").first())
        .iter_rows()
    ]


def _named(rows: pl.DataFrame, files: _Files) -> pl.DataFrame:
    """Rows with the names of their files in place of the numbers."""
    names = pl.Series(files.names, dtype=pl.String)
    rows = rows.with_columns(names.gather(rows["file"]).alias("file"))
    if "other_file" not in rows.columns:
        return rows
    there = rows["other_file"].is_not_null()
    other = pl.format("{} line {}", pl.lit(names).gather(pl.col("other_file")), "other_line")
    before = pl.col("other") if "other" in rows.columns else pl.lit(None, dtype=pl.String)
    return rows.with_columns(pl.when(there).then(other).otherwise(before).alias("other"))


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
