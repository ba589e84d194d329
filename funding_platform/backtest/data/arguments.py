"""What is asked of a provider: times and names, checked."""

from collections.abc import Collection
from datetime import datetime

import polars as pl

from funding_platform.backtest.errors import DataError, UnknownInstrumentError
from funding_platform.core.time_grid import to_us

_MOST_SHOWN = 12


def moment_us(time: datetime) -> int:
    """An instant in microseconds.

    Raises
    ------
    DataError
        If it is no time, or one without a zone.
    """
    if not isinstance(time, datetime):
        raise DataError(f"{time!r} is a {type(time).__name__}, not a time", hint="use datetime")
    if time.tzinfo is None:
        raise DataError(f"the time {time} has no zone", hint="use UTC")
    return to_us(time)


def require_known(name: str, wanted: Collection[str], known: Collection[str]) -> None:
    """Raise over names that the data does not have."""
    if missing := sorted(set(wanted) - set(known)):
        shown = ", ".join(sorted(known)[:_MOST_SHOWN])
        raise UnknownInstrumentError(
            f"the data has no {name} {', '.join(map(repr, missing))}",
            hint=f"it has {shown}{', …' if len(known) > _MOST_SHOWN else ''}",
        )


def chosen(
    instruments: pl.DataFrame,
    venues: Collection[str],
    symbols: Collection[str],
    bases: Collection[str],
) -> pl.Expr:
    """Whether an instrument is one of those asked for; of names of a kind none means all.

    Raises
    ------
    UnknownInstrumentError
        If a venue, symbol or base is not in the data.
    DataError
        If names are one string, whose letters would be taken for names.
    """
    keep = pl.lit(True)
    for name, wanted, columns in (
        ("venue", venues, ("venue",)),
        ("symbol", symbols, ("venue_symbol", "base")),
        ("base", bases, ("base",)),
    ):
        if isinstance(wanted, str):
            raise DataError(f"{name}s is the string {wanted!r}", hint=f"a list: [{wanted!r}]")
        require_known(name, wanted, {one for column in columns for one in instruments[column]})
        if wanted:
            keep &= pl.any_horizontal(pl.col(column).is_in(list(wanted)) for column in columns)
    return keep
