"""Instruments by name, for messages."""

from collections.abc import Iterable
from typing import Final

import polars as pl

from funding_platform.core.tables.columns import INSTRUMENT_KEY

_MOST_NAMED: Final = 5


def names_of(instruments: pl.DataFrame) -> list[str]:
    """Venue and symbol of each row."""
    return instruments.select(pl.concat_str(INSTRUMENT_KEY, separator=" ")).to_series().to_list()


def few(names: Iterable[str]) -> str:
    """The first few different names, and how many more there are."""
    different = sorted(set(names))
    more = len(different) - _MOST_NAMED
    return ", ".join(different[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
