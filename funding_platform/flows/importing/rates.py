"""From the cells of a foreign file to settled rates: units, times and bounds, fault by fault.

Pure but for reading the file, and a batch at a time, so that a file may be larger than the memory.
What cannot be a settlement is refused with its file, line and column: a stamp before the first
perpetual or after now, a rate beyond the bound of the table. What only the rows of an instrument
together can tell is for ``settlements``.
"""

import re
from collections.abc import Iterator
from collections.abc import Mapping as Dictionary
from dataclasses import dataclass, field
from datetime import datetime
from io import BytesIO
from typing import Any, Final

import polars as pl

from funding_platform.flows.errors import MappingError
from funding_platform.flows.importing.fields.cells import (
    Cells,
    csv_cells,
    parquet_cells,
)
from funding_platform.flows.importing.fields.columns import (
    names_or,
    numbers_if_mapped,
    require_bounds,
)
from funding_platform.flows.importing.fields.numbers import Read, hours, rates
from funding_platform.flows.importing.fields.times import UNIT_NAMES, detected_unit, refuse, times
from funding_platform.flows.importing.files.archives import Member, whole
from funding_platform.flows.importing.files.json_cells import json_cells, line_cells
from funding_platform.flows.importing.header import Header, Note
from funding_platform.flows.importing.layouts import is_known_header, mapping_for
from funding_platform.flows.importing.mapping import Mapping, command, form_pattern, known_encoding
from funding_platform.flows.importing.presets import Preset

_MAX_PACKED_PARQUET: Final = 256 << 20
"""A Parquet file within an archive is read whole; one on disk is not."""


