"""Importing what someone else collected, without touching what is stored.

All files are read and checked before anything is written, and everything is written in one
transaction. A row that the lake holds stays as it is, wherever it came from, so importing twice
equals importing once. Where a file gives another figure for it, the file is refused as a whole: the
overlap is the only evidence that it speaks our units. With ``keep_stored`` such rows are left out
instead, and named.

Memory does not grow with the files: what is read is spooled by instrument, some instruments at a
time are compared, and what is new of them is spooled by month, as the lake's files are cut.
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any, Final

from funding_platform.core.errors import FundingError
from funding_platform.core.tables.collected import COLLECTION_LOG, FUNDING_RATES
from funding_platform.flows.collection.listings import earlier_listings_in
from funding_platform.flows.collection.log import Attempt, log_frame
from funding_platform.flows.errors import ImportRefusedError
from funding_platform.flows.importing.files.archives import find_files
from funding_platform.flows.importing.files.sources import Sources
from funding_platform.flows.importing.instruments import InstrumentsImport
from funding_platform.flows.importing.rates_import import RatesImport
from funding_platform.flows.importing.reports import ImportReport, joined
from funding_platform.flows.importing.series.importer import SeriesImport
from funding_platform.flows.importing.series.tables import SERIES
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings

REFUSED: Final = "import"
"""Stands for the venue in the log of a refused import: no venue has failed."""

_INSTRUMENTS = """
SELECT venue, venue_symbol, base, quote, settle, multiplier, contract_type, contract_size
FROM core.instruments
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
    """Add what files hold to the tables that it belongs to.

    Parameters
    ----------
    sources
        Files, folders (searched through) and globs.
    told
        Fields of the mapping, and ``table``, one of ``tables.NAMES``; files that a preset knows
        need none.
    exclude
        Globs of file names to leave out.
    keep_stored
        Leave out rows that differ from what is stored, instead of refusing the import.

    Raises
    ------
    ImportRefusedError
        If there is nothing to import or a file is malformed; names every such file.
    ImportConflictError
        If two files, or a file and the lake, disagree on a row.
    InvalidFrameError
        If rows break the declaration of the table.
    """
    started_at = datetime.now(UTC)
    with ExitStack() as stack:
        lake = stack.enter_context(Lake(settings))
        instruments = lake.read(_INSTRUMENTS)
        parts = [
            stack.enter_context(part)
            for part in (
                RatesImport(settings.state_dir),
                InstrumentsImport(settings.state_dir),
                *(SeriesImport(name, settings.state_dir, instruments) for name in SERIES),
            )
        ]
        try:
            spools = {part.table.name: part.told_rows for part in parts}
            files = Sources(instruments, spools, told or {}, started_at)
            files.read_all(find_files(sources, exclude), exclude)
            message = f"import of {len(files.names)} files"
            written = (
                *(part.table for part in parts if not part.told_rows.is_empty),
                COLLECTION_LOG,
            )
            with lake.commit(run_id, message, tables=written) as tx:
                compared = [
                    part.compare(lake, files.names, started_at, keep_stored=keep_stored)
                    for part in parts
                ]
                reports = [report for report in compared if report is not None]
                if not reports:
                    raise ImportRefusedError(
                        "nothing of these files is over yet", hint="import them again when it is"
                    )
                for part in parts:
                    part.write(tx)
                attempts = [
                    one for report in reports for one in report.attempts(run_id, started_at)
                ]
                tx.append(COLLECTION_LOG, log_frame(attempts))
        except FundingError as error:
            now = datetime.now(UTC)
            attempt = Attempt(
                run_id, REFUSED, FUNDING_RATES, started_at, now, error=error, source="files"
            )
            with lake.commit(run_id, "log of a refused import", tables=(COLLECTION_LOG,)) as tx:
                tx.append(COLLECTION_LOG, log_frame([attempt]))
            raise
        report = joined(reports)
        report.notes[:0] = files.notes
        settled = report.files.filter(table=FUNDING_RATES.name)
        report.notes.extend(earlier_listings_in(lake.connection, settled))
    return report
