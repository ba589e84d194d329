"""Rows of foreign series that cannot be stored, and rows that are told twice. Pure."""

from collections.abc import Sequence
from functools import reduce
from operator import or_
from typing import Final, NamedTuple

import polars as pl

SAME_FIGURE: Final = 1e-6
"""Relative: sources print six digits and more, and round what others print in full."""

FAULTS: Final = pl.Schema(
    {"file": pl.UInt32(), "line": pl.Int64(), "reason": pl.String(), "rows": pl.UInt32()}
)
"""Rows left out, by file and reason: how many, and the first line."""


class Sifted(NamedTuple):
    """Rows that stay, and a frame of ``FAULTS``."""

    rows: pl.DataFrame
    left_out: pl.DataFrame


def sift(rows: pl.DataFrame, reason: pl.Expr) -> Sifted:
    """Part the rows from those for which there is a reason to leave them out.

    Parameters
    ----------
    rows
        With ``file`` and ``line``.
    reason
        Text, or null for a row that stays.
    """
    told = rows.select(reason.alias("reason")).to_series()
    if told.null_count() == rows.height:
        return Sifted(rows, FAULTS.to_frame())
    faulty = rows.select("file", "line").with_columns(told).filter(told.is_not_null())
    return Sifted(rows.filter(told.is_null()), counted(faulty))


def counted(faulty: pl.DataFrame) -> pl.DataFrame:
    """Rows with ``file``, ``line`` and ``reason``, counted: a frame of ``FAULTS``."""
    return (
        faulty.group_by("file", "reason")
        .agg(pl.col("line").min(), pl.len().alias("rows"))
        .select(FAULTS.names())
        .cast(FAULTS)
    )


def each_once(rows: pl.DataFrame, key: Sequence[str], figures: Sequence[str], what: str) -> Sifted:
    """Rows of which each key is there once; where it is told with other figures, not at all.

    Parameters
    ----------
    rows
        Sorted by ``key``.
    figures
        Columns that say whether two rows tell the same.
    what
        What a row is, in words, of which several ones disagree.
    """
    again = rows.select(same_as_before(key)).to_series()
    if not again.any():
        return Sifted(rows, FAULTS.to_frame())
    several = again | again.shift(-1, fill_value=False)
    runs = rows.with_columns((~again).cum_sum().alias("run")).filter(several)
    contradicts = differs(figures, {name: pl.col(name).first().over("run") for name in figures})
    runs = runs.with_columns(contradicts.any().over("run").alias("contradicts"))
    disputed = runs.filter("contradicts")
    kept = rows.filter(~again)
    if disputed.is_empty():
        return Sifted(kept, FAULTS.to_frame())
    reason = pl.lit(f"{what} with other figures in another row").alias("reason")
    told = counted(disputed.select("file", "line", reason))
    keys = disputed.select(key).unique()
    return Sifted(kept.join(keys, on=key, how="anti", maintain_order="left"), told)


def same_as_before(key: Sequence[str]) -> pl.Expr:
    """Whether the row before has the same key; of sorted rows."""
    same = pl.all_horizontal(pl.col(name) == pl.col(name).shift() for name in key)
    return same.fill_null(value=False)


def differs(figures: Sequence[str], others: dict[str, pl.Expr]) -> pl.Expr:
    """Whether a figure is more than a millionth away from its other; one that is null is not."""
    apart = (
        (pl.col(name) - others[name]).abs() > SAME_FIGURE * pl.col(name).abs() for name in figures
    )
    return reduce(or_, (one.fill_null(value=False) for one in apart))
