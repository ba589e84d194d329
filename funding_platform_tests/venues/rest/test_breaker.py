"""The breaker: opens after repeated failures, tries once, closes; bans; all on our own clock."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from funding_platform.settings import Settings
from funding_platform.venues.errors import (
    BannedError,
    BreakerOpenError,
    RequestError,
    ServerError,
    VenueError,
)
from funding_platform.venues.registry import breaker_record
from funding_platform.venues.rest.breaker import BAN_SECONDS, Breaker
from funding_platform.venues.rest.breaker_state import COOL_DOWN_SECONDS, OPEN_AFTER
from funding_platform.venues.rest.state.files import FileState, state_file


class Clock:
    def __init__(self) -> None:
        self.now = 1_767_225_600.0  # past: what is stamped ahead of the real clock is forgotten

    def __call__(self) -> float:
        return self.now

    @property
    def moment(self) -> datetime:
        return datetime.fromtimestamp(self.now, UTC)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker("venue", timer=clock)


def fail(breaker: Breaker, times: int = 1, kind: type[VenueError] = ServerError) -> None:
    for _ in range(times):
        with pytest.raises(kind, match="down"), breaker.call():
            raise kind("down for maintenance", venue="venue")


def succeed(breaker: Breaker) -> bool:
    with breaker.call() as on_trial:
        return on_trial


def test_one_failure_less_than_it_takes_leaves_it_closed(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, OPEN_AFTER - 1)
    assert breaker.record.state(clock.moment) == "closed"
    assert succeed(breaker) is False


def test_an_answer_in_between_begins_the_count_again(breaker: Breaker) -> None:
    for _ in range(3):
        fail(breaker, OPEN_AFTER - 1)
        succeed(breaker)


def test_a_declined_request_is_an_answer(breaker: Breaker) -> None:
    for _ in range(3):
        fail(breaker, OPEN_AFTER - 1)
        fail(breaker, kind=RequestError)


def test_open_it_says_when_it_tries_again_and_what_failed_last(
    breaker: Breaker, clock: Clock
) -> None:
    fail(breaker, OPEN_AFTER)
    clock.now += 10
    assert breaker.record.state(clock.moment) == "open"
    with pytest.raises(BreakerOpenError) as caught, breaker.call():
        pytest.fail("let through")
    assert "2026-01-01 00:00:30 UTC" in str(caught.value)
    assert "down for maintenance" in str(caught.value)
    assert caught.value.retry_after == COOL_DOWN_SECONDS - 10
    assert caught.value.retryable
    assert caught.value.stops_venue


def test_cooled_down_it_lets_one_call_through_and_an_answer_closes_it(
    breaker: Breaker, clock: Clock
) -> None:
    fail(breaker, OPEN_AFTER)
    clock.now += COOL_DOWN_SECONDS
    assert breaker.record.state(clock.moment) == "half-open"
    with breaker.call() as on_trial:
        assert on_trial
        with pytest.raises(BreakerOpenError), breaker.call():
            pytest.fail("a second one was let through")
    assert breaker.record.state(clock.moment) == "closed"
    assert succeed(breaker) is False


def test_a_trial_that_fails_keeps_it_open(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, OPEN_AFTER)
    for _ in range(3):
        clock.now += COOL_DOWN_SECONDS
        fail(breaker)
        with pytest.raises(BreakerOpenError), breaker.call():
            pytest.fail("let through")


def test_a_trial_whose_process_dies_is_followed_by_another(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, OPEN_AFTER)
    clock.now += COOL_DOWN_SECONDS
    with pytest.raises(KeyboardInterrupt), breaker.call():
        raise KeyboardInterrupt
    with pytest.raises(BreakerOpenError), breaker.call():
        pytest.fail("let through")
    clock.now += COOL_DOWN_SECONDS
    assert succeed(breaker)


@pytest.mark.parametrize("retry_after", [None, 86_400.0])
def test_a_ban_lasts_as_long_as_the_venue_says(
    breaker: Breaker, clock: Clock, retry_after: float | None
) -> None:
    refusal = BannedError("HTTP 418, banned", venue="venue")
    refusal.retry_after = retry_after
    breaker.ban(refusal)
    clock.now += (retry_after or BAN_SECONDS) - 1
    assert breaker.record.state(clock.moment) == "banned"
    with pytest.raises(BannedError, match=r"banned until 2026(.|\n)*HTTP 418") as caught:
        breaker.require_no_ban()
    assert caught.value.retry_after == pytest.approx(1.0)
    clock.now += 1
    assert succeed(breaker) is False


def test_a_shorter_ban_does_not_end_a_longer_one(breaker: Breaker, clock: Clock) -> None:
    long, short = BannedError("long", venue="venue"), BannedError("short", venue="venue")
    long.retry_after, short.retry_after = 3600.0, 1.0
    breaker.ban(long)
    breaker.ban(short)
    clock.now += 3599
    with pytest.raises(BannedError):
        breaker.require_no_ban()


def test_state_survives_a_restart_and_is_seen_by_others(tmp_path: Path, clock: Clock) -> None:
    settings = Settings(data_dir=tmp_path)
    assert breaker_record("okx", settings).failures == 0
    assert list(tmp_path.iterdir()) == []
    state = FileState(state_file(settings, "okx", "https://www.okx.com"))
    fail(Breaker("okx", state, timer=clock), OPEN_AFTER)
    state.close()
    record = breaker_record("okx", settings)
    assert record.failures == OPEN_AFTER
    assert record.state(clock.moment) == "open"
    assert "down for maintenance" in str(record.last_failure)
    restarted = FileState(state_file(settings, "okx", "https://www.okx.com"))
    with pytest.raises(BreakerOpenError), Breaker("okx", restarted, timer=clock).call():
        pytest.fail("let through")
    restarted.close()
