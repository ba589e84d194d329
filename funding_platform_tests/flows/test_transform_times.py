"""When the hour's transforms may start."""

from datetime import UTC, datetime

import pytest

from funding_platform.flows.transform_times import transform_is_due

VENUES = ["binance", "okx"]


@pytest.mark.parametrize(
    ("minute", "arrived", "due"),
    [
        (1, [], False),
        (1, ["binance"], False),
        (1, ["binance", "okx"], True),
        (9, ["binance"], False),
        (10, ["binance"], True),
        (59, [], False),
    ],
)
def test_transforms_wait_for_all_venues_or_the_deadline(
    minute: int, arrived: list[str], due: bool
) -> None:
    now = datetime(2026, 3, 14, 9, minute, tzinfo=UTC)
    assert transform_is_due(now, VENUES, arrived) is due
