"""How assets are partitioned, all in UTC.

History by month: it costs at least one request per symbol however short the window, and each
partition event costs Dagster about 20 ms. Snapshots by hour: they are perishable.
"""

import warnings

import dagster as dg

# Backfill policies and nonexistent upstream partitions are beta in Dagster 1.13; we pin the
# version, and the warning would be printed once per asset.
warnings.filterwarnings("ignore", category=dg.BetaWarning)

HISTORY_START = "2018-11-01"
"""The first month that any venue here has settlements of (Bybit's BTCUSD)."""

SNAPSHOT_START = "2026-01-01-00:00"
"""Before the platform's first collection; earlier hours could never be filled."""

MONTHLY = dg.MonthlyPartitionsDefinition(start_date=HISTORY_START, timezone="UTC", end_offset=1)
HOURLY = dg.HourlyPartitionsDefinition(start_date=SNAPSHOT_START, timezone="UTC", end_offset=1)

MONTH_AND_THE_ONE_BEFORE = dg.TimeWindowPartitionMapping(
    start_offset=-1, allow_nonexistent_upstream_partitions=True
)
"""A curve looks back over eight windows of eight hours, its factors over 28 days: never further
than into the month before."""

MONTH_AND_THE_THREE_BEFORE = dg.TimeWindowPartitionMapping(
    start_offset=-3, allow_nonexistent_upstream_partitions=True
)
"""A model is fitted to 90 days of curves, and applies for as long."""

HOURS_OF_THE_MONTH = dg.TimeWindowPartitionMapping(allow_nonexistent_upstream_partitions=True)
"""Live curves use whichever snapshots of the month were taken."""

BY_RANGE = dg.BackfillPolicy.single_run()
"""A range of partitions is one run: history pages straight through it."""

ONE_BY_ONE = dg.BackfillPolicy.multi_run(max_partitions_per_run=1)
"""Only the running hour can be collected at all."""