@dataclass(slots=True)
class RatesFile:
    """A file of settled rates, read in batches.

    Parameters
    ----------
    member
        The file.
    told
        Fields of its ``Mapping``; without the columns, a preset must know them.
    now
        Nothing later can have settled.
    note
        Told of what was decided about the file.

    After the first batch ``mapping`` and ``preset`` say how it is read.
    """

    member: Member
    told: Dictionary[str, Any]
    now: datetime
    note: Note
    mapping: Mapping | None = None
    preset: Preset | None = None
    _header: Header = field(init=False)

    def __post_init__(self) -> None:
        self._header = Header(self.note)

    def batches(self) -> Iterator[pl.DataFrame]:
        """Yield rows in the file's order.

        Yields
        ------
        polars.DataFrame
            ``venue``, ``venue_symbol``, ``venue_time`` (and ``later``, where it is a local time
            that comes twice), ``funding_rate`` (fraction per interval), ``interval_hours`` and
            ``mark_price`` (null where blank), ``line``.

        Raises
        ------
        MappingError
            If which column is what is not known.
        DumpError
            Naming file, line and column of the first thing that is wrong.
        """
        unit: str | None = None
        for cells in self._cells():
            if self.mapping is None:
                self._map(cells)
            mapping = self.mapping
            assert mapping is not None
            self._header.require_mapped(cells, mapping)
            unit = unit or mapping.time_unit or self._unit_of(cells, mapping)
            yield self._rates(cells, mapping, unit)

    def hint(self, *fields: Dictionary[str, Any]) -> str:
        """Write the command that would import the file if some fields were told."""
        return command(self.member.path, self.told, *fields)

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
        value = self.told.get(name, ())
        return value.split(",") if isinstance(value, str) else list(value)

    def _map(self, cells: Cells) -> None:
        """Decide how the file is read, once its columns are known."""
        header = cells.columns.columns
        self.mapping, self.preset = mapping_for(cells.file, self.member.path, header, self.told)
        if self.preset is not None:
            self.note(f"{cells.file}: read as {self.preset.title}")

    def _unit_of(self, cells: Cells, mapping: Mapping) -> str:
        """Tell the unit that the times are in, by their size."""
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

    def _rates(self, cells: Cells, mapping: Mapping, unit: str) -> pl.DataFrame:
        source = mapping.source(self.member.paths)
        if mapping.venue_column is None and "venue" not in source:
            raise MappingError(f"{cells.file}: nothing says the venue")
        height = cells.lines.len()
        interval = self._interval(cells, mapping)
        stamps = times(cells, mapping, unit, self.now)
        frame = pl.DataFrame(
            {
                "venue": names_or(cells, mapping.venue_column, source.get("venue")),
                "venue_symbol": self._symbols(cells, mapping, source.get("symbol")),
                "venue_time": stamps.first,
                "later": stamps.later,
                "funding_rate": self._rate(cells, mapping),
                "interval_hours": interval,
                "mark_price": numbers_if_mapped(cells, mapping.mark_price, height, mapping.decimal),
                "line": cells.lines,
            }
        )
        columns = {
            "funding_rate": mapping.rate,
            "interval_hours": mapping.interval,
            "mark_price": mapping.mark_price,
        }
        for name, column in columns.items():
            if column is not None:
                require_bounds(cells, frame[name], name, column)
        return self._at_their_ends(cells, frame, mapping)

    def _at_their_ends(self, cells: Cells, frame: pl.DataFrame, mapping: Mapping) -> pl.DataFrame:
        """Return rows whose time is the settlement's, not that of the beginning of its interval."""
        if mapping.stamp == "end":
            return frame
        unknown = frame["interval_hours"].is_null()
        refuse(
            cells,
            mapping.time,
            unknown,
            "begins an interval of unknown length",
            hint="say how long it is: " + self.hint({"interval_hours": 8}),
        )
        length = pl.duration(microseconds=(pl.col("interval_hours") * 3.6e9).cast(pl.Int64))
        moved = frame.with_columns(pl.col("venue_time") + length, pl.col("later") + length)
        return moved.filter(pl.col("venue_time") <= self.now)  # the last bar is not over yet

    def _rate(self, cells: Cells, mapping: Mapping) -> pl.Series:
        """Read rates as fractions."""
        column = cells.columns[mapping.rate]
        read = rates(column, mapping.rate_unit, mapping.decimal)
        if mapping.rate_unit is None and read.wrong.any():
            raise MappingError(
                f"{cells.file}: rate_unit: is required, since {mapping.rate} does not say it",
                hint="one of fraction, percent and bps: " + self.hint({"rate_unit": "fraction"}),
            )
        what = "is not a number"
        if mapping.rate_unit is not None:
            what += f" of {mapping.rate_unit}" if _carries_unit(column, read) else ""
        refuse(cells, mapping.rate, read.wrong, what, self._number_hint(column, mapping))
        refuse(
            cells,
            mapping.rate,
            read.values.is_null(),
            "is blank",
            hint="a missing rate is not 0: leave such rows out of the file",
        )
        return read.values

    def _number_hint(self, column: pl.Series, mapping: Mapping) -> str | None:
        if column.dtype != pl.String:
            return None
        if column.str.contains(r"\d,\d").any() and mapping.decimal == ".":
            return "a comma before the decimals: " + self.hint({"decimal": ","})
        if column.str.contains("%", literal=True).any():
            return "its cells say percent: " + self.hint({"rate_unit": "percent"})
        return None

    def _interval(self, cells: Cells, mapping: Mapping) -> pl.Series:
        """Read the hours that each rate is for."""
        if mapping.interval is None:
            return pl.Series([mapping.interval_hours], dtype=pl.Float64).new_from_index(
                0, cells.lines.len()
            )
        column = cells.columns[mapping.interval]
        read = hours(column, mapping.interval_unit, mapping.decimal)
        refuse(
            cells,
            mapping.interval,
            read.wrong,
            "is not a number of hours",
            hint="written as 8, 8h, 480m or PT8H",
        )
        stated = mapping.interval_hours
        return read.values if stated is None else read.values.fill_null(stated)

    def _symbols(self, cells: Cells, mapping: Mapping, constant: str | None) -> pl.Series:
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


def _carries_unit(column: pl.Series, read: Read) -> bool:
    """Tell whether the first cell that cannot be read says a unit of its own."""
    rows = read.wrong.arg_true()
    if not rows.len() or column.dtype != pl.String:
        return False
    return bool(re.search(r"(%|bps?)\s*$", str(column[int(rows[0])]).lower()))
