"""Backfilling several venues side by side: one that is down, or slow, costs itself only."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from funding_platform.core.errors import FundingError
from funding_platform.core.tables.schema import Table
from funding_platform.core.time_grid import Window
from funding_platform.flows.blocking import blocking
from funding_platform.flows.collection.history.months import collect_history_async
from funding_platform.flows.collection.history.report import COMPLETE_SHARE, HistoryReport
from funding_platform.flows.collection.history.resuming import proven_windows, remaining
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings

SIDE_BY_SIDE: Final = 3
"""Venues asked at once, as many as Dagster's runs: each may hold half a year of its history."""


@dataclass(slots=True)
class Backfilled:
    """What came of one table of one venue.

    Parameters
    ----------
    venue, table
        Which.
    proven
        Months that were proven already, and not asked for.
    reports
        What was read, a window each.
    error
        Why there is no more.
    """

    venue: str
    table: Table
    proven: int = 0
    reports: list[HistoryReport] = field(default_factory=list)
    error: FundingError | None = None

    @property
    def short(self) -> bool:
        """Whether something failed, or too little of what was due is there."""
        return self.error is not None or any(
            report.failures or report.coverage_share < COMPLETE_SHARE for report in self.reports
        )


async def backfill_async(
    asked: Mapping[str, Sequence[Table]],
    window: Window,
    settings: Settings,
    run_id: str,
    *,
    resume: bool = False,
) -> list[Backfilled]:
    """Refetch tables of venues in a window, ``SIDE_BY_SIDE`` venues at a time.

    Parameters
    ----------
    asked
        The tables of each venue, read one after the other: they share its request budget.
    window
        Whole months.
    run_id
        Each venue's run is called by it and the venue's name.
    resume
        Leave out the months that the collection log says were read whole.

    Returns
    -------
    list of Backfilled
        One for each table of each venue, in the order of ``asked``.
    """
    places = asyncio.Semaphore(SIDE_BY_SIDE)
    at_once = min(SIDE_BY_SIDE, max(1, len(asked)))
    share = {"collection_memory_mib": max(16, settings.collection_memory_mib // at_once)}
    mine = settings.model_copy(update=share)

    async def one_venue(venue: str, tables: Sequence[Table]) -> list[Backfilled]:
        async with places:
            return [
                await _one_table(venue, table, window, mine, f"{run_id}-{venue}", resume=resume)
                for table in tables
            ]

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one_venue(venue, tables)) for venue, tables in asked.items()]
    return [one for task in tasks for one in task.result()]


backfill = blocking(backfill_async)


async def _one_table(
    venue: str, table: Table, window: Window, settings: Settings, run_id: str, *, resume: bool
) -> Backfilled:
    done = Backfilled(venue, table)
    windows = [window]
    if resume:
        with Lake(settings) as lake:
            windows = list(remaining(window, proven_windows(lake, venue, table)))
        left = sum(1 for one in windows for _ in one.months())
        done.proven = sum(1 for _ in window.months()) - left
    try:
        for one in windows:
            done.reports.append(await collect_history_async(venue, one, settings, run_id, table))
    except FundingError as error:  # one venue that is down costs itself only
        done.error = error
    return done
