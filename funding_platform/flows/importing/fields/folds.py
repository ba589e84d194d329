"""Which of two instants a local time is, in the hour that comes twice as clocks are put back."""

from datetime import datetime, timedelta

import polars as pl

from funding_platform.core.tables.columns import INSTRUMENT_KEY
from funding_platform.core.tables.schema import UTC_TIME
from funding_platform.core.time_grid import to_us


def with_folds_resolved(frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.Series]:
    """Decide which one of two instants each row is that has two.

    It is the one that lies as the other settlements around it do, or, without any, on a multiple
    of the stated interval. Where both do, as with hourly settlements, two rows of one instrument
    and file with the same local time are the first and the second, in the order of the file.

    Parameters
    ----------
    frame
        ``venue``, ``venue_symbol``, ``file``, ``line``, ``venue_time``, ``later`` and
        ``interval_hours``; all rows of an instrument.

    Returns
    -------
    tuple
        The frame without ``later``, and the numbers of the rows that stay undecided.
    """
    if frame["later"].null_count() == frame.height:
        return frame.drop("later"), pl.Series([], dtype=pl.UInt32)
    rows = frame.with_row_index("row").sort("venue", "venue_symbol", "file", "line")
    chosen: dict[int, datetime] = {}
    undecided: list[int] = []
    for series in rows.partition_by(*INSTRUMENT_KEY, "file", maintain_order=True):
        doubtful = series.filter(pl.col("later").is_not_null())
        sure = series.filter(pl.col("later").is_null())
        for group in doubtful.partition_by("venue_time", maintain_order=True):
            _decide(group, sure, descending=_descends(series), into=chosen, undecided=undecided)
    if chosen:
        decided = pl.DataFrame(
            {"row": list(chosen), "is": list(chosen.values())},
            schema={"row": pl.UInt32, "is": UTC_TIME},
        )
        frame = (
            frame.with_row_index("row")
            .join(decided, on="row", how="left", maintain_order="left")
            .with_columns(pl.coalesce("is", "venue_time").alias("venue_time"))
            .drop("row", "is")
        )
    return frame.drop("later"), pl.Series(sorted(undecided), dtype=pl.UInt32)


def _decide(
    group: pl.DataFrame,
    sure: pl.DataFrame,
    *,
    descending: bool,
    into: dict[int, datetime],
    undecided: list[int],
) -> None:
    """Decide for the rows of one local time, of one instrument in one file."""
    first, later = group["venue_time"][0], group["later"][0]
    rows = group["row"].to_list()
    fitting = _fitting((first, later), sure, group["interval_hours"][0])
    if fitting is not None:
        into.update(dict.fromkeys(rows, fitting))
    elif len(rows) == 2:
        order = (later, first) if descending else (first, later)
        into.update(zip(rows, order, strict=True))
    else:
        undecided.extend(rows)


def _fitting(
    candidates: tuple[datetime, datetime], sure: pl.DataFrame, stated: float | None
) -> datetime | None:
    """Choose the candidate on the grid of the settlements around it; None if not just one is."""
    near = sure.filter((pl.col("venue_time") - candidates[0]).abs() <= timedelta(days=2))
    stamps = (near if near.height else sure)["venue_time"].sort()
    references = [_hours_of(stamp) for stamp in stamps]
    options = [stated] if stated else [24.0, 12.0, 8.0, 6.0, 4.0, 3.0, 2.0, 1.0]
    for hours in options:
        phase = references[0] % hours if references else 0.0
        if not all(_congruent(one, phase, hours) for one in references):
            continue
        fitting = [one for one in candidates if _congruent(_hours_of(one), phase, hours)]
        if len(fitting) == 1 and (stated or references):
            return fitting[0]
    return None


def _congruent(hours: float, phase: float, step: float) -> bool:
    """Tell whether a time lies on a grid, give or take three minutes."""
    return abs((hours - phase + step / 2) % step - step / 2) <= 0.05


def _hours_of(moment: datetime) -> float:
    return to_us(moment) / 3.6e9


def _descends(series: pl.DataFrame) -> bool:
    stamps = series["venue_time"]
    return bool(stamps[0] > stamps[-1])
