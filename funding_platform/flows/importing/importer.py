"""Importing settled rates that someone else collected, without touching what is stored.

All files are read and checked before anything is written, and everything is written in one
transaction. A settlement that the lake holds stays as it is, wherever it came from, so importing
twice equals importing once. Where a file gives another rate for it, the file is refused as a whole:
the overlap is the only evidence that it speaks our units. With ``keep_stored`` such rows are left
out instead, and named.

Memory does not grow with the files: what is read is spooled by instrument, some instruments at a
time are compared, and what is new of them is spooled by month, as the lake's files are cut.
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any, Final

import polars as pl

from funding_platform.core.errors import FundingError
from funding_platform.core.tables.collected import COLLECTION_LOG, FUNDING_RATES
from funding_platform.core.tables.columns import INSTRUMENT_KEY
from funding_platform.flows.collection.listings import earlier_listings_in
from funding_platform.flows.collection.log import Attempt, log_frame
from funding_platform.flows.errors import ImportRefusedError
from funding_platform.flows.importing.comparison import (
    DIFFERS,
    as_declared,
    beside,
    each_once,
    known_of,
    repeated,
    settled,
)
from funding_platform.flows.importing.files.archives import find_files
from funding_platform.flows.importing.files.sources import Sources
from funding_platform.flows.importing.files.spool import Spool
from funding_platform.flows.importing.reports import (
    Conflicts,
    ImportReport,
    conflict_error,
    counted,
    named,
    repeat_notes,
)
from funding_platform.flows.progress import begin
from funding_platform.lake.writer import Lake, Transaction
from funding_platform.settings import Settings

REFUSED: Final = "import"
"""Stands for the venue in the log of a refused import: no venue has failed."""

_MONTH: Final = "month"

_INSTRUMENTS = """
SELECT venue, venue_symbol, base, quote, settle, multiplier, contract_type FROM core.instruments
"""


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
    with ExitStack() as stack:
        lake = stack.enter_context(Lake(settings))
        told_rows = stack.enter_context(Spool(settings.state_dir, INSTRUMENT_KEY))
        new_rows = stack.enter_context(Spool(settings.state_dir, ["venue", _MONTH]))
        try:
            files = Sources(lake.read(_INSTRUMENTS), told_rows, told or {}, started_at)
            files.read_all(find_files(sources, exclude), exclude)
            with lake.commit(run_id, f"import of {len(files.names)} files") as tx:
                report = _compare(
                    lake, told_rows, new_rows, files, started_at, keep_stored=keep_stored
                )
                _write(tx, new_rows)
                tx.append(COLLECTION_LOG, log_frame(report.attempts(run_id, started_at)))
        except FundingError as error:
            now = datetime.now(UTC)
            attempt = Attempt(run_id, REFUSED, FUNDING_RATES, started_at, now, error=error)
            with lake.commit(run_id, "log of a refused import") as tx:
                tx.append(COLLECTION_LOG, log_frame([attempt]))
            raise
        report.notes.extend(earlier_listings_in(lake.connection, report.files))
    return report


def _compare(
    lake: Lake,
    told_rows: Spool,
    new_rows: Spool,
    files: Sources,
    now: datetime,
    *,
    keep_stored: bool,
) -> ImportReport:
    """Spool what is new, after comparing all with what is stored, some instruments at a time.

    Nothing more is spooled once there is a conflict; the rest is only looked at for others.
    """
    counts: list[pl.DataFrame] = []
    repeats: list[pl.DataFrame] = []
    conflicts = Conflicts()
    groups = told_rows.groups()
    advance = begin("comparing", len(groups))
    for rows in groups:
        group = rows.read()
        known = known_of(lake, group)
        incoming = settled(group, files.names, known)
        distinct, differing = each_once(incoming)
        if differing.height and keep_stored:
            raise conflict_error(named(differing, files.names), differing.height)
        compared = beside(distinct, known.stored)
        conflicts.add(pl.concat([differing, compared.filter(DIFFERS)], how="diagonal"))
        new = compared.filter(pl.col("stored_rate").is_null()).drop("stored_rate", "other")
        if keep_stored or not conflicts:
            declared = as_declared(new, known.stored, now)
            month = pl.col("funding_time").dt.truncate("1mo").alias(_MONTH)
            new_rows.add(declared.with_columns(month))
        counts.append(counted(incoming, new))
        repeats.append(repeated(incoming))
        advance()
    if not counts:
        raise ImportRefusedError(
            "no settlement of these files is over yet", hint="import them again when one is"
        )
    disagreed = named(conflicts.rows(), files.names)
    if conflicts and not keep_stored:
        raise conflict_error(disagreed, conflicts.by_venue.total())
    by_file = named(pl.concat(counts), files.names).sort("file", *INSTRUMENT_KEY)
    notes = files.notes + repeat_notes(repeats, files.names)
    return ImportReport(by_file, disagreed, notes, conflicts.by_venue)


def _write(transaction: Transaction, new_rows: Spool) -> None:
    """Write what is new, some months at a time: each part becomes files of its own."""
    parts = new_rows.parts()
    advance = begin("storing", len(parts))
    for rows in parts:
        transaction.append(FUNDING_RATES, rows.read().drop(_MONTH))
        advance()
