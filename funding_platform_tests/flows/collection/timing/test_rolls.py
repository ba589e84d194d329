"""When settled rates are refreshed after a roll."""

from datetime import UTC, datetime, timedelta

import pytest

from funding_platform.flows.collection.timing.rolls import Refresh, roll_to_follow


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 3, 14, hour, minute, tzinfo=UTC)


ANNOUNCED = [at(8), at(9), at(16)]
QUICK, SLOW = timedelta(seconds=6), timedelta(minutes=5)


@pytest.mark.parametrize(
    ("now", "last", "roll"),
    [
        (at(7, 59), None, None),
        (at(8, 1), None, None),  # not yet published
        (at(8, 2), None, at(8)),
        (at(9, 2), None, at(9)),
        (at(9, 2), Refresh(at(8, 2), QUICK), at(9)),
        (at(9, 3), Refresh(at(9, 2), QUICK), None),  # followed already
        (at(9, 2), Refresh(at(9, 1), QUICK), at(9)),  # asked before it was published
        (at(9, 2), Refresh(at(8, 20), SLOW), None),  # its budget wants 50 minutes
        (at(9, 10), Refresh(at(8, 20), SLOW), at(9)),
    ],
)
def test_each_roll_is_followed_once_as_far_as_the_budget_goes(
    now: datetime, last: Refresh | None, roll: datetime | None
) -> None:
    assert roll_to_follow(now, ANNOUNCED, last) == roll


def test_a_venue_that_announces_nothing_is_not_followed() -> None:
    assert roll_to_follow(at(9), [], None) is None
