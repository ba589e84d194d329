"""Importing the facts of contracts, so that a venue without an adapter has them.

What a venue that is collected says of its own contracts stays: of such a venue only instruments
are taken that the lake does not know. Of any other a later file replaces an earlier one.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Final

import polars as pl

from funding_platform.core.symbols import canonical_base, is_dollar
from funding_platform.core.tables.collected import INSTRUMENTS
from funding_platform.core.tables.columns import INSTRUMENT_KEY
from funding_platform.core.tables.schema import UTC_TIME, Table
from funding_platform.flows.errors import MappingError
from funding_platform.flows.importing.fields.cells import Cells
from funding_platform.flows.importing.fields.columns import (
    names_or,
    numbers_if_mapped,
    require_bounds,
)
from funding_platform.flows.importing.fields.numbers import blank_as_null
from funding_platform.flows.importing.fields.times import detected_unit, refuse, times
from funding_platform.flows.importing.files.spool import Spool
from funding_platform.flows.importing.foreign import ForeignFile
from funding_platform.flows.importing.layouts import mapping_of
from funding_platform.flows.importing.mapping import SourceMapping, TimedMapping
from funding_platform.flows.importing.part import Part
from funding_platform.flows.importing.presets import Preset
from funding_platform.flows.importing.reports import (
    Conflicts,
    ImportReport,
    Rows,
    conflict_error,
    counted,
    named,
)
from funding_platform.lake.writer import Lake, Transaction
from funding_platform.venues.registry import venue_names

_NUMBERS: Final = (
    *("multiplier", "contract_size", "interval_hours", "tick_size", "min_size", "order_unit"),
)
_WORDS: Final = ("settle", "contract_type", "status")
_FACTS: Final = ("base", "quote", "multiplier", "contract_type")
"""What makes a contract another one."""

_OPTIONAL: Final = (*_NUMBERS, *_WORDS, "listed_at")

_STORED = f"SELECT venue, venue_symbol, {', '.join(_FACTS)} FROM core.instruments"


def _kind(base: str, quote: str, settle: str | None) -> str | None:
    """Tell a contract's type by what it settles in: dollars of any kind are one currency."""
    if settle is None or settle == base:
        return settle and "inverse"
    same = settle == quote or (is_dollar(settle) and is_dollar(quote))
    return "linear" if same else "quanto"


class InstrumentMapping(SourceMapping):
    """Which column of a file of instruments is what; columns called as in the table need no word.

    Parameters
    ----------
    base, quote
        The columns of the asset, as the venue spells it, and of the currency of the price.
    settle, multiplier, contract_type, contract_size, interval_hours, status
        The columns of what ``core.instruments`` calls so. Without a multiplier it is in the
        spelling of the base (``1000PEPE``); without a contract type, ``settle`` tells it.
    tick_size, min_size, order_unit
        Likewise; without an order unit, orders are in contracts.
    listed_at, time_zone
        The column of the listing, and the zone of times that name none.
    """

    column_fields: ClassVar[tuple[str, ...]] = (
        *("base", "quote"),
        *_OPTIONAL,
        *("venue_column", "symbol_column"),
    )

    base: str = "base"
    quote: str = "quote"
    settle: str | None = None
    multiplier: str | None = None
    contract_type: str | None = None
    contract_size: str | None = None
    interval_hours: str | None = None
    tick_size: str | None = None
    min_size: str | None = None
    order_unit: str | None = None
    status: str | None = None
    listed_at: str | None = None
    time_zone: str | None = None


