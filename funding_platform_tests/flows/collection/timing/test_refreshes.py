"""When history is refreshed, and which months."""

from datetime import UTC, datetime

import pytest

from funding_platform.flows.collection.timing.refreshes import latest_refresh, months_to_refresh


@pytest.mark.parametrize(
    ("now", "refresh"),
    [
        ((14, 0, 19), (13, 16, 20)),
        ((14, 0, 20), (14, 0, 20)),
        ((14, 15, 59), (14, 8, 20)),
        ((14, 23, 59), (14, 16, 20)),
    ],
)
def test_history_is_refreshed_thrice_a_day(
    now: tuple[int, int, int], refresh: tuple[int, int, int]
) -> None:
    assert latest_refresh(datetime(2026, 3, *now, tzinfo=UTC)) == datetime(
        2026, 3, *refresh, tzinfo=UTC
    )


@pytest.mark.parametrize(
    ("day", "months"),
    [
        (datetime(2026, 3, 1, 0, 20, tzinfo=UTC), [(2026, 2), (2026, 3)]),
        (datetime(2026, 3, 2, 23, 0, tzinfo=UTC), [(2026, 2), (2026, 3)]),
        (datetime(2026, 3, 3, 0, 20, tzinfo=UTC), [(2026, 3)]),
        (datetime(2026, 1, 1, 0, 20, tzinfo=UTC), [(2025, 12), (2026, 1)]),
    ],
)
def test_a_month_that_just_ended_is_still_refreshed(
    day: datetime, months: list[tuple[int, int]]
) -> None:
    assert [(month.year, month.month) for month in months_to_refresh(day)] == months
