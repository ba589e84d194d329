"""Frames in the order of some columns, without the work where they are in it already."""

from collections.abc import Sequence

import polars as pl


def in_order(frame: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """Sort the rows by some columns; rows that are equal in all of them keep their order.

    Files and pages mostly come in order. To see that takes one pass; to sort texts takes many, and
    a column that has one value throughout takes part in none.

    Parameters
    ----------
    by
        Columns without nulls.
    """
    varying = varying_columns(frame, by)
    if not varying or frame.select(_ascends(varying)).item():
        return frame
    return frame.sort(varying, maintain_order=True)


def varying_columns(frame: pl.DataFrame, names: Sequence[str]) -> list[str]:
    """List the columns that have more than one value: the others tell no rows apart."""
    columns = (frame[name] for name in names)
    return [one.name for one in columns if one.null_count() or one.min() != one.max()]


def _ascends(by: Sequence[str]) -> pl.Expr:
    """Whether no row comes before the one above it."""
    rises = pl.lit(value=False)
    ties = pl.lit(value=True)
    for name in by:
        before, this = pl.col(name).shift(), pl.col(name)
        rises |= ties & (before < this)
        ties &= before == this
    return (rises | ties).all()
