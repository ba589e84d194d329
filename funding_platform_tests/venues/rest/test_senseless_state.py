"""State that makes no sense, whoever wrote it: forgotten with a warning, and gone from the file."""

import asyncio
import logging
import sqlite3
from pathlib import Path

import pytest

from funding_platform.venues.errors import BannedError, ServerError
from funding_platform.venues.rest.breaker import Breaker
from funding_platform.venues.rest.breaker_state import OPEN_AFTER
from funding_platform.venues.rest.limits import Budget, Limiter
from funding_platform.venues.rest.retries import LONGEST_BAN_SECONDS
from funding_platform.venues.rest.state.files import FileState

NOW = 1_798_761_600.0
YEAR_9999 = 253_402_300_799.0
BUDGET = Budget("weight", 10, 1)

SENSELESS = {
    "banned until the year 9999": ("banned_until", YEAR_9999),
    "banned until no datetime": ("banned_until", 1e15),
    "banned for ever": ("banned_until", float("inf")),
    "banned until before time began": ("banned_until", -1e18),
    "banned until a text": ("banned_until", "tomorrow"),
    "less than no failures": ("failures", -3),
    "half a failure": ("failures", 5.5),
    "more failures than can be": ("failures", 2**62),
    "failures in words": ("failures", "many"),
    "let through in the year 9999": ("retry_at", YEAR_9999),
    "let through at no datetime": ("retry_at", -1e300),
    "let through at bytes": ("retry_at", b"\x00"),
    "failed at no datetime": ("last_failed_at", 1e17),
    "failed in the year 9999": ("last_failed_at", YEAR_9999),
    "a failure that is not a text": ("last_failure", b"\xff\xfe"),
    "a ban of a megabyte": ("ban", "x" * 2**20),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    FileState(tmp_path / "venue.sqlite").close()
    return tmp_path / "venue.sqlite"


def write(path: Path, statement: str, *values: object) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(statement, values)
    connection.close()


def breaker(state: FileState) -> Breaker:
    return Breaker("venue", state, timer=lambda: NOW)


@pytest.mark.parametrize("case", SENSELESS)
def test_it_is_forgotten_once(path: Path, case: str, caplog: pytest.LogCaptureFixture) -> None:
    column, value = SENSELESS[case]
    write(path, f"UPDATE breaker SET {column} = ?", value)
    state = FileState(path)
    with caplog.at_level(logging.WARNING):
        record = breaker(state).record
    assert "makes no sense" in caplog.text
    assert column in caplog.text
    blank = 0 if column == "failures" else None
    assert getattr(record, column) == blank
    caplog.clear()
    assert getattr(breaker(state).record, column) == blank
    with breaker(state).call() as on_trial:
        assert not on_trial
    assert caplog.text == ""
    state.close()


def test_what_makes_sense_beside_it_stays(path: Path) -> None:
    write(path, "UPDATE breaker SET banned_until = ?, failures = 2, last_failure = 'x'", 1e15)
    state = FileState(path)
    record = breaker(state).record
    assert (record.failures, record.last_failure, record.banned_until) == (2, "x", None)
    state.close()


def test_a_new_ban_is_not_measured_against_a_senseless_one(path: Path) -> None:
    write(path, "UPDATE breaker SET banned_until = ?", YEAR_9999)
    state = FileState(path)
    error = BannedError("shut out", venue="venue")
    error.retry_after = 60.0
    breaker(state).ban(error)
    banned_until = breaker(state).record.banned_until
    assert banned_until is not None
    assert banned_until.timestamp() == NOW + 60
    state.close()


@pytest.mark.parametrize("seconds", [1e15, float("inf"), YEAR_9999])
def test_no_ban_is_written_that_would_be_forgotten(path: Path, seconds: float) -> None:
    state = FileState(path)
    error = BannedError("shut out", venue="venue")
    error.retry_after = seconds
    breaker(state).ban(error)
    banned_until = breaker(state).record.banned_until
    assert banned_until is not None
    assert banned_until.timestamp() == NOW + LONGEST_BAN_SECONDS
    state.close()


def test_a_breaker_opens_as_ever_after_senseless_state(path: Path) -> None:
    write(path, "UPDATE breaker SET failures = -3")
    state = FileState(path)
    for _ in range(OPEN_AFTER):
        with pytest.raises(ServerError), breaker(state).call():
            raise ServerError("down", venue="venue")
    assert breaker(state).record.failures == OPEN_AFTER
    state.close()


@pytest.mark.parametrize("until", [YEAR_9999, 1e300, float("inf"), "later", b"\x00"])
def test_a_pause_beyond_any_cap_is_forgotten(path: Path, until: object) -> None:
    write(path, "INSERT INTO pauses VALUES ('weight', ?)", until)
    asyncio.run(spends_at_once(path))


@pytest.mark.parametrize(
    ("slot", "weight"),
    [(10**30, 1.0), ("soon", 1.0), (b"\x00", 1.0), (int(NOW * 1000), "much"),
     (int(NOW * 1000), float("inf")), (int(NOW * 1000), float("-inf")),
     (int(NOW * 1000), 1e300)],
)  # fmt: skip
def test_weight_that_cannot_have_been_spent_is_forgotten(
    path: Path, slot: object, weight: object
) -> None:
    slot = float(slot) if isinstance(slot, int) and slot > 2**63 else slot
    write(path, "INSERT INTO spent VALUES ('weight', ?, ?)", slot, weight)
    asyncio.run(spends_at_once(path))


async def spends_at_once(path: Path) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        raise AssertionError(f"waits {seconds} s")

    state = FileState(path)
    limiter = Limiter(state=state, timer=lambda: NOW, sleep=sleep)
    async with limiter.spend(BUDGET, 1):
        pass
    assert waits == []
    assert state.place == str(path)
    state.close()
