"""A file that someone else wrote, read in batches under a mapping, whichever table it is for."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from collections.abc import Mapping as Dictionary
from dataclasses import dataclass, field
from datetime import datetime
from io import BytesIO
from typing import Any, Final, Generic, TypeVar

import polars as pl

from funding_platform.flows.errors import MappingError
from funding_platform.flows.importing.fields.cells import Cells, csv_cells, parquet_cells
from funding_platform.flows.importing.fields.columns import names_or
from funding_platform.flows.importing.fields.times import UNIT_NAMES, detected_unit, refuse
from funding_platform.flows.importing.files.archives import Member, whole
from funding_platform.flows.importing.files.json_cells import json_cells, line_cells
from funding_platform.flows.importing.header import Header, Note
from funding_platform.flows.importing.layouts import is_known_header
from funding_platform.flows.importing.mapping import (
    SourceMapping,
    TimedMapping,
    command,
    form_pattern,
    known_encoding,
    listed,
)
from funding_platform.flows.importing.presets import Preset

_MAX_PACKED_PARQUET: Final = 256 << 20
"""A Parquet file within an archive is read whole; one on disk is not."""

M = TypeVar("M", bound=SourceMapping)


@dataclass(slots=True)
class ForeignFile(ABC, Generic[M]):
    """A file, read in batches.

    Parameters
    ----------
    member
        The file.
    told
        Fields of its mapping; without the columns, a preset must know them.
    now
        Nothing later can have happened.
    note
        Told of what was decided about the file.

    After the first batch ``mapping`` and ``preset`` say how it is read.
    """

    member: Member
    told: Dictionary[str, Any]
    now: datetime
    note: Note
    mapping: M | None = None
    preset: Preset | None = None
    _header: Header = field(init=False)

    def __post_init__(self) -> None:
        self._header = Header(self.note)

    @abstractmethod
    def batches(self) -> Iterator[pl.DataFrame]:
        """Rows in the file's order."""

    @abstractmethod
    def _mapping_for(self, header: list[str]) -> tuple[M, Preset | None]:
        """How a file with these columns is read."""

    def hint(self, *fields: Dictionary[str, Any]) -> str:
        """Write the command that would import the file if some fields were told."""
        return command(self.member.path, self.told, *fields)

    def _mapped(self) -> Iterator[tuple[Cells, M]]:
        """Batches of cells whose columns are all accounted for, and how they are read."""
        for cells in self._cells():
            if self.mapping is None:
                self.mapping, self.preset = self._mapping_for(cells.columns.columns)
                if self.preset is not None:
                    self.note(f"{cells.file}: read as {self.preset.title}")
            self._header.require_mapped(cells, self.mapping)
            yield cells, self.mapping

    def _cells(self) -> Iterator[Cells]:
        member, header = self.member, self._told_words("header")
        if member.form == "csv":
            encoding = self.told.get("encoding")
            try:
                encoding = encoding and known_encoding(str(encoding))
            except ValueError as error:
                raise MappingError(f"encoding: {error}") from error
            return csv_cells(member, encoding, header, is_known_header)
        if member.form == "json":
            return json_cells(member, header)
        if member.form == "lines":
            return line_cells(member, header)
        packed = member.inside is not None or member.path.name.lower().endswith(".gz")
        return parquet_cells(
            member, BytesIO(whole(member, _MAX_PACKED_PARQUET)) if packed else None
        )

    def _told_words(self, name: str) -> list[str]:
        return [*listed(self.told.get(name, ()))]

    def _unit_of(self, cells: Cells, mapping: TimedMapping) -> str:
        """Find the unit that the times are in: as told, else by their size."""
        if mapping.time_unit is not None:
            return mapping.time_unit
        unit = detected_unit(cells.columns[mapping.time], self.now)
        if unit is None:
            raise cells.fault(
                f"{cells.columns[mapping.time][0]!r} is not a time: from 2016-05 to now it is one "
                "neither in seconds nor in milli-, micro- or nanoseconds",
                mapping.time,
                0,
                hint="another column may be meant: --map time=...",
            )
        if unit in UNIT_NAMES:
            self.note(f"{cells.file}: {mapping.time} is read as {UNIT_NAMES[unit]}")
        return unit

    def _venues(self, cells: Cells, mapping: M, constant: str | None) -> pl.Series:
        """Return a venue per row."""
        if mapping.venue_column is None and constant is None:
            raise MappingError(f"{cells.file}: nothing says the venue")
        return names_or(cells, mapping.venue_column, constant)

    def _symbols(self, cells: Cells, mapping: M, constant: str | None) -> pl.Series:
        """Read a symbol per row, without what its column says around it."""
        names = names_or(cells, mapping.symbol_column, constant)
        if mapping.symbol_form is not None and mapping.symbol_column is not None:
            pattern = form_pattern(mapping.symbol_form)
            within = names.str.extract(f"^{pattern}$", 1)
            refuse(
                cells,
                mapping.symbol_column,
                within.is_null(),
                f"does not have the form {mapping.symbol_form}",
                hint="say what a symbol looks like: " + self.hint({"symbol_form": "{symbol}"}),
            )
            names = within
        return names.replace(mapping.symbols) if mapping.symbols else names
