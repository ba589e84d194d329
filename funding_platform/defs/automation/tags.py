"""Tags of runs that whoever starts them writes, and whoever looks at them reads."""

from typing import Final

VENUE_TAG: Final = "venue"
"""The one venue that a run asks."""

PARTITION_TAG: Final = "dagster/partition"
"""Dagster's own: the partition that a run makes."""
