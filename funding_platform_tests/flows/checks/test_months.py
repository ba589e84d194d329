"""Months that should be there: what counts as missing, and how it is told."""

from datetime import UTC, datetime

import pytest

from funding_platform.flows.checks.months import Failed, months_made

MONTHS = [datetime(2026, month, 1, tzinfo=UTC) for month in range(1, 6)]
JANUARY, FEBRUARY, MARCH, APRIL, MAY = MONTHS
NOW = datetime(2026, 5, 20, tzinfo=UTC)


def test_what_was_made_whole_passes() -> None:
    answer = months_made(MONTHS, {*MONTHS}, {}, set(), NOW)
    assert (answer.passed, answer.verdict) == (True, "5 months are made, none is missing")


def test_months_before_the_first_are_nobodys_loss() -> None:
    assert months_made(MONTHS, {APRIL, MAY}, {}, set(), NOW).passed
    assert months_made(MONTHS, set(), {}, set(), NOW).passed


def test_a_hole_is_missing_since_it_was_due() -> None:
    answer = months_made(MONTHS, {JANUARY, FEBRUARY, APRIL, MAY}, {}, set(), NOW)
    assert (answer.passed, answer.verdict) == (False, "2026-03 is missing since 2026-03-02")
    assert answer.figures == {"made": 4, "failed": 0, "never_made": 1}


@pytest.mark.parametrize(("hour", "passed"), [(23, True), (24, False)])
def test_a_month_is_due_a_day_after_it_began(hour: int, passed: bool) -> None:
    now = datetime(2026, 5, 1 + hour // 24, hour % 24, tzinfo=UTC)
    assert months_made(MONTHS, {*MONTHS} - {MAY}, {}, set(), now).passed is passed


def test_an_attempt_that_failed_is_told_with_what_is_there_instead() -> None:
    failed = {
        APRIL: Failed(datetime(2026, 5, 2, 0, 20, tzinfo=UTC), "0123456789", MAY),
        MAY: Failed(datetime(2026, 5, 20, tzinfo=UTC), "abcdefghij"),
    }
    answer = months_made(MONTHS, {MARCH, APRIL}, failed, set(), NOW)
    assert not answer.passed
    assert "2026-04 failed 2026-05-02 00:20 UTC in run 01234567, made 2026-05-01 00:00" in (
        answer.verdict
    )
    assert "2026-05 failed 2026-05-20 00:00 UTC in run abcdefgh, never made" in answer.verdict
    assert answer.figures == {"made": 2, "failed": 2, "never_made": 0}


def test_what_is_under_way_is_not_missing() -> None:
    assert months_made(MONTHS, {*MONTHS} - {MAY}, {}, {MAY}, NOW).passed
