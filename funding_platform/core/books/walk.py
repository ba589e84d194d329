"""What it costs to trade against order books: the walk through their levels, for many at once.

No taker fee is in it, and a USD stablecoin counts as USD: costs are those of the book alone.
"""

from collections.abc import Sequence
from typing import Final

import polars as pl

from funding_platform.core.tables.columns import INSTRUMENT_KEY

BPS: Final = 1e4

_EXACT: Final = 1e-12
"""Relative. A book whose levels sum up to the notional reaches it, whatever the last bit says."""

_SIDE: Final = (*INSTRUMENT_KEY, "side")


def walk_books(
    books: pl.DataFrame,
    notionals: Sequence[float] = (),
    reaches_bps: Sequence[float] = (),
) -> pl.DataFrame:
    """Walk every book: ``buy = (VWAP / mid - 1) * 1e4`` on the asks, ``sell`` likewise on the bids.

    ``VWAP = sum(taken) / sum(taken / price)``, where of each level in turn is taken what is still
    missing from the notional: ``min(notional - taken before, price * size)``.

    Parameters
    ----------
    books
        Rows of ``core.order_book``: ``(levels of all books,)``, each side best first.
    notionals
        How much is traded, in units of the quote.
    reaches_bps
        Distances from mid, in basis points, within which the resting size is added up.

    Returns
    -------
    polars.DataFrame
        One row per book, by instrument: ``bid``, ``ask`` and ``mid`` in quote per base; the
        numbers of levels, ``bid_levels`` and ``ask_levels``; how far the last of them are from
        mid, ``bid_reach_bps`` and ``ask_reach_bps``; for the i-th notional ``buy_<i>`` and
        ``sell_<i>`` in basis points, null where the book does not reach; for the i-th distance
        ``bid_within_<i>`` and ``ask_within_<i>`` in units of the quote, of the levels seen. All
        that is measured from mid is null where a side is empty.
    """
    value = pl.col("price") * pl.col("size")
    levels = books.sort(*_SIDE, "level").with_columns(value.alias("value"))
    mids = _mids(levels)
    before = pl.col("value").cum_sum().over(_SIDE) - pl.col("value")
    levels = levels.with_columns(before.alias("before")).join(mids, on=INSTRUMENT_KEY)
    bids, asks = (levels.filter(side=side) for side in ("bid", "ask"))
    measured = mids
    for rows, name, verb, sign in ((bids, "bid", "sell", -1.0), (asks, "ask", "buy", 1.0)):
        found = rows.group_by(INSTRUMENT_KEY, maintain_order=True).agg(
            pl.len().cast(pl.Int64).alias(f"{name}_levels"),
            _distance(pl.col("price").last(), sign).alias(f"{name}_reach_bps"),
            *(_cost(notional, sign).alias(f"{verb}_{i}") for i, notional in enumerate(notionals)),
            *(_within(r, sign).alias(f"{name}_within_{i}") for i, r in enumerate(reaches_bps)),
        )
        measured = measured.join(found, on=INSTRUMENT_KEY, how="left")
    counts = pl.col("bid_levels", "ask_levels").fill_null(0)
    return measured.with_columns(counts).sort(INSTRUMENT_KEY)


def _mids(levels: pl.DataFrame) -> pl.DataFrame:
    """Find the best of each side, and ``mid = (bid + ask) / 2``."""
    best = levels.group_by(INSTRUMENT_KEY).agg(
        pl.col("price").filter(side="bid").first().alias("bid"),
        pl.col("price").filter(side="ask").first().alias("ask"),
    )
    return best.with_columns(((pl.col("bid") + pl.col("ask")) / 2).alias("mid"))


def _distance(price: pl.Expr, sign: float) -> pl.Expr:
    """``sign * (price / mid - 1) * 1e4``: how much worse than mid, in basis points."""
    return sign * (price / pl.col("mid").first() - 1) * BPS


def _cost(notional: float, sign: float) -> pl.Expr:
    """Measure what trading the notional costs; null where the levels do not reach it."""
    taken = pl.min_horizontal(notional - pl.col("before"), pl.col("value")).clip(0.0)
    vwap = taken.sum() / (taken / pl.col("price")).sum()
    reached = pl.col("value").sum() >= notional * (1 - _EXACT)
    return pl.when(reached).then(_distance(vwap, sign))


def _within(reach_bps: float, sign: float) -> pl.Expr:
    """Add up what rests within the distance from mid; null where there is no mid."""
    limit = pl.col("mid") * (1 + sign * reach_bps / BPS)
    near = sign * (pl.col("price") - limit) <= _EXACT * limit
    return pl.when(pl.col("mid").first().is_not_null()).then(
        pl.col("value").filter(near.fill_null(value=False)).sum()
    )
