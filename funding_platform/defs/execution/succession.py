"""When a trader is started: by new opportunities, or to take over from the one before it.

A run of the trader ends after a while, so that its step logs and metadata stay readable. The next
is started before that. It waits for the store, which one process at a time can write, and trades as
soon as the one before has let go of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import dagster as dg

from funding_platform.defs.execution.assets import Trading

AHEAD: Final = timedelta(minutes=5)
"""So long before a trader ends its successor is started: it has to load, and wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TraderRun:
    """A run of the trader.

    Parameters
    ----------
    started_at
        None while it has not begun.
    minutes
        How long it trades; None where it does not say.
    ended_well
        Whether it is over, and neither failed nor was ended by anybody.
    """

    run_id: str
    started_at: datetime | None
    minutes: float | None
    ended_well: bool = False

    def is_ending(self, now: datetime) -> bool:
        """Tell whether its successor should be on its way."""
        if self.started_at is None or self.minutes is None:
            return False
        return now >= self.started_at + timedelta(minutes=self.minutes) - AHEAD


def next_trader(
    at_work: Sequence[TraderRun],
    last: TraderRun | None,
    built: str | None,
    seen: str | None,
    now: datetime,
) -> tuple[str | None, str]:
    """Return the key of the run that is to be started, or None, and why.

    Parameters
    ----------
    at_work
        Those that are not over.
    last
        The newest that is over.
    built, seen
        When opportunities were built last, and at the last start.
    """
    if built is None:
        return None, "there are no opportunities yet"
    if len(at_work) == 1 and at_work[0].is_ending(now):
        return f"after {at_work[0].run_id}", "the trader that is at work ends soon"
    if at_work:
        return None, "a trader is at work, and takes the new ones itself"
    if built != seen:
        return built, "there are new opportunities"
    if last is not None and last.ended_well:
        return f"after {last.run_id}", "the last trader has ended, and none follows it"
    return None, "there are no newer opportunities, and the last trader was ended or failed"


def trader_run(record: dg.RunRecord) -> TraderRun:
    """Read a run as Dagster keeps it."""
    run, began = record.dagster_run, record.start_time
    config: Any = run.run_config
    told = config.get("ops", {}).get("trader", {}).get("config", {})
    minutes = told.get("minutes", Trading().minutes)
    return TraderRun(
        run_id=run.run_id,
        started_at=None if began is None else datetime.fromtimestamp(began, UTC),
        minutes=None if told.get("cycles") is not None else minutes,
        ended_well=run.status is dg.DagsterRunStatus.SUCCESS,
    )
