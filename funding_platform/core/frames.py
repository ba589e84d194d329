"""Frames of any library in, Polars out: the one way by which callers hand over tables.

Whoever takes a frame from a caller takes it through ``polars_frame``. What the platform gives out
is Polars; ``.to_pandas()`` and ``.to_arrow()`` make of it what a caller works with. What columns a
frame must have is not decided here.
"""

from typing import Protocol, TypeAlias

import polars as pl

from funding_platform.core.errors import FundingError


class ArrowStream(Protocol):
    """A table that exports itself as an Arrow C stream: PyArrow, pandas 2.2, DuckDB, Ibis."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Export the rows."""


Frame: TypeAlias = pl.DataFrame | ArrowStream
"""What is taken for a frame."""


def polars_frame(name: str, given: object, error: type[FundingError]) -> pl.DataFrame:
    """Return the frame as Polars; one of Polars comes back as it is.

    NaN of pandas is null, since pandas writes an absent number so; the index of pandas is not a
    column.

    Parameters
    ----------
    name
        What the frame is called, for the message.
    given
        A ``Frame``.
    error
        What to raise over anything else, a LazyFrame included.
    """
    if isinstance(given, pl.DataFrame):
        return given
    if hasattr(given, "__arrow_c_stream__"):
        try:
            return pl.DataFrame(given)
        except pl.exceptions.SchemaError:  # a stream of one column, which has no name
            pass
    kind = type(given)
    library = "" if kind.__module__ == "builtins" else f"{kind.__module__.partition('.')[0]}."
    raise error(
        f"{name} is a {library}{kind.__name__}, not a frame",
        hint="give a Polars, pandas or Arrow table; collect a LazyFrame",
    )
