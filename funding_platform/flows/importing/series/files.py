"""From the cells of a foreign file to rows of bars or of open interest, a batch at a time.

What is no number or no time is refused with its file, line and column. What only the rows of an
instrument together can tell, how long its bars are above all, is for ``hours``.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import polars as pl

from funding_platform.core.symbols import DOLLARS, canonical_base, is_dollar
from funding_platform.core.tables.prices import PRICE_CANDLES, PRICE_KINDS, SPOT_CANDLES
from funding_platform.flows.errors import DumpError
from funding_platform.flows.importing.fields.cells import Cells
from funding_platform.flows.importing.fields.columns import (
    flags_if_mapped,
    names_or,
    numbers_if_mapped,
)
from funding_platform.flows.importing.fields.times import refuse, times
from funding_platform.flows.importing.files.peek import header_told
from funding_platform.flows.importing.foreign import ForeignFile
from funding_platform.flows.importing.presets import Preset
from funding_platform.flows.importing.series.layouts import (
    bar_mapping_for,
    open_interest_mapping_for,
)
from funding_platform.flows.importing.series.mapping import (
    PRICES,
    VOLUMES,
    BarMapping,
    OpenInterestMapping,
    bar_length,
)

_QUOTES: Final = sorted((*DOLLARS, "BTC", "ETH", "EUR", "TRY", "BRL"), key=len, reverse=True)
"""Currencies that end the name of a spot market which has no separator."""

_SEPARATORS: Final = "-_/"


@dataclass(slots=True)
class BarsFile(ForeignFile[BarMapping]):
    """A file of bars of perpetuals, or of spot markets.

    Parameters
    ----------
    table
        Name of the table that they are for.
    """

    table: str = PRICE_CANDLES.name

    def batches(self) -> Iterator[pl.DataFrame]:
        """Rows in the file's order.

        Yields
        ------
        polars.DataFrame
            The key of the table and ``open_time``, as the file has it; ``open`` to ``close`` and
            the volumes, null where blank; ``closed`` (whether it was over when it was read) and
            ``bar`` (how long it is said to be), null where nothing says so; and ``line``. Of spot
            markets ``base`` and ``quote`` besides; of perpetuals ``quote``, null where it was not
            told.
        """
        unit: str | None = None
        for cells, mapping in self._mapped():
            unit = unit or self._unit_of(cells, mapping)
            yield self._rows(cells, mapping, unit)

    def _mapping_for(self, header: list[str]) -> tuple[BarMapping, Preset | None]:
        return bar_mapping_for(self.member, header, self.told, self.table)

    def _told_words(self, name: str) -> list[str]:
        words = super(BarsFile, self)._told_words(name)
        return header_told(words, self.member) if name == "header" else words

    def _rows(self, cells: Cells, mapping: BarMapping, unit: str) -> pl.DataFrame:
        source = mapping.source(self.member.paths)
        height = cells.lines.len()
        figures = {
            name: numbers_if_mapped(cells, getattr(mapping, name), height, mapping.decimal)
            for name in (*PRICES, *VOLUMES)
        }
        length = self._length(source.get("bar"))
        opened = _instants(cells, mapping, unit, self)
        if mapping.stamp == "end":
            opened = self._opened(cells, mapping, opened, length)
        frame = pl.DataFrame(
            {
                "venue": self._venues(cells, mapping, source.get("venue")),
                "venue_symbol": self._symbols(cells, mapping, source.get("symbol")),
                "open_time": opened,
                **figures,
                "closed": flags_if_mapped(cells, mapping.closed, height),
                "line": cells.lines,
            }
        ).with_columns(pl.lit(length, dtype=pl.Duration("us")).alias("bar"))
        if self.table == SPOT_CANDLES.name:
            return frame.join(self._markets(frame, mapping), on="venue_symbol", how="left")
        kinds = names_or(cells, mapping.kind_column, mapping.kind)
        if mapping.kind_column is not None:
            refuse(
                cells,
                mapping.kind_column,
                ~kinds.is_in(PRICE_KINDS),
                f"is none of {', '.join(PRICE_KINDS)}",
            )
        return frame.with_columns(
            kinds.alias("kind"), pl.lit(mapping.quote, dtype=pl.String).alias("quote")
        )

    def _length(self, text: str | None) -> timedelta | None:
        """How long the bars are said to be."""
        if text is None:
            return None
        try:
            length = bar_length(text)
        except ValueError:
            length = timedelta(days=7)  # months, weeks and the like: longer than an hour all
        if length > timedelta(hours=1):
            raise too_coarse(self.member.name, text)
        return length

    def _opened(
        self, cells: Cells, mapping: BarMapping, ended: pl.Series, length: timedelta | None
    ) -> pl.Series:
        """When bars began whose times are those of their ends."""
        if length is None:
            raise cells.fault(
                "ends a bar of unknown length",
                mapping.time,
                0,
                hint="say how long it is: " + self.hint({"bar": "1h"}),
            )
        return ended - length

    def _markets(self, frame: pl.DataFrame, mapping: BarMapping) -> pl.DataFrame:
        """Find the base and the quote of every spot market."""
        symbols = frame["venue_symbol"].unique(maintain_order=True)
        rows = []
        for symbol in symbols:
            base, quote = split_spot_symbol(symbol)
            base, quote = mapping.base or base, mapping.quote or quote
            if base is None or quote is None:
                raise DumpError(
                    self.member.name,
                    f"{symbol!r} does not say its base and its quote",
                    hint="say them: " + self.hint({"base": "BTC", "quote": "USDC"}),
                )
            rows.append((symbol, canonical_base(base).base, quote))
        schema = dict.fromkeys(("venue_symbol", "base", "quote"), pl.String)
        return pl.DataFrame(rows, schema=schema, orient="row")


@dataclass(slots=True)
class OpenInterestFile(ForeignFile[OpenInterestMapping]):
    """A file of open interest."""

    def batches(self) -> Iterator[pl.DataFrame]:
        """Rows in the file's order.

        Yields
        ------
        polars.DataFrame
            ``venue``, ``venue_symbol``, ``time``, ``open_interest_base`` and
            ``open_interest_usd`` (one side, null where blank), ``line``.
        """
        unit: str | None = None
        for cells, mapping in self._mapped():
            unit = unit or self._unit_of(cells, mapping)
            yield self._rows(cells, mapping, unit)

    def _mapping_for(self, header: list[str]) -> tuple[OpenInterestMapping, Preset | None]:
        return open_interest_mapping_for(self.member, header, self.told)

    def _rows(self, cells: Cells, mapping: OpenInterestMapping, unit: str) -> pl.DataFrame:
        source = mapping.source(self.member.paths)
        height = cells.lines.len()
        figures = {
            name: numbers_if_mapped(cells, getattr(mapping, name), height, mapping.decimal)
            for name in ("open_interest_base", "open_interest_usd", "open_interest")
        }
        frame = pl.DataFrame(
            {
                "venue": self._venues(cells, mapping, source.get("venue")),
                "venue_symbol": self._symbols(cells, mapping, source.get("symbol")),
                "time": _instants(cells, mapping, unit, self),
                **figures,
                "line": cells.lines,
            }
        )
        if mapping.open_interest is not None and mapping.unit_column is not None:
            frame = self._by_unit(cells, mapping.unit_column, frame)
        return frame.drop("open_interest").with_columns(
            pl.col("open_interest_base", "open_interest_usd") / mapping.sides
        )

    def _by_unit(self, cells: Cells, column: str, frame: pl.DataFrame) -> pl.DataFrame:
        """Figures in the column of the unit that each one is in."""
        units = names_or(cells, column, None)
        named = pl.DataFrame({"unit": units, "symbol": frame["venue_symbol"]})
        pairs = named.unique(maintain_order=True)
        for unit, symbol in pairs.iter_rows():
            if not is_dollar(unit) and unit.upper() not in symbol.upper():
                refuse(
                    cells,
                    column,
                    (named["unit"] == unit) & (named["symbol"] == symbol),
                    f"is neither a dollar nor the base of {symbol}",
                    hint="contracts become units of the base before they are imported",
                )
        dollars = units.str.to_uppercase().is_in(DOLLARS)
        figure = pl.col("open_interest")
        return frame.with_columns(
            pl.when(~dollars).then(figure).alias("open_interest_base"),
            pl.when(dollars).then(figure).alias("open_interest_usd"),
        )


def split_spot_symbol(symbol: str) -> tuple[str | None, str | None]:
    """Split the name of a spot market into base and quote; None where it does not say them.

    Examples
    --------
    >>> split_spot_symbol("BTC-USDT")
    ('BTC', 'USDT')
    >>> split_spot_symbol("ETHUSDC")
    ('ETH', 'USDC')
    >>> split_spot_symbol("@107")
    (None, None)
    """
    for separator in _SEPARATORS:
        parts = symbol.split(separator)
        if len(parts) == 2 and all(parts):
            return parts[0], parts[1]
    found = next((one for one in _QUOTES if symbol.endswith(one) and symbol != one), None)
    return (None, None) if found is None else (symbol.removesuffix(found), found)


def too_coarse(file: str, length: str, *, seen: bool = False) -> DumpError:
    """Refuse bars longer than an hour, as said, or as ``seen`` by their spacing."""
    hint = "import bars of an hour, or of 1, 5, 15 or 30 minutes, which are put together"
    if seen:
        hint += "; if these are bars of an hour, and hours are left out, say --map bar=1h"
    return DumpError(
        file, f"holds bars of {length}: an hour cannot be taken out of a longer bar", hint=hint
    )


def _instants(
    cells: Cells,
    mapping: BarMapping | OpenInterestMapping,
    unit: str,
    file: BarsFile | OpenInterestFile,
) -> pl.Series:
    """Read the times of a batch; a local one that may be two is refused."""
    stamps = times(cells, mapping, unit, file.now)
    refuse(
        cells,
        mapping.time,
        stamps.later.is_not_null(),
        "comes twice, as the clocks were put back",
        hint="say which one is meant: " + file.hint({"fold": "first"}),
    )
    return stamps.first
