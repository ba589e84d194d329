"""What a number in an order counts: contracts, unless the venue says something else."""

from typing import Final

import polars as pl

_STATED: Final = ("order_unit", "contract_size")
"""Columns of ``core.instruments``, the first that is there counts."""

ORDER_UNIT_SQL: Final = f"coalesce({', '.join(_STATED)})"
"""What one unit of an order's size is, in SQL; null where nothing says it."""


def order_unit() -> pl.Expr:
    """Return the same as an expression, ``order_unit`` by name."""
    return pl.coalesce(_STATED).alias("order_unit")
