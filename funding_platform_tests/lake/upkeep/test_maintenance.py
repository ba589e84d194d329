"""Maintenance: what it may delete, whom it may not disturb, and what a clock may tell it."""

import os
import signal
import threading
import time
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from funding_platform.core.tables.collected import FUNDING_RATES
from funding_platform.lake import connect
from funding_platform.lake.errors import ClockJumpedError
from funding_platform.lake.recovery.rows import fingerprints
from funding_platform.lake.upkeep import maintenance
from funding_platform.lake.upkeep.leftovers import listed
from funding_platform.lake.upkeep.maintenance import maintain
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings
from funding_platform_tests.lake.conftest import age, date_commits, january_of, parquet_names, rates
from funding_platform_tests.lake.test_processes import SPAWN, stop_before_commit

COUNTED = (
    "SELECT venue, count(*), round(sum(funding_rate), 9) FROM core.funding_rates "
    "GROUP BY venue ORDER BY venue"
)
DAY = timedelta(days=1)


def replace_thrice(settings: Settings) -> None:
    """Leave a month in three snapshots, two of which nobody needs."""
    with Lake(settings) as lake:
        for rate in (1e-4, 2e-4, 3e-4):
            with lake.commit("run", "month") as transaction:
                transaction.replace(
                    FUNDING_RATES, rates(symbols=20, hours=24, rate=rate), january_of()
                )


@pytest.mark.world
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
    replace_thrice(settings)
    before = fingerprints(settings)
    age(settings, 1.5 * DAY)
    assert maintain(settings, keep_days=0).snapshots_expired > 0
    assert len(parquet_names(settings)) == 3  # given up by the catalog, and not long enough ago
    age(settings, 1.5 * DAY)
    maintain(settings, keep_days=0, trust_clock=True)
    assert len(parquet_names(settings)) == 1
    assert fingerprints(settings) == before


@pytest.mark.world
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


@pytest.mark.world
def test_a_clock_that_jumped_drops_nothing(settings: Settings) -> None:
    with Lake(settings) as lake:
        for rate in (1e-4, 2e-4):
            with lake.commit("run", "month") as transaction:
                transaction.replace(
                    FUNDING_RATES, rates(symbols=9, hours=9, rate=rate), january_of()
                )
    now, files = datetime(2026, 3, 1, 12, tzinfo=UTC), parquet_names(settings)
    date_commits(settings, now)
    with pytest.raises(ClockJumpedError, match="400 days before"):
        maintain(settings, keep_days=0, now=now + 400 * DAY)
    jumped = maintain(settings, keep_days=0, now=now + 20 * DAY)
    assert jumped.snapshots_expired == 0
    assert jumped.pause is not None
    assert "20 days" in jumped.pause
    assert files <= parquet_names(settings)
    trusted = maintain(settings, keep_days=0, now=now + 400 * DAY, trust_clock=True)
    assert trusted.snapshots_expired > 0


@pytest.mark.parametrize("behind", [DAY, 365 * DAY])
@pytest.mark.world
def test_a_clock_that_is_behind_drops_nothing(settings: Settings, behind: timedelta) -> None:
    with Lake(settings) as lake:
        for rate in (1e-4, 2e-4):
            with lake.commit("run", "month") as transaction:
                transaction.replace(FUNDING_RATES, rates(rate=rate, symbols=9), january_of())
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    date_commits(settings, now)
    before, files = fingerprints(settings), parquet_names(settings)
    report = maintain(settings, keep_days=0, now=now - behind)
    assert report.snapshots_expired == sum(report.rows_dropped.values()) == 0
    assert files <= parquet_names(settings)
    assert fingerprints(settings) == before


@pytest.mark.parametrize("ahead", [DAY, 365 * DAY])
@pytest.mark.world
def test_what_a_clock_that_was_ahead_has_stamped_is_kept_and_written_after(
    settings: Settings, ahead: timedelta
) -> None:
    with Lake(settings) as lake, lake.commit("run", "in the future") as transaction:
        transaction.append(FUNDING_RATES, rates(symbols=9))
    age(settings, -ahead)
    with Lake(settings) as lake, lake.commit("run", "the clock is right again") as transaction:
        transaction.append(FUNDING_RATES, rates("okx", symbols=9))
        newest = lake.snapshot_id()
    before = fingerprints(settings)
    report = maintain(settings, keep_days=0)
    assert report.snapshots_expired == 0
    assert (report.pause is not None) == (ahead > DAY)
    assert fingerprints(settings) == before
    with connect(settings, as_of=newest + 1) as then:
        assert then.execute(COUNTED).fetchall() == [("binance", 45, 0.0045), ("okx", 45, 0.0045)]


def test_who_has_a_commit_to_make_waits_for_one_step_only(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer that comes in the first step has committed before anything is merged."""
    with Lake(settings) as lake:
        for days in ("0d", "1d"):
            rows = rates(symbols=20, hours=24).with_columns(
                pl.col("funding_time").dt.offset_by(days)
            )
            with lake.commit("run", "two files of one venue and year") as transaction:
                transaction.append(FUNDING_RATES, rows)

    def commit() -> None:
        with Lake(settings) as lake, lake.commit("waiting", "one more") as transaction:
            transaction.append(FUNDING_RATES, rates("okx", symbols=20, hours=24))

    writer = threading.Thread(target=commit)

    def meanwhile(*given: object) -> set[str]:
        writer.start()
        while not any(thread.name.startswith("lock ") for thread in threading.enumerate()):
            time.sleep(0.01)
        return set()

    monkeypatch.setattr(maintenance, "refuse_outdated", meanwhile)
    maintain(settings, keep_days=30)
    writer.join()
    with connect(settings) as reader:
        authors = reader.execute("SELECT author FROM lake.snapshots() ORDER BY snapshot_id")
        ours = [author for (author,) in authors.fetchall()]
    assert "waiting" in ours[:-1], "what came last is the merging of files"
