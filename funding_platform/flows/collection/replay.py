"""Reading recorded answers again, through today's adapters, as if it were then.

What comes out is what was stored, byte for byte, as long as the adapters are what they were. After
a parser was corrected it is what should have been stored: even an attempt that failed over an
unexpected field gives its rows, if the answers that it has suffice.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from funding_platform.core.errors import FundingError
from funding_platform.core.tables.registry import table_named
from funding_platform.core.time_grid import Window
from funding_platform.flows.blocking import blocking
from funding_platform.flows.collection.history.months import read_window
from funding_platform.flows.collection.history.report import HistoryReport
from funding_platform.flows.collection.history.spans import known_instruments
from funding_platform.flows.collection.log import Attempt
from funding_platform.flows.collection.recording import Recording, recorded_exchanges
from funding_platform.flows.collection.snapshots import SNAPSHOTS
from funding_platform.flows.progress import begin
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings
from funding_platform.venues.registry import replayed_venue
from funding_platform.venues.rest.memory import Share
from funding_platform.venues.unexpected import typed_failures

_RECORDED = """
SELECT run_id, venue, dataset, started_at, log.window_start, log.window_end
FROM core.collection_log AS log
SEMI JOIN core.raw_payloads USING (run_id, venue, dataset, started_at)
WHERE (len(?) = 0 OR list_contains(?, venue))
AND started_at >= coalesce(?, '-infinity'::TIMESTAMPTZ)
AND started_at < coalesce(?, 'infinity'::TIMESTAMPTZ)
ORDER BY started_at, venue
"""


@dataclass(slots=True)
class Replayed:
    """A recorded attempt, read again: how many rows it gave, or why none."""

    attempt: Attempt
    rows: int = 0
    error: FundingError | None = None


async def replay_async(
    settings: Settings,
    run_id: str,
    *,
    into: Settings | None = None,
    venues: Sequence[str] = (),
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[Replayed]:
    """Read the recorded attempts again, the oldest first, and store what they give.

    Parameters
    ----------
    settings
        Whose lake has the recorded answers.
    run_id
        The author of the commits.
    into
        Whose lake gets the rows; the same one by default.
    venues
        Only these; all by default.
    since, until
        Only attempts that began from ``since`` up to but not at ``until``.

    Returns
    -------
    list of Replayed
        One for each attempt; one that fails does not stop the others.
    """
    with Lake(settings) as source, Lake(into or settings) as target:
        replays = [Replayed(attempt) for attempt in _recorded(source, venues, since, until)]
        advance = begin("replay", len(replays))
        for one in replays:
            try:
                with typed_failures(one.attempt.venue, one.attempt.dataset.full_name):
                    one.rows = await _read_again(one.attempt, source, target, run_id)
            except FundingError as error:
                one.error = error
            advance()
    return replays


replay = blocking(replay_async)


def _recorded(
    lake: Lake, venues: Sequence[str], since: datetime | None, until: datetime | None
) -> list[Attempt]:
    """List the attempts whose answers the lake has, the oldest first."""
    rows = lake.read(_RECORDED, [list(venues), list(venues), since, until])
    return [
        Attempt(run, venue, table_named(dataset), at, at, Window(start, end) if start else None)
        for run, venue, dataset, at, start, end in rows.iter_rows()
    ]


async def _read_again(then: Attempt, source: Lake, target: Lake, run_id: str) -> int:
    """Store the rows of an attempt as a run of now; returns how many."""
    exchanges = recorded_exchanges(source, then)
    async with replayed_venue(then.venue, exchanges, then.started_at) as venue:
        if then.window is not None:
            report = HistoryReport(then.venue, then.window, then.dataset)
            known = known_instruments(source, venue, before=then.started_at)
            now = Recording(replace(then, run_id=run_id), 0, Share(then.venue), logged=False)
            await read_window(venue, report, target, known, now)
            return report.rows
        snapshot = SNAPSHOTS[then.dataset.full_name]
        frame = await snapshot.ask(venue)
        message = f"replay of {then.venue} {then.dataset.name}"
        with target.commit(run_id, message, tables=snapshot.writes) as transaction:
            snapshot.store(transaction, frame)
        return frame.height
