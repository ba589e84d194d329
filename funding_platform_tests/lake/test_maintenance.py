"""Maintenance: what it may delete, whom it may not disturb, and what a clock may tell it."""

import os
import signal
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from funding_platform.core.tables.collected import FUNDING_RATES
from funding_platform.lake import connect
from funding_platform.lake.ages import judged
from funding_platform.lake.errors import ClockJumpedError
from funding_platform.lake.leftovers import listed
from funding_platform.lake.maintenance import maintain
from funding_platform.lake.recovery.rows import fingerprints
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings
from funding_platform_tests.lake.conftest import age, january_of, parquet_names, rates
from funding_platform_tests.lake.test_processes import SPAWN, stop_before_commit

COUNTED = (
    "SELECT venue, count(*), round(sum(funding_rate), 9) FROM core.funding_rates "
    "GROUP BY venue ORDER BY venue"
)
DAY = timedelta(days=1)


def test_a_reader_in_a_transaction_loses_no_row(settings: Settings) -> None:
    """Neither to a replaced month whose snapshots are old, nor to flushing or merging."""
    with Lake(settings) as lake:
        with lake.commit("run", "month") as transaction:
            transaction.replace(FUNDING_RATES, rates(symbols=20, hours=24), january_of())
        for venue in ("okx", "bybit", "okx2"):
            few = rates(venue[:3], symbols=1, hours=3).with_columns(
                pl.col("venue_symbol") + pl.lit(venue)
            )
            with lake.commit("run", "to be flushed") as transaction:
                transaction.append(FUNDING_RATES, few)
            with lake.commit("run", "to be flushed with what it deletes") as transaction:
                transaction.upsert(FUNDING_RATES, few.with_columns(funding_rate=pl.lit(3e-4)))
    with connect(settings) as reader:
        reader.execute("BEGIN")
        before = reader.execute(COUNTED).fetchall()
        with Lake(settings) as lake, lake.commit("run", "replaced") as transaction:
            transaction.replace(FUNDING_RATES, rates(symbols=5, hours=2), january_of())
        files = parquet_names(settings)
        for _ in range(2):
            maintain(settings, keep_days=0)
            assert reader.execute(COUNTED).fetchall() == before
        assert files <= parquet_names(settings)
        reader.execute("COMMIT")
        assert reader.execute(COUNTED).fetchall() != before


def test_old_snapshots_and_their_files_go(settings: Settings) -> None:
    with Lake(settings) as lake:
        for rate in (1e-4, 2e-4, 3e-4):
            with lake.commit("run", "month") as transaction:
                transaction.replace(
                    FUNDING_RATES, rates(symbols=20, hours=24, rate=rate), january_of()
                )
    before = fingerprints(settings)
    age(settings, 1.5 * DAY)
    assert maintain(settings, keep_days=0).snapshots_expired > 0
    assert len(parquet_names(settings)) == 3  # given up by the catalog, and not long enough ago
    age(settings, 1.5 * DAY)
    maintain(settings, keep_days=0, trust_clock=True)
    assert len(parquet_names(settings)) == 1
    assert fingerprints(settings) == before


def test_what_a_killed_writer_left_goes_and_nothing_else_unknown(settings: Settings) -> None:
    with Lake(settings) as lake, lake.commit("good", "first") as transaction:
        transaction.replace(FUNDING_RATES, rates(symbols=9, hours=9), january_of())
    (good,) = parquet_names(settings)
    ready = SPAWN.Event()
    doomed = SPAWN.Process(target=stop_before_commit, args=(settings, ready))
    doomed.start()
    assert ready.wait(60)
    assert doomed.pid is not None
    os.kill(doomed.pid, signal.SIGKILL)
    doomed.join()
    (left,) = parquet_names(settings) - {good}
    with Lake(settings) as lake, lake.commit("next", "finds the mark") as transaction:
        transaction.append(FUNDING_RATES, rates("okx", symbols=9, hours=9))
    assert left in listed(settings)
    other_digit = "5" if left[-9] != "5" else "6"
    stranger = next(settings.data_dir.rglob(good)).with_name(f"{left[:-9]}{other_digit}{left[-8:]}")
    stranger.write_bytes(b"as if of a commit that another catalog knew")
    assert maintain(settings, keep_days=0).leftovers_removed == 0  # its writer might be at work
    assert left in parquet_names(settings)
    later = datetime.now(UTC) + 1.5 * DAY
    report = maintain(settings, keep_days=30, now=later)
    assert (report.leftovers_removed, report.files_unknown) == (1, 1)
    assert left not in parquet_names(settings)
    assert {good, stranger.name} <= parquet_names(settings)


def test_a_clock_that_jumped_drops_nothing(settings: Settings) -> None:
    with Lake(settings) as lake:
        for rate in (1e-4, 2e-4):
            with lake.commit("run", "month") as transaction:
                transaction.replace(
                    FUNDING_RATES, rates(symbols=9, hours=9, rate=rate), january_of()
                )
    now, files = datetime.now(UTC), parquet_names(settings)
    with pytest.raises(ClockJumpedError, match="400 days before"):
        maintain(settings, keep_days=0, now=now + 400 * DAY)
    jumped = maintain(settings, keep_days=0, now=now + 20 * DAY)
    assert jumped.snapshots_expired == 0
    assert jumped.pause is not None
    assert "20 days" in jumped.pause
    assert files <= parquet_names(settings)
    trusted = maintain(settings, keep_days=0, now=now + 400 * DAY, trust_clock=True)
    assert trusted.snapshots_expired > 0


NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOURLY = [NOON - timedelta(hours=hour) for hour in range(100)]


@pytest.mark.parametrize(
    ("commits", "now", "counted_from", "said"),
    [
        (HOURLY, NOON, NOON, None),
        (HOURLY, NOON + DAY, NOON + DAY, None),
        (HOURLY, NOON + 9 * DAY, NOON, "nothing was committed for 9 days"),
        # a collection at the wrong time confirms nothing
        ([*HOURLY, NOON + 400 * DAY], NOON + 400 * DAY, NOON, "for 400 days"),
        # the clock is right again: what was committed in the future is not yet
        ([*HOURLY, NOON + 400 * DAY], NOON + DAY, NOON + DAY, "1 snapshots are of the future"),
        # a lake that rested, a day after it woke up
        (
            [*HOURLY, *(NOON + 90 * DAY + hour * timedelta(hours=1) for hour in range(25))],
            NOON + 91 * DAY,
            NOON + 91 * DAY,
            None,
        ),
        ([], NOON, NOON, None),
    ],
)
def test_ages_are_counted_from_a_time_that_commits_confirm(
    commits: list[datetime], now: datetime, counted_from: datetime, said: str | None
) -> None:
    time_, pause = judged(commits, now)
    assert time_ == counted_from
    assert (pause is None) == (said is None)
    assert said is None or said in (pause or "")
