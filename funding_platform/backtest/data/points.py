"""Prices at their instants, from whichever frame: marks of settlements and snapshots, and bars.

A bar is stated at its end, when it is known: its close is the price, and between its lowest and its
highest price lies all that the market did in it.
"""

from typing import Final

import polars as pl

from funding_platform.backtest.data.panel import PRICE_KINDS
from funding_platform.backtest.data.rows import (
    numbered,
    ordered,
    refuse,
    repeats,
    require_numbers,
    require_text,
)
from funding_platform.backtest.errors import DataError
from funding_platform.core.tables.schema import UTC_TIME

_PRICE_SCHEMA: Final = {
    "instrument": pl.UInt32(),
    "time": UTC_TIME,
    "price": pl.Float64(),
    "kind": pl.Int8(),
}
_BAR: Final = ("low", "high")
_KINDS: Final = {"mark": 0, "index": 1, "trade": 2, "close": 2}
"""Numbers in ``PRICE_KINDS`` of the kinds that bars are of; a trade bar's price is its close."""


def marks_of(rows: pl.DataFrame, time: str) -> pl.DataFrame:
    """Take the mark of each row, else its index; rows with neither have no price."""
    have = [
        name
        for name in ("mark_price", "index_price")
        if name in rows.columns and rows[name].null_count() < rows.height
    ]
    if not have:
        return pl.DataFrame(schema=_PRICE_SCHEMA)
    is_mark = pl.col("mark_price").is_not_null() if "mark_price" in have else pl.lit(False)
    points = rows.select(
        "instrument",
        pl.col(time).cast(UTC_TIME).alias("time"),
        pl.coalesce(have).cast(pl.Float64).alias("price"),
        pl.when(is_mark)
        .then(PRICE_KINDS.index("mark"))
        .otherwise(PRICE_KINDS.index("index"))
        .cast(pl.Int8)
        .alias("kind"),
    )
    return points.drop_nulls("price") if points["price"].null_count() else points


def newest_known(marks: pl.DataFrame) -> pl.DataFrame:
    """Of the marks of settlements that became known at one instant, the last settlement's."""
    superseded = repeats(marks, "time").shift(-1, fill_value=False)
    return marks.filter(~superseded) if superseded.any() else marks


def best_of_each_instant(points: list[pl.DataFrame]) -> pl.DataFrame:
    """Prices in order, one per instrument and instant: the mark before the index before a close.

    The bar that ends at an instant stays with the price that is best there, whoever stated it.
    """
    some = [frame for frame in points if not frame.is_empty()] or points[:1]
    joined = pl.concat(some, how="diagonal")
    if len(some) > 1:
        joined = joined.sort("instrument", "time", "kind", maintain_order=True)
    joined = ordered(joined, "time")
    again = repeats(joined, "time")
    if not again.any():
        return joined
    bars = [pl.col(name) for name in _BAR if name in joined.columns]
    for _ in range(len(points) - 1 if bars else 0):
        followed = pl.Series(again).shift(-1, fill_value=False)
        lacks = followed & joined["low"].is_null()
        joined = joined.with_columns(
            pl.when(lacks).then(one.shift(-1)).otherwise(one) for one in bars
        )
    return joined.filter(~again)


def closes(prices: pl.DataFrame, facts: pl.DataFrame) -> pl.DataFrame:
    """Prices that were handed in; two of a kind at one instant are a fault: either may be meant.

    Raises
    ------
    DataError
        If a kind is none, a bar's high is below its low, or its close outside of it.
    """
    rows = numbered("prices", prices, ("time", "price"), facts)
    have = [name for name in _BAR if name in rows.columns]
    if len(have) == 1:
        raise DataError(f"prices has {have[0]} alone", hint="a bar has low and high")
    require_numbers("prices", rows, ("price", *have))
    kind = _kind_numbers(rows, facts)
    rows = rows.select(
        "instrument",
        pl.col("time").cast(UTC_TIME),
        pl.col("price").cast(pl.Float64),
        kind.alias("kind"),
        *(pl.col(name).cast(pl.Float64) for name in have),
    )
    rows = ordered(rows, "time")
    again = repeats(rows, "time")
    if again.any():
        rows = _by_rank(rows, again)
        twice = again & (rows["kind"] == rows["kind"].shift(1))
        refuse(rows, twice, facts, "a price is there twice")
    if have:
        low, high, price = pl.col("low"), pl.col("high"), pl.col("price")
        refuse(rows, high < low, facts, "a bar's high is below its low")
        refuse(
            rows, ~(low > 0) | ~high.is_finite(), facts, "a bar has a price that is not positive"
        )
        refuse(rows, (price < low) | (price > high), facts, "a bar closes outside low and high")
    rows = rows.drop_nulls("price") if rows["price"].null_count() else rows
    if not again.any() or "kind" not in prices.columns:
        return rows
    return rows.filter(~repeats(rows, "time"))


def _kind_numbers(rows: pl.DataFrame, facts: pl.DataFrame) -> pl.Expr | pl.Series:
    """Read of what kind each bar is; a trade bar where it is not said."""
    if "kind" not in rows.columns:
        return pl.lit(PRICE_KINDS.index("close"), dtype=pl.Int8)
    require_text("prices", rows, ("kind",))
    kind = rows["kind"]
    there = set(kind.unique().to_list())
    if not there <= set(_KINDS):
        known = kind.cast(pl.String).is_in(list(_KINDS)).fill_null(False)
        refuse(rows, ~known, facts, f"kind is none of {', '.join(_KINDS)}")
    numbers = {name: number for name, number in _KINDS.items() if name in there}
    return kind.replace_strict(numbers, return_dtype=pl.Int8)


def _by_rank(rows: pl.DataFrame, again: pl.Series) -> pl.DataFrame:
    """Put the prices of one instant in order, the best first; ``again`` says which follow one."""
    if not (again & (rows["kind"] < rows["kind"].shift(1))).any():
        return rows
    return rows.sort("instrument", "time", "kind", maintain_order=True)
