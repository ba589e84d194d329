"""Writing what was read of a stretch of history: whole symbols replaced, others added to."""

from collections.abc import Mapping
from datetime import datetime

import polars as pl

from funding_platform.core.tables.collected import COLLECTION_LOG, RAW_PAYLOADS
from funding_platform.core.time_grid import Window
from funding_platform.flows.collection.history.gap_filling import Completed
from funding_platform.flows.collection.history.hour_gaps import CompletedHours
from funding_platform.flows.collection.history.report import HistoryReport
from funding_platform.flows.collection.log import note_so_far
from funding_platform.flows.collection.recording import Recording
from funding_platform.lake.writer import Lake, Scope


def store(
    report: HistoryReport,
    lake: Lake,
    read: Completed | CompletedHours,
    window: Window,
    equal: Mapping[str, str],
    recording: Recording,
    *,
    called: str,
    until: datetime,
) -> list[str]:
    """Replace the symbols that were read whole; add to those the venue no longer keeps whole.

    What a venue has dropped since we stored it must not be dropped here: a symbol that answers
    with nothing replaces nothing.

    Parameters
    ----------
    equal
        What all rows have in common: the venue, and the kind of prices where there are some.
    called
        What the rows are, in the message of the commit.
    until
        Up to when the report is proven with this stretch.

    Returns
    -------
    list of str
        The symbols of which something was read.
    """
    history, table = read.history, report.table
    answered: list[str] = history.frame["venue_symbol"].unique().to_list()
    proven = [symbol for symbol in answered if history.coverage[symbol].proven]
    read_whole = pl.col("venue_symbol").is_in(proven)
    scope = Scope({**equal, "venue_symbol": tuple(proven)}, table.key[-1], window)
    message = f"{report.venue} {called} {window}"
    written = (table, COLLECTION_LOG, RAW_PAYLOADS)
    with lake.commit(recording.attempt.run_id, message, tables=written) as transaction:
        if proven:
            transaction.replace(table, history.frame.filter(read_whole), scope)
        if len(proven) < len(answered):
            transaction.upsert(table, history.frame.filter(~read_whole))
        recording.store(lake, transaction)
        if recording.logged:
            rows, sound = report.rows + history.frame.height, report.sound_with(read)
            note_so_far(transaction, recording.attempt, rows, until, whole=sound)
    return answered
