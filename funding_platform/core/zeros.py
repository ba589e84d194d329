"""No value of ours is the negative zero that some venues and files write for one.

``-0.0`` equals ``0.0`` and is shown as ``-0``: it says a sign where there is none.
"""

from typing import overload

import polars as pl
import polars.selectors as cs


@overload
def without_signed_zeros(values: pl.DataFrame) -> pl.DataFrame: ...
@overload
def without_signed_zeros(values: pl.Series) -> pl.Series: ...
def without_signed_zeros(values: pl.DataFrame | pl.Series) -> pl.DataFrame | pl.Series:
    """Return the same values, every floating-point zero positive."""
    if isinstance(values, pl.Series):
        return values.to_frame().select(_positive(pl.first())).to_series()
    return values.with_columns(_positive(cs.float()))


def _positive(value: pl.Expr) -> pl.Expr:
    # Not ``value + 0.0``: Polars leaves such a sum out.
    return pl.when(value == 0.0).then(0.0).otherwise(value).name.keep()
