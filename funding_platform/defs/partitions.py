"""How assets are partitioned, all in UTC: a partition is what can be asked for.

History by month: it costs at least one request per symbol however short the window, and each
partition event costs Dagster about 20 ms. It begins where the venue's history does, or what it
keeps. Snapshots by hour: they are perishable, so that of the past only the last days are shown.

Where partitions begin is known once the definitions are loaded: a code server that is started again
moves them along.
"""

import math
import warnings
from datetime import UTC, datetime, timedelta
from typing import Final

import dagster as dg

from funding_platform.core.tables.books.depth import ORDER_BOOK_DEPTH
from funding_platform.core.tables.collected import INSTRUMENTS, MARKET_SNAPSHOTS
from funding_platform.core.time_grid import month_start
from funding_platform.flows.collection.history.spans import MONTHS_AT_ONCE
from funding_platform.flows.features.computed import Input
from funding_platform.venues.specification import VenueSpec

# Backfill policies and nonexistent upstream partitions are beta in Dagster 1.13; we pin the
# version, and the warning would be printed once per asset.
warnings.filterwarnings("ignore", category=dg.BetaWarning)

HOUR_KEY: Final = "%Y-%m-%d-%H:%M"
MONTH_KEY: Final = "%Y-%m-%d"
"""How partitions are called."""

HISTORY_START = "2018-11-01"
"""The first month that any venue here has settlements of (Bybit's BTCUSD)."""

MONTHLY = dg.MonthlyPartitionsDefinition(start_date=HISTORY_START, timezone="UTC", end_offset=1)
"""Of what is computed of all venues."""

RECENT = timedelta(days=7)
"""Past hours that are shown: nobody asks which of last year's were collected."""

HOURLY_TABLES = (INSTRUMENTS, MARKET_SNAPSHOTS)
"""Tables that every hour should have of every venue: who owes them is asked again within it."""

BY_THE_HOUR = (*HOURLY_TABLES, ORDER_BOOK_DEPTH)
"""Tables whose assets are partitioned by the hour; all others are by the month, if at all."""

COLLECTED = INSTRUMENTS.schema
"""The schema of what venues are asked for, whose partitions begin with each."""

MONTH = timedelta(days=365.25 / 12)

BY_RANGE = dg.BackfillPolicy.single_run()
"""A range of partitions is one run."""

BY_STRETCH = dg.BackfillPolicy.multi_run(max_partitions_per_run=MONTHS_AT_ONCE)
"""As many months of history a run as are read and committed together. A run that is killed turns
the months of one stretch red, not those of years that it never came to; the others go on."""

ONE_BY_ONE = dg.BackfillPolicy.multi_run(max_partitions_per_run=1)
"""Only the running hour can be collected at all."""


def recent_hours(now: datetime) -> dg.HourlyPartitionsDefinition:
    """Return the partitions of snapshots: the hours of the last days, and those to come."""
    start = (now - RECENT).replace(hour=0, minute=0)
    return dg.HourlyPartitionsDefinition(
        start_date=f"{start:{HOUR_KEY}}", timezone="UTC", end_offset=1
    )


def months_kept(spec: VenueSpec, now: datetime) -> dg.MonthlyPartitionsDefinition:
    """Return the partitions of a venue's history: the months that it can be asked for.

    Of one that keeps three months, those before are none, whether or not the lake has them.
    """
    known = [datetime.fromisoformat(HISTORY_START).replace(tzinfo=UTC)]
    if spec.history_start is not None:
        known.append(spec.history_start)
    if spec.history_depth is not None:
        known.append(now - spec.history_depth)
    return dg.MonthlyPartitionsDefinition(
        start_date=f"{month_start(max(known)):{MONTH_KEY}}", timezone="UTC", end_offset=1
    )


def mapping_of(source: Input) -> dg.PartitionMapping | None:
    """Return how a month of a computed table maps to the partitions of one of its inputs.

    To the hours of that month, of which whichever were collected count; to that month and as many
    before it as the look-back takes, in months of mean length; to that month alone. What lies
    before the venue's history, or the hours shown, is no partition, and not waited for.

    What lies beyond the end of the month, within the input's reach, is not waited for: a refresh
    in the next month picks it up.
    """
    if source.table.schema != COLLECTED and not source.look_back:
        return None
    look_back = 0 if source.table in BY_THE_HOUR else math.ceil(source.look_back / MONTH)
    return dg.TimeWindowPartitionMapping(
        start_offset=-look_back, allow_nonexistent_upstream_partitions=True
    )
