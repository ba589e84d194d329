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
    varying = [name for name in by if frame[name].min() != frame[name].max()]
    if not varying or frame.select(_ascends(varying)).item():
        return frame
    return frame.sort(varying, maintain_order=True)


def _ascends(by: Sequence[str]) -> pl.Expr:
    """Whether no row comes before the one above it."""
    rises = pl.lit(value=False)
    ties = pl.lit(value=True)
    for name in by:
        before, this = pl.col(name).shift(), pl.col(name)
        rises |= ties & (before < this)
        ties &= before == this
    return (rises | ties).all()
