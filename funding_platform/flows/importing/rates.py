"""From the cells of a foreign file to settled rates: units, times and bounds, fault by fault.

Pure but for reading the file, and a batch at a time, so that a file may be larger than the memory.
What cannot be a settlement is refused with its file, line and column: a stamp before the first
perpetual or after now, a rate beyond the bound of the table. What only the rows of an instrument
together can tell is for ``settlements``.
"""

import re
from collections.abc import Iterator

import polars as pl

from funding_platform.core.tables.collected import FUNDING_RATES
from funding_platform.flows.errors import MappingError, SamplesError
from funding_platform.flows.importing.fields.cells import Cells
from funding_platform.flows.importing.fields.columns import numbers_if_mapped, require_bounds
from funding_platform.flows.importing.fields.numbers import Read, hours, rates
from funding_platform.flows.importing.fields.times import refuse, times
from funding_platform.flows.importing.foreign import ForeignFile
from funding_platform.flows.importing.layouts import mapping_for
from funding_platform.flows.importing.mapping import Mapping
from funding_platform.flows.importing.presets import Preset
from funding_platform.venues.adapters.ccxt.exchange import PREFIX


class RatesFile(ForeignFile[Mapping]):
    """A file of settled rates, read in batches."""

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
        for cells, mapping in self._mapped():
            unit = unit or self._unit_of(cells, mapping)
            yield self._rates(cells, mapping, unit)

    def _mapping_for(self, header: list[str]) -> tuple[Mapping, Preset | None]:
        return mapping_for(self.member.name, self.member.path, header, self.told)

    def _rates(self, cells: Cells, mapping: Mapping, unit: str) -> pl.DataFrame:
        source = mapping.source(self.member.paths)
        height = cells.lines.len()
        venues = self._venues(cells, mapping, source.get("venue"))
        self._refuse_misread(cells, venues)
        interval = self._interval(cells, mapping)
        stamps = times(cells, mapping, unit, self.now)
        frame = pl.DataFrame(
            {
                "venue": venues,
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
                require_bounds(cells, frame[name], FUNDING_RATES.column(name), column)
        return self._at_their_ends(cells, frame, mapping)

    def _refuse_misread(self, cells: Cells, venues: pl.Series) -> None:
        """Refuse rates that the layout has of a venue as something else than it calls them."""
        known = {} if self.preset is None else self.preset.misread
        for venue in venues.unique().drop_nulls().sort():
            own = venue.removeprefix(PREFIX)
            misread = known.get(own)
            if misread is None or set(misread.instead) & set(self.told):
                continue
            what = f"of {venue} this layout does not have what was settled: {misread.why}"
            if misread.instead:
                hint = f"say which it is: {self.hint(misread.instead)}"
                raise MappingError(f"{cells.file}: {what}", hint=hint)
            raise SamplesError(
                cells.file, what, hint=f"ask the venue itself: funding backfill {own}"
            )

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
            comma = mapping.decimal == "." and not rates(column, None, ",").wrong.any()
            hint, tell = (
                ("its cells say it with a comma before the decimals", {"decimal": ","})
                if comma
                else ("one of fraction, percent and bps", {"rate_unit": "fraction"})
            )
            raise MappingError(
                f"{cells.file}: rate_unit: is required, since {mapping.rate} does not say it",
                hint=f"{hint}: {self.hint(tell)}",
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


def _carries_unit(column: pl.Series, read: Read) -> bool:
    """Tell whether the first cell that cannot be read says a unit of its own."""
    rows = read.wrong.arg_true()
    if not rows.len() or column.dtype != pl.String:
        return False
    return bool(re.search(r"(%|bps?)\s*$", str(column[int(rows[0])]).lower()))
