"""How long rows are kept: said once for each table of which some go; of all others none do."""

from datetime import timedelta
from typing import Final, NamedTuple

from funding_platform.core.tables.books.depth import ORDER_BOOK_DEPTH
from funding_platform.core.tables.collected import MARKET_SNAPSHOTS, RAW_PAYLOADS
from funding_platform.core.tables.columns import INSTRUMENT_KEY
from funding_platform.core.tables.live import LIVE_RATES
from funding_platform.core.tables.schema import Table


class Retention(NamedTuple):
    """Rows of a table that go, once they are old enough.

    ``doomed`` is the SQL condition of those older than ``$before``.
    """

    table: Table
    what: str
    age: timedelta
    doomed: str


def retentions(payload_days: int, hourly_days: int, minute_days: int) -> tuple[Retention, ...]:
    """List what goes and when.

    Parameters
    ----------
    payload_days
        How long the venues' answers are kept.
    hourly_days
        How long the market snapshots and measured books of all hours are kept; 0 keeps them for
        good. No venue can be asked for them again.
    minute_days
        How long every minute of the streams is kept; 0 keeps them for good.
    """
    answers = Retention(
        RAW_PAYLOADS,
        f"answers of venues, {payload_days} days old",
        timedelta(days=payload_days),
        _UNNEEDED_ANSWERS,
    )
    thinned = (
        Retention(
            MARKET_SNAPSHOTS,
            f"all but the last snapshot of a day, {hourly_days} days old",
            timedelta(days=hourly_days),
            _all_but_the_last(MARKET_SNAPSHOTS, "snapshot_hour", "day"),
        ),
        Retention(
            ORDER_BOOK_DEPTH,
            f"all but the last measured book of a day, {hourly_days} days old",
            timedelta(days=hourly_days),
            _all_but_the_last(ORDER_BOOK_DEPTH, "snapshot_hour", "day"),
        ),
        Retention(
            LIVE_RATES,
            f"all but the last minute of an hour, {minute_days} days old",
            timedelta(days=minute_days),
            _all_but_the_last(LIVE_RATES, "minute_time", "hour"),
        ),
    )
    return answers, *(rule for rule in thinned if rule.age)


def _all_but_the_last(table: Table, time: str, unit: str) -> str:
    """Write which rows are not an instrument's last of a whole day or hour.

    Days are as a connection to the lake counts them: in UTC.
    """
    old = f"{time} < date_trunc('{unit}', $before)"
    key = ", ".join(INSTRUMENT_KEY)
    return f"""
{old}
AND ({key}, {time}) NOT IN (
    SELECT ({key}, max({time})) FROM {table.full_name}
    WHERE {old}
    GROUP BY {key}, date_trunc('{unit}', {time})
)
"""


_UNNEEDED_ANSWERS: Final = f"""
observed_at < $before AND (
    body IS NULL
    OR sha256 NOT IN (SELECT sha256 FROM {RAW_PAYLOADS.full_name} WHERE observed_at >= $before)
)
"""
"""A body stays as long as a younger answer refers to it."""
