"""Tables of series that are imported: what tells two rows apart, and what of them must agree."""

from typing import Any, Final, NamedTuple

from funding_platform.core.tables.prices import OPEN_INTEREST, PRICE_CANDLES, SPOT_CANDLES
from funding_platform.core.tables.schema import Table
from funding_platform.flows.importing.reports import Rows
from funding_platform.flows.importing.series.mapping import PRICES
from funding_platform.flows.importing.series.points import FIGURES


class Series(NamedTuple):
    """A table whose key ends in a time.

    Parameters
    ----------
    table
        The table.
    figures
        Columns in which two tellings of one row must agree.
    told
        How its rows are told.
    """

    table: Table
    figures: tuple[str, ...]
    told: Rows

    @property
    def key(self) -> tuple[str, ...]:
        """What tells one series from the others."""
        return self.table.key[:-1]

    @property
    def time(self) -> str:
        """The column that dates a row."""
        return self.table.key[-1]


def _told(table: Table, figures: tuple[str, ...], what: str) -> Series:
    def words(row: Any) -> str:
        kind = f"{row['kind']} " if row.get("kind") else ""
        return (
            f"{kind}at {row[time]:%Y-%m-%d %H:%M}: {row['field']} is {row['value']:g}, "
            f"in {row['other']} {row['stored_value']:g}"
        )

    time = table.key[-1]
    return Series(table, figures, Rows(table, time, f"{what} differ from what is stored", words))


SERIES: Final = {
    one.table.name: one
    for one in (
        _told(PRICE_CANDLES, PRICES, "candles"),
        _told(SPOT_CANDLES, PRICES, "candles of spot markets"),
        _told(OPEN_INTEREST, FIGURES, "figures of open interest"),
    )
}
"""By the name of the table."""
