"""Importing settled rates: compared with what the lake holds, some instruments at a time."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import polars as pl

from funding_platform.core.tables.collected import FUNDING_RATES
from funding_platform.core.tables.columns import INSTRUMENT_KEY
from funding_platform.core.tables.schema import Table
from funding_platform.flows.importing.comparison import (
    DIFFERS,
    as_declared,
    beside,
    each_once,
    known_of,
    repeated,
    settled,
)
from funding_platform.flows.importing.files.spool import Spool
from funding_platform.flows.importing.part import Part
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

_MONTH: Final = "month"


class RatesImport(Part):
    """Settled rates, from the files to the lake.

    Parameters
    ----------
    folder
        For what does not fit into the memory.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(Spool(folder, INSTRUMENT_KEY), Spool(folder, ["venue", _MONTH]))

    @property
    def table(self) -> Table:
        """``core.funding_rates``."""
        return FUNDING_RATES

    def compare(
        self, lake: Lake, files: Sequence[str], now: datetime, *, keep_stored: bool
    ) -> ImportReport | None:
        """Spool what is new, after comparing all with what is stored.

        Nothing more is spooled once there is a conflict; the rest is only looked at for others.
        """
        counts: list[pl.DataFrame] = []
        repeats: list[pl.DataFrame] = []
        conflicts = Conflicts()
        groups = self.told_rows.groups()
        if not groups:
            return None
        advance = begin("comparing", len(groups))
        for group in groups:
            known = known_of(lake, group)
            incoming = settled(group, files, known)
            distinct, differing = each_once(incoming)
            if differing.height and keep_stored:
                raise conflict_error(named(differing, files), differing.height)
            compared = beside(distinct, known.stored)
            conflicts.add(pl.concat([differing, compared.filter(DIFFERS)], how="diagonal"))
            new = compared.filter(pl.col("stored_rate").is_null()).drop("stored_rate", "other")
            if keep_stored or not conflicts:
                declared = as_declared(new, known.stored, now)
                month = pl.col("funding_time").dt.truncate("1mo").alias(_MONTH)
                self.new_rows.add(declared.with_columns(month))
            counts.append(counted(incoming, new))
            repeats.append(repeated(incoming))
            advance()
        disagreed = named(conflicts.rows(), files)
        if conflicts and not keep_stored:
            raise conflict_error(disagreed, conflicts.by_venue.total())
        by_file = named(pl.concat(counts), files).sort("file", *INSTRUMENT_KEY)
        return ImportReport(by_file, disagreed, repeat_notes(repeats, files), conflicts.by_venue)

    def write(self, transaction: Transaction) -> None:
        """Write what is new, some months at a time: each part becomes files of its own."""
        self.append_parts(transaction, "storing", drop=_MONTH)
