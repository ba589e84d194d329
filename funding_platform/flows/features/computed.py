"""What a computed table is: what it is computed from, over which times, and how it is built.

A `ComputedTable` says all of it once. The lake is read by its inputs, the orchestrator derives its
dependencies and partition mappings from them, and a refresh finds by them what has changed. How a
table is computed does not belong here: that is its ``build``, beside its declaration.

A commit that computed up to the present notes, in its extra information, which version of the lake
it had read. What came into an input since is found in the lake itself, so that nothing has to be
remembered elsewhere: the table is rebuilt from the earliest such row on. To do so twice, or to
rebuild the whole instead, leaves the same table behind.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import polars as pl

from funding_platform.core.tables.schema import Table
from funding_platform.core.time_grid import TENOR, Window
from funding_platform.flows.progress import step
from funding_platform.lake.catalog import LAKE
from funding_platform.lake.writer import Lake, Scope
from funding_platform.settings import Settings

CORRECTIONS: Final = timedelta(days=3)
"""How far before its window a refresh reaches back: the last day of a month is collected on the
first of the next, and refreshed for a day more."""

_NOTES: Final = "TRY_CAST(commit_extra_info AS JSON)"

_LAST_BUILD: Final = f"""
SELECT CAST({_NOTES} ->> 'snapshot_read' AS BIGINT) AS snapshot_read,
    snapshot_time AS built_at, (SELECT min(snapshot_id) FROM {LAKE}.snapshots()) AS oldest
FROM {LAKE}.snapshots()
WHERE {_NOTES} ->> 'computed' = ?
ORDER BY snapshot_id DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Feed:
    """Which columns of an input go into which columns of the table that is computed from it.

    Parameters
    ----------
    columns
        Of the input.
    into
        Of the computed table: each of them depends on every one of ``columns``.
    """

    columns: tuple[str, ...]
    into: tuple[str, ...]


def by_name(*columns: str) -> tuple[Feed, ...]:
    """Say that columns of an input go into those of the same name."""
    return tuple(Feed((name,), (name,)) for name in columns)


@dataclass(frozen=True, slots=True)
class Input:
    """A table that another is computed from.

    Parameters
    ----------
    table
        What is read.
    time
        The column that dates its rows; None for a table whose present rows hold for all times,
        and whose changes alone rebuild nothing.
    look_back
        How long before a computed row the rows may lie that it depends on.
    reach
        How long after a computed row they may lie.
    feeds
        Which of its columns go into which computed ones.
    """

    table: Table
    time: str | None
    look_back: timedelta = timedelta(0)
    reach: timedelta = timedelta(0)
    feeds: tuple[Feed, ...] = ()

    def read(
        self,
        lake: Lake,
        window: Window,
        *,
        columns: tuple[str, ...] = (),
        where: str = "true",
        parameters: tuple[object, ...] = (),
    ) -> pl.DataFrame:
        """Read the rows that the computed rows of a window depend on.

        Parameters
        ----------
        columns
            Names of the columns wanted; all of them by default.
        where, parameters
            A further condition on the rows, in SQL.
        """
        if self.time is None:
            return lake.rows(self.table, where, [*parameters], columns=columns)
        return lake.rows(
            self.table,
            f"{self.time} >= ? AND {self.time} < ? AND ({where})",
            [window.start - self.look_back, window.end + self.reach, *parameters],
            columns=columns,
        )

    def changed_since(self, lake: Lake, snapshot: int) -> datetime | None:
        """Return the time of the first computed row that depends on what came in after a snapshot.

        None where nothing did.
        """
        if self.time is None:
            return None
        earliest: datetime | None = lake.read(
            f"SELECT min({self.time}) FROM ducklake_table_insertions(?, ?, ?, ?, ?)",
            [LAKE, self.table.schema, self.table.name, snapshot + 1, lake.snapshot_id()],
        ).item()
        return None if earliest is None else earliest - self.reach


@dataclass(frozen=True, slots=True)
class ComputedTable:
    """A table that is computed from others, a window of time at a time.

    Parameters
    ----------
    table
        What is computed.
    title
        What it is called where progress is shown.
    inputs
        All tables that its rows depend on, but for earlier rows of its own.
    build
        Computes the rows of a window from the lake.
    time
        The column that dates its rows.
    monthly
        Whether they are dated by beginnings of months only.
    """

    table: Table
    title: str
    inputs: tuple[Input, ...]
    build: Callable[[Lake, Window], pl.DataFrame]
    time: str = "as_of"
    monthly: bool = False

    def lineage(self) -> dict[str, list[tuple[Table, str]]]:
        """Return which columns of which inputs each column is computed from."""
        found: dict[str, list[tuple[Table, str]]] = {}
        for source in self.inputs:
            for feed in source.feeds:
                for name in feed.into:
                    found.setdefault(name, []).extend((source.table, one) for one in feed.columns)
        return found

    def rebuild(self, window: Window, settings: Settings, run_id: str) -> pl.DataFrame:
        """Replace all rows of the window by what the inputs give now.

        Returns
        -------
        polars.DataFrame
            The rows of the window.
        """
        with step(self.title), Lake(settings) as lake:
            return self._replace(lake, window, run_id)

    def refresh(self, window: Window, settings: Settings, run_id: str) -> pl.DataFrame:
        """Replace those rows of the window that can have changed since the last build.

        It begins up to three days before the window: what settled late in a month, and live strips
        of windows that cross its end, come in when the next has begun. A table whose commits bear
        no note of what they had read, as in a lake of an older version, counts as never built.

        Returns
        -------
        polars.DataFrame
            The rows replaced; of a monthly table, of which none is due in what changed, those that
            stand.
        """
        with step(self.title), Lake(settings) as lake:
            changed = self.changed_window(lake, window)
            if self.monthly and not _holds_a_beginning(changed):
                return self.rows(lake, window)
            return self._replace(lake, changed, run_id)

    def rows(self, lake: Lake, window: Window) -> pl.DataFrame:
        """Read the stored rows of a window."""
        return Input(self.table, self.time).read(lake, window)

    def changed_window(self, lake: Lake, window: Window) -> Window:
        """Return the part of the window that can differ from what the last build left.

        The whole of it where no build has reached the present yet, or the lake has forgotten since
        which version. Time alone changes strips too: a boundary passes without a settlement.
        """
        last = lake.read(_LAST_BUILD, [self.table.full_name])
        if last.is_empty() or last["snapshot_read"].item() + 1 < last["oldest"].item():
            return window
        snapshot_read, built_at, _ = last.row(0)
        # A build under a clock that was ahead is none of the future.
        changes = [min(built_at, datetime.now(UTC)) - TENOR]
        changes += filter(None, (one.changed_since(lake, snapshot_read) for one in self.inputs))
        start = max(min(changes), window.start - CORRECTIONS)
        return Window(min(start, window.end), window.end)

    def _replace(self, lake: Lake, window: Window, run_id: str) -> pl.DataFrame:
        """Build a window; computed tables are empty exactly when their input is."""
        note = None
        if window.end >= datetime.now(UTC):
            note = {"computed": self.table.full_name, "snapshot_read": lake.snapshot_id()}
        frame = self.build(lake, window)
        scope = Scope(time_column=self.time, window=window)
        lake.write(
            run_id,
            f"{self.table.name} {window}",
            lambda transaction: transaction.replace(self.table, frame, scope, proven_empty=True),
            tables=(self.table,),
            extra=note,
        )
        return frame


def _holds_a_beginning(window: Window) -> bool:
    """Tell whether a month begins in the window."""
    return any(window.start <= month.start for month in window.months())
