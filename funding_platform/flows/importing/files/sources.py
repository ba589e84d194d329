"""The files of one import, read into a spool under their venues' own symbols."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from funding_platform.core.tables.collected import FUNDING_RATES, INSTRUMENTS
from funding_platform.core.tables.columns import INSTRUMENT_KEY
from funding_platform.core.tables.prices import OPEN_INTEREST, SPOT_CANDLES
from funding_platform.flows.errors import DumpError, ImportRefusedError
from funding_platform.flows.importing.files.archives import Member, members
from funding_platform.flows.importing.files.spool import Spool
from funding_platform.flows.importing.foreign import ForeignFile
from funding_platform.flows.importing.instruments import InstrumentsFile
from funding_platform.flows.importing.rates import RatesFile
from funding_platform.flows.importing.reports import SHOWN
from funding_platform.flows.importing.series.files import BarsFile, OpenInterestFile
from funding_platform.flows.importing.symbols import Resolved, Symbols, resolve_all
from funding_platform.flows.importing.tables import table_for
from funding_platform.flows.progress import begin

_AS_NAMED = (SPOT_CANDLES.name, INSTRUMENTS.name)
"""Tables whose symbols are taken as they are: the lake has no list to look them up in."""


class Sources:
    """What is read, and what is to be said of how.

    Parameters
    ----------
    instruments
        Those that the lake knows, as for ``Symbols``.
    spools
        By the name of a table, what takes its rows, with the number of their file in ``file``.
    told
        Fields of the mapping, and ``table``, which of the tables the rows are for.
    now
        Nothing later can have settled.
    """

    def __init__(
        self,
        instruments: pl.DataFrame,
        spools: Mapping[str, Spool],
        told: Mapping[str, Any],
        now: datetime,
    ) -> None:
        self.names: list[str] = []
        self._notes: dict[str, None] = {}  # each once, in order
        self._now = now
        self._told = told
        self._spools = spools
        self._symbols = Symbols(instruments)
        self._resolved: dict[tuple[str, str, bool], Resolved] = {}

    @property
    def notes(self) -> list[str]:
        """How files were taken."""
        return list(self._notes)

    def read_all(self, paths: list[Path], exclude: Sequence[str]) -> None:
        """Read every file; names all those that are at fault."""
        advance = begin("reading", len(paths))
        faults: list[ImportRefusedError] = []
        for path in paths:
            try:
                found, unread = members(path, exclude)
                for name in unread:
                    self._note(f"{path}!{name}: left unread")
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

    def _note(self, note: str) -> None:
        self._notes[note] = None

    def _read(self, member: Member) -> None:
        number = len(self.names)
        self.names.append(member.name)
        table = table_for(member, self._told)
        file = self._file(member, table)
        for batch in file.batches():
            rows = batch.with_columns(pl.lit(number, dtype=pl.UInt32).alias("file"))
            if table == FUNDING_RATES.name:
                rows = rows.with_columns(pl.lit(self._trusted(file)).alias("trusted"))
            if table not in _AS_NAMED:
                told = self._venue_was_told(file)
                rows = self._under_own_symbols(member, rows, told=told)
            self._spools[table].add(rows)

    def _file(self, member: Member, table: str) -> ForeignFile[Any]:
        """Open the file, to be read as rows of a table."""
        told = {name: value for name, value in self._told.items() if name != "table"}
        if table == FUNDING_RATES.name:
            return RatesFile(member, told, self._now, self._note)
        if table == OPEN_INTEREST.name:
            return OpenInterestFile(member, told, self._now, self._note)
        if table == INSTRUMENTS.name:
            return InstrumentsFile(member, told, self._now, self._note)
        return BarsFile(member, told, self._now, self._note, table=table)

    def _trusted(self, file: ForeignFile[Any]) -> bool:
        """Whether the rows of a file are known to be settlements."""
        return file.mapping.kind is not None or (file.preset is not None and file.preset.history)

    def _venue_was_told(self, file: ForeignFile[Any]) -> bool:
        """Whether the venue was named, rather than known from the layout."""
        return file.preset is None or "venue" not in file.preset.fields or "venue" in self._told

    def _under_own_symbols(self, member: Member, rows: pl.DataFrame, *, told: bool) -> pl.DataFrame:
        """Return rows with their venues' own symbols."""
        pairs = rows.select(INSTRUMENT_KEY).unique(maintain_order=True).rows()
        unseen = [pair for pair in pairs if (*pair, told) not in self._resolved]
        resolved, unresolved = resolve_all(self._symbols, unseen, told=told)
        for (venue, symbol), why in unresolved.items():
            first = rows.filter(venue=venue, venue_symbol=symbol)
            raise DumpError(
                member.name, f"{symbol!r} {why}", line=int(first["line"][0]), hint=why.hint
            )
        self._resolved.update({(*pair, told): one for pair, one in resolved.items()})
        known = {pair: self._resolved[*pair, told] for pair in pairs}
        for one in known.values():
            if one.note is not None:
                self._note(f"{member.name}: {one.note}")
        if all(pair == one[:2] for pair, one in known.items()):
            return rows
        names = pl.DataFrame(
            [(*pair, one.venue, one.symbol) for pair, one in known.items()],
            schema=dict.fromkeys([*INSTRUMENT_KEY, "own_venue", "own_symbol"], pl.String),
            orient="row",
        )
        return (
            rows.join(names, on=INSTRUMENT_KEY, how="left", maintain_order="left")
            .with_columns(
                pl.col("own_venue").alias("venue"), pl.col("own_symbol").alias("venue_symbol")
            )
            .drop("own_venue", "own_symbol")
        )
