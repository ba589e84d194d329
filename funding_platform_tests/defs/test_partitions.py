"""What the partition picture shows: what can be asked for, and nothing else."""

from datetime import UTC, datetime

import pytest

from funding_platform.defs.partitions import RECENT, months_kept, recent_hours
from funding_platform.venues.registry import venue_spec

NOW = datetime(2026, 3, 14, 9, 26, tzinfo=UTC)


@pytest.mark.parametrize(
    ("venue", "first"),
    [
        ("okx", "2025-12-01"),  # which keeps 90 days
        ("hyperliquid", "2023-05-01"),  # which keeps all, from its start
        ("bybit", "2018-11-01"),
    ],
)
def test_a_history_begins_where_the_venue_keeps_it(venue: str, first: str) -> None:
    keys = months_kept(venue_spec(venue), NOW).get_partition_keys(current_time=NOW)
    assert (keys[0], keys[-1]) == (first, "2026-03-01")


def test_hours_are_those_of_the_last_days() -> None:
    keys = recent_hours(NOW).get_partition_keys(current_time=NOW)
    assert (keys[0], keys[-1]) == ("2026-03-07-00:00", "2026-03-14-09:00")
    assert len(keys) < RECENT.days * 24 + 24
