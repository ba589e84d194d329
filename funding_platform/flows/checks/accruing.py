"""Settled rates beside a figure that accrues: no settlement is its own, it is what hours paid.

Deribit's ``funding_8h`` is the sum of eight ``interest_1h``, up to this second. Over 15,994 hours
of BTC-PERPETUAL from 2019 to 2021 the two lie within 0.4 bp in 99 of 100, and 47 beyond the
tolerance of ``checks.rates``.
"""

from typing import Final

import polars as pl

from funding_platform.core.time_grid import HOUR, LATENESS
from funding_platform.flows.checks.rates import PAIR, SYMBOL, UNPRICED, UNSHIFTED, in_hours

COVERED: Final = 0.95
"""Of the hours of a figure that accrues, so much must be known: seven of eight are too few."""


def settled_and_accruing(settled: pl.DataFrame, predicted: pl.DataFrame) -> pl.DataFrame:
    """Put each figure without a settlement time beside what settled in the interval up to it.

    Such a figure is what the last ``other_hours`` have paid, and moves on with every second. So
    each settlement counts by the part of its own hours that lies within:

        rate = other_hours * sum(rate_i / hours_i * overlap_i) / sum(overlap_i)

    What accrued since the last settlement is unknown and covered by the tolerance. Where any other
    part of the interval is unknown there is no pair.

    Parameters
    ----------
    settled
        As for ``settled_and_predicted``.
    predicted
        The same columns; those of rows that name a settlement are left out.

    Returns
    -------
    polars.DataFrame
        As ``settled_and_predicted``; ``time`` is that of the last settlement, ``hours`` those of
        the figure.
    """
    observed, time = pl.col("observed_at"), pl.col("funding_time")
    begins = observed - _duration("other_hours")
    undated = predicted.filter(pl.col("next_funding_time").is_null()).select(
        SYMBOL,
        "observed_at",
        pl.col("predicted_rate").alias("other_rate"),
        pl.col("interval_hours").alias("other_hours"),
    )
    ours = settled.select(SYMBOL, "funding_time", "funding_rate", "interval_hours")
    overlap = time - pl.max_horizontal(time - _duration("interval_hours"), begins)
    pairs = (
        undated.join(ours, on=SYMBOL)
        .filter(time <= observed, time > begins)
        .with_columns(in_hours(overlap).alias("overlap"))
        .sort("funding_time")
        .group_by(SYMBOL, "observed_at", "other_rate", "other_hours")
        .agg(
            time.last().alias("time"),
            pl.col("interval_hours").last().alias("last_hours"),
            (pl.col("funding_rate") / pl.col("interval_hours") * pl.col("overlap"))
            .sum()
            .alias("paid"),
            pl.col("overlap").sum().alias("covered"),
        )
        .with_columns(
            in_hours(observed - pl.col("time")).alias("hours_apart"),
            pl.col("other_hours").alias("hours"),
            (pl.col("paid") / pl.col("covered") * pl.col("other_hours")).alias("rate"),
        )
    )
    settled_since = pl.col("hours_apart") <= pl.col("last_hours") + LATENESS / HOUR
    known = pl.col("covered") + pl.col("hours_apart") >= COVERED * pl.col("other_hours")
    return pairs.filter(settled_since, known).select(*PAIR, "hours_apart", UNSHIFTED, UNPRICED)


def _duration(hours: str) -> pl.Expr:
    return pl.duration(seconds=(pl.col(hours) * 3600).cast(pl.Int64))
