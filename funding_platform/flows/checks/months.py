"""Which months of a history should be there and are not, and since when.

A month is due a day after it began: by then the refreshes that come thrice a day have asked for it.
What lies before the first month that was ever made is nobody's loss: nobody asked for it.
"""

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import NamedTuple

from funding_platform.core.plain_text import first_few
from funding_platform.flows.checks.answer import Answer
from funding_platform.flows.checks.lake import HISTORY_REFRESH

SHOWN = 12
"""Months that are named."""


class Failed(NamedTuple):
    """The newest attempt to make a month, which has failed.

    Parameters
    ----------
    at
        When it began.
    run_id
        The run that made it.
    made_at
        When the month was made last; None if it never was.
    """

    at: datetime
    run_id: str
    made_at: datetime | None = None


def months_made(
    months: Sequence[datetime],
    made: AbstractSet[datetime],
    failed: Mapping[datetime, Failed],
    under_way: AbstractSet[datetime],
    now: datetime,
) -> Answer:
    """Is every month made that was due, by an attempt that has not failed since?

    Parameters
    ----------
    months
        All that the venue can be asked for, in order.
    made
        Those that were materialised.
    failed
        Those whose newest attempt has failed.
    under_way
        Those that are being made, or wait for it.
    now
        The present.
    """
    faults = list(_faults(months, made | under_way, failed, now))
    figures: dict[str, object] = {
        "made": len(made),
        "failed": len(failed),
        "never_made": len(faults) - len(failed),
    }
    if not faults:
        return Answer(True, f"{len(made)} months are made, none is missing", figures)
    return Answer(False, first_few(faults, SHOWN), figures)


def _faults(
    months: Sequence[datetime],
    made_or_under_way: AbstractSet[datetime],
    failed: Mapping[datetime, Failed],
    now: datetime,
) -> Iterator[str]:
    begun = min(made_or_under_way | failed.keys(), default=now)
    for month in months:
        due = month + HISTORY_REFRESH
        if attempt := failed.get(month):
            kept = f"made {attempt.made_at:%Y-%m-%d %H:%M}" if attempt.made_at else "never made"
            yield (
                f"{month:%Y-%m} failed {attempt.at:%Y-%m-%d %H:%M} UTC in run "
                f"{attempt.run_id[:8]}, {kept}"
            )
        elif month not in made_or_under_way and begun < month and due <= now:
            yield f"{month:%Y-%m} is missing since {due:%Y-%m-%d}"
