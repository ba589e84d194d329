"""Open interest at full hours, out of figures of any time. Pure."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import polars as pl

from funding_platform.core.tables.schema import UTC_TIME
from funding_platform.flows.importing.series.hours import INCOMPLETE, Hourly
from funding_platform.flows.importing.series.sifting import each_once, sift

FIGURES: Final = ("open_interest_base", "open_interest_usd")

AT_THE_HOUR: Final = timedelta(minutes=1)
"""A figure this close to a full hour is that of the hour."""

BETWEEN_HOURS: Final = "is not of a full hour"


def at_hours(rows: pl.DataFrame, key: Sequence[str]) -> Hourly:
    """Figures of full hours, each once, sorted by ``key`` and ``time``.

    A level is no flow: what lies between two hours is left out, not added up. A figure is known
    from its own stamp on, ``available_at``, which may be some seconds after the hour.

    Parameters
    ----------
    rows
        What ``OpenInterestFile`` gives, with ``file``; all rows of some instruments.
    """
    stamp = pl.col("time")
    hour = stamp.dt.round("1h").cast(UTC_TIME)
    blank = pl.all_horizontal(pl.col(name).is_null() for name in FIGURES)
    reason = (
        pl.when(blank)
        .then(pl.lit("has no figure"))
        .when(pl.any_horizontal(pl.col(name) < 0 for name in FIGURES))
        .then(pl.lit("has a figure below zero"))
        .when((stamp - hour).abs() > AT_THE_HOUR)
        .then(pl.lit(BETWEEN_HOURS))
    )
    kept, left_out = sift(rows, reason)
    timed = kept.with_columns(
        hour.alias("time"), pl.max_horizontal(hour, stamp).alias("available_at")
    ).sort(*key, "time", "available_at", "file", "line")
    once, disputed = each_once(timed, [*key, "time"], FIGURES, "is told")
    return Hourly(once, pl.concat([left_out, disputed]), INCOMPLETE.to_frame())
