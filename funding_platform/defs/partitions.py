"""How assets are partitioned, all in UTC.

History by month: it costs at least one request per symbol however short the window, and each
partition event costs Dagster about 20 ms. Snapshots by hour: they are perishable.
"""

import math
import warnings
from datetime import timedelta

import dagster as dg

from funding_platform.core.tables.collected import INSTRUMENTS, MARKET_SNAPSHOTS
from funding_platform.flows.collection.spans import MONTHS_AT_ONCE
from funding_platform.flows.features.computed import Input

# Backfill policies and nonexistent upstream partitions are beta in Dagster 1.13; we pin the
# version, and the warning would be printed once per asset.
warnings.filterwarnings("ignore", category=dg.BetaWarning)

HISTORY_START = "2018-11-01"
"""The first month that any venue here has settlements of (Bybit's BTCUSD)."""

SNAPSHOT_START = "2026-01-01-00:00"
"""Before the platform's first collection; earlier hours could never be filled."""

MONTHLY = dg.MonthlyPartitionsDefinition(start_date=HISTORY_START, timezone="UTC", end_offset=1)
HOURLY = dg.HourlyPartitionsDefinition(start_date=SNAPSHOT_START, timezone="UTC", end_offset=1)

HOURLY_TABLES = (INSTRUMENTS, MARKET_SNAPSHOTS)
"""Tables whose assets are partitioned by the hour; all others are by the month, if at all."""

MONTH = timedelta(days=365.25 / 12)

BY_RANGE = dg.BackfillPolicy.single_run()
"""A range of partitions is one run."""

BY_STRETCH = dg.BackfillPolicy.multi_run(max_partitions_per_run=MONTHS_AT_ONCE)
"""As many months of history a run as are read and committed together. A run that is killed turns
the months of one stretch red, not those of years that it never came to; the others go on."""

ONE_BY_ONE = dg.BackfillPolicy.multi_run(max_partitions_per_run=1)
"""Only the running hour can be collected at all."""


def mapping_of(source: Input) -> dg.PartitionMapping | None:
    """Return how a month of a computed table maps to the partitions of one of its inputs.

    To the hours of that month, of which whichever were collected count; to that month and as many
    before it as the look-back takes, in months of mean length; to that month alone.

    What lies beyond the end of the month, within the input's reach, is not waited for: a refresh
    in the next month picks it up.
    """
    if source.table in HOURLY_TABLES:
        return dg.TimeWindowPartitionMapping(allow_nonexistent_upstream_partitions=True)
    if not source.look_back:
        return None
    return dg.TimeWindowPartitionMapping(
        start_offset=-math.ceil(source.look_back / MONTH),
        allow_nonexistent_upstream_partitions=True,
    )
