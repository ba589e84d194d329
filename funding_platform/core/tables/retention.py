"""How long rows are kept: said once for each table of which some go; of all others none do."""

from datetime import timedelta
from typing import Final, NamedTuple

from funding_platform.core.tables.collected import MARKET_SNAPSHOTS, RAW_PAYLOADS
from funding_platform.core.tables.schema import Table


class Retention(NamedTuple):
    """Rows of a table that go, once they are old enough.

    ``doomed`` is the SQL condition of those older than ``$before``.
    """

    table: Table
    what: str
    age: timedelta
    doomed: str


def retentions(payload_days: int, hourly_days: int) -> tuple[Retention, ...]:
    """List what goes and when.

    Parameters
    ----------
    payload_days
        How long the venues' answers are kept.
    hourly_days
        How long the market snapshots of all hours are kept; 0 keeps them for good. No venue can be
        asked for them again.
    """
    answers = Retention(
        RAW_PAYLOADS,
        f"answers of venues, {payload_days} days old",
        timedelta(days=payload_days),
        _UNNEEDED_ANSWERS,
    )
    if not hourly_days:
        return (answers,)
    thinned = Retention(
        MARKET_SNAPSHOTS,
        f"all but the last snapshot of a day, {hourly_days} days old",
        timedelta(days=hourly_days),
        _EARLIER_THAT_DAY,
    )
    return answers, thinned


_UNNEEDED_ANSWERS: Final = f"""
observed_at < $before AND (
    body IS NULL
    OR sha256 NOT IN (SELECT sha256 FROM {RAW_PAYLOADS.full_name} WHERE observed_at >= $before)
)
"""
"""A body stays as long as a younger answer refers to it."""

_EARLIER_THAT_DAY: Final = f"""
snapshot_hour < date_trunc('day', $before)
AND (venue, venue_symbol, snapshot_hour) NOT IN (
    SELECT (venue, venue_symbol, max(snapshot_hour)) FROM {MARKET_SNAPSHOTS.full_name}
    WHERE snapshot_hour < date_trunc('day', $before)
    GROUP BY venue, venue_symbol, date_trunc('day', snapshot_hour)
)
"""
"""Of whole days, as a connection to the lake counts them: in UTC."""
