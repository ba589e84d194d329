"""Keeping computed tables up with their inputs, at the cost of what has changed.

A commit that computed up to the present says in its message which version of the lake it had read.
What came into an input since is found in the lake itself, so that nothing has to be remembered
elsewhere: the table is rebuilt from the earliest such row on. To do so twice, or to rebuild the
whole instead, leaves the same table behind.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import polars as pl

from funding_platform.core.tables.schema import Table
from funding_platform.core.time_grid import Window
from funding_platform.core.units import TENOR_HOURS
from funding_platform.lake.connection import LAKE
from funding_platform.lake.writer import Lake, Scope

_TENOR = timedelta(hours=TENOR_HOURS)

CORRECTIONS = timedelta(days=3)
"""How far before its window a follow reaches back: the last day of a month is collected on the
first of the next, and refreshed for a day more."""

_LAST_BUILD = f"""
SELECT CAST(regexp_extract(commit_message, ' following snapshot (\\d+)$', 1) AS BIGINT) AS version,
    snapshot_time AS built_at, (SELECT min(snapshot_id) FROM {LAKE}.snapshots()) AS oldest
FROM {LAKE}.snapshots()
WHERE regexp_matches(commit_message, ?)
ORDER BY snapshot_id DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Input:
    """A table that another is computed from.

    ``time`` is the column that dates its rows; ``reach`` is how long before a row the time of a
    computed row may be that depends on it.
    """

    table: Table
    time: str
    reach: timedelta = timedelta(0)


def changed(lake: Lake, table: Table, inputs: Sequence[Input], window: Window) -> Window:
    """The part of the window that can differ from what the last build left.

    The whole of it where no build has reached the present yet, or the lake has forgotten since
    which version. Time alone changes strips too: a boundary passes without a settlement.
    """
    last = lake.read(_LAST_BUILD, [rf": {table.name} .* following snapshot \d+$"])
    if last.is_empty() or last["version"].item() + 1 < last["oldest"].item():
        return window
    version, built_at, _ = last.row(0)
    # A build under a clock that was ahead is none of the future.
    changes = [min(built_at, datetime.now(UTC)) - _TENOR]
    for source in inputs:
        earliest = lake.read(
            f"SELECT min({source.time}) AS earliest FROM ducklake_table_insertions(?, ?, ?, ?, ?)",
            [LAKE, source.table.schema, source.table.name, version + 1, lake.snapshot_id()],
        ).item()
        if earliest is not None:
            changes.append(earliest - source.reach)
    start = max(min(changes), window.start - CORRECTIONS)
    return Window(min(start, window.end), window.end)


def version_to_follow(lake: Lake, window: Window) -> int | None:
    """The version of the lake that is about to be read, if the window reaches the present."""
    return lake.snapshot_id() if window.end >= datetime.now(UTC) else None


def read_window(lake: Lake, table: Table, window: Window, *, time: str = "as_of") -> pl.DataFrame:
    """A window's rows; ``time`` is the column that dates them."""
    rows = lake.read(
        f"SELECT * FROM {table.full_name} WHERE {time} >= ? AND {time} < ?",
        [window.start, window.end],
    )
    return rows.cast(dict(table.polars_schema))  # type: ignore[arg-type]


def replace_window(
    lake: Lake,
    table: Table,
    frame: pl.DataFrame,
    window: Window,
    run_id: str,
    followed: int | None,
    *,
    time: str = "as_of",
) -> None:
    """Replace a window's rows; computed tables are empty exactly when their input is.

    Parameters
    ----------
    followed
        What ``version_to_follow`` said before the inputs were read.
    time
        The column that dates the table's rows.
    """
    message = f"{table.name} {window}"
    if followed is not None:
        message += f" following snapshot {followed}"
    with lake.commit(run_id, message) as transaction:
        transaction.replace(table, frame, Scope(time_column=time, window=window), proven_empty=True)