class InstrumentsFile(ForeignFile[InstrumentMapping]):
    """A file of instruments."""

    def batches(self) -> Iterator[pl.DataFrame]:
        """Rows in the file's order.

        Yields
        ------
        polars.DataFrame
            Columns of ``core.instruments``, and ``line``.
        """
        for cells, mapping in self._mapped():
            yield self._rows(cells, mapping)

    def _mapping_for(self, header: list[str]) -> tuple[InstrumentMapping, Preset | None]:
        base: dict[str, Any] = {name: name for name in _OPTIONAL if name in header}
        if "venue" not in self.told and "venue" in header:
            base["venue_column"] = "venue"
        symbol = next((name for name in ("venue_symbol", "symbol") if name in header), None)
        if "symbol" not in self.told and symbol is not None:
            base["symbol_column"] = symbol
        return mapping_of(InstrumentMapping, self.member.name, base, self.told), None

    def _rows(self, cells: Cells, mapping: InstrumentMapping) -> pl.DataFrame:
        source = mapping.source(self.member.paths)
        height = cells.lines.len()
        numbers = {
            name: numbers_if_mapped(cells, getattr(mapping, name), height, mapping.decimal)
            for name in _NUMBERS
        }
        for name, values in numbers.items():
            if (column := getattr(mapping, name)) is not None:
                require_bounds(cells, values, INSTRUMENTS.column(name), column)
        bases = names_or(cells, mapping.base, None)
        spelt = [canonical_base(base) for base in bases]
        canonical = pl.Series([float(one.multiplier) for one in spelt])
        settle = self._words(cells, mapping.settle, height)
        quotes = names_or(cells, mapping.quote, None)
        now = pl.Series([self.now], dtype=UTC_TIME).new_from_index(0, height)
        return pl.DataFrame(
            {
                "venue": self._venues(cells, mapping, source.get("venue")),
                "venue_symbol": self._symbols(cells, mapping, source.get("symbol")),
                "base": pl.Series([one.base for one in spelt], dtype=pl.String),
                "quote": quotes,
                "settle": settle,
                **numbers,
                "multiplier": numbers["multiplier"].zip_with(
                    numbers["multiplier"].is_not_null(), canonical
                ),
                "contract_type": self._contract_type(cells, mapping, bases, quotes, settle),
                "status": self._words(cells, mapping.status, height).fill_null("unknown"),
                "listed_at": self._listed_at(cells, mapping),
                "first_seen_at": now,
                "last_seen_at": now,
                "line": cells.lines,
            }
        )

    def _words(self, cells: Cells, column: str | None, height: int) -> pl.Series:
        """Words of a column, null where blank or not mapped."""
        if column is None:
            return pl.Series([None], dtype=pl.String).new_from_index(0, height)
        return blank_as_null(cells.columns[column].cast(pl.String))

    def _contract_type(
        self,
        cells: Cells,
        mapping: InstrumentMapping,
        bases: pl.Series,
        quotes: pl.Series,
        settle: pl.Series,
    ) -> pl.Series:
        """As told, else by what it settles in."""
        told = self._words(cells, mapping.contract_type, bases.len())
        currencies = zip(bases, quotes, settle, strict=True)
        by_settle = pl.Series([_kind(*one) for one in currencies], dtype=pl.String)
        kinds = told.zip_with(told.is_not_null(), by_settle)
        values = INSTRUMENTS.column("contract_type").values
        named = mapping.contract_type or mapping.base
        refuse(
            cells,
            named,
            kinds.is_null() | ~kinds.is_in(values),
            "is not known to be linear or inverse",
            hint=f"name a column that says {', '.join(values)}: "
            + self.hint({"contract_type": "contract_type"}),
        )
        refuse(
            cells,
            named,
            (kinds == "quanto") & settle.is_null(),
            "is quanto, and nothing says what it settles in",
            hint="name the column that does: " + self.hint({"settle": "settle"}),
        )
        return kinds

    def _listed_at(self, cells: Cells, mapping: InstrumentMapping) -> pl.Series:
        """Read the times of listing, null where blank or not mapped."""
        none = pl.Series([None], dtype=UTC_TIME).new_from_index(0, cells.lines.len())
        if mapping.listed_at is None:
            return none
        there = blank_as_null(cells.columns[mapping.listed_at]).is_not_null()
        if not there.any():
            return none
        stated = Cells(
            cells.file, cells.columns.filter(there), cells.lines.filter(there), cells.place
        )
        timed = TimedMapping(
            time=mapping.listed_at,
            time_zone=mapping.time_zone,
            fold="first",
            venue="any",
            symbol="any",
        )
        unit = detected_unit(stated.columns[mapping.listed_at], self.now) or "iso"
        found = times(stated, timed, unit, self.now).first
        return none.scatter(there.arg_true(), found)


def _words_of(row: Any) -> str:
    return f"{row['field']} is {row['value']}, in {row['other']} {row['stored_value']}"


_TOLD: Final = Rows(
    INSTRUMENTS, "first_seen_at", "instruments differ from what is stored", _words_of
)


class InstrumentsImport(Part):
    """Instruments, from the files to the lake.

    Parameters
    ----------
    folder
        For what does not fit into the memory.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(Spool(folder, INSTRUMENT_KEY), Spool(folder, ["venue"]))

    @property
    def table(self) -> Table:
        """``core.instruments``."""
        return INSTRUMENTS

    def compare(
        self, lake: Lake, files: Sequence[str], now: datetime, *, keep_stored: bool
    ) -> ImportReport | None:
        """Keep what is new, and what a file may replace; see the module."""
        groups = self.told_rows.groups()
        if not groups:
            return None
        rows = pl.concat(list(groups)).sort(*INSTRUMENT_KEY, "file", "line")
        twice = rows.filter(pl.struct(INSTRUMENT_KEY).is_duplicated())
        if not twice.is_empty():
            row = twice.row(0, named=True)
            raise MappingError(
                f"{files[row['file']]}, line {row['line']}: {row['venue']} {row['venue_symbol']} "
                "is there twice"
            )
        stored = lake.read(_STORED).select(
            *INSTRUMENT_KEY, *(pl.col(name).alias(f"stored_{name}") for name in _FACTS)
        )
        beside = rows.join(stored, on=INSTRUMENT_KEY, how="left", maintain_order="left")
        known = pl.col("stored_base").is_not_null()
        collected = pl.col("venue").is_in(venue_names())
        conflicts = Conflicts(_TOLD)
        conflicts.add(_differing(beside.filter(known, collected)))
        if conflicts and not keep_stored:
            raise conflict_error(named(conflicts.rows(), files), conflicts.by_venue.total(), _TOLD)
        new = beside.filter(~known | ~collected)
        self.new_rows.add(INSTRUMENTS.conform(new))
        return ImportReport(
            named(counted(rows, new, _TOLD), files).sort("file", *INSTRUMENT_KEY),
            named(conflicts.rows(), files),
            [],
            conflicts.by_venue,
            _TOLD,
        )

    def write(self, transaction: Transaction) -> None:
        """Write what is new, and what replaces what a file had said."""
        for rows in self.new_rows.parts():
            transaction.upsert(INSTRUMENTS, rows, keep=("first_seen_at",))


def _differing(beside: pl.DataFrame) -> pl.DataFrame:
    """Rows with a fact other than the stored one, and which."""
    found = [
        beside.filter(pl.col(name) != pl.col(f"stored_{name}")).select(
            *INSTRUMENT_KEY,
            "file",
            "line",
            "first_seen_at",
            pl.lit(name).alias("field"),
            pl.col(name).cast(pl.String).alias("value"),
            pl.col(f"stored_{name}").cast(pl.String).alias("stored_value"),
            pl.lit("the lake").alias("other"),
        )
        for name in _FACTS
    ]
    return pl.concat(found).unique(INSTRUMENT_KEY, keep="first", maintain_order=True)
