"""What maintenance keeps of old snapshots, and the room that it gives back."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from click.testing import CliRunner

from funding_platform.cli import main
from funding_platform.core.tables.collected import FUNDING_RATES, MARKET_SNAPSHOTS
from funding_platform.lake import connect
from funding_platform.lake.catalog import catalog_file
from funding_platform.lake.recovery.rows import fingerprints
from funding_platform.lake.upkeep.ages import judged
from funding_platform.lake.upkeep.maintenance import maintain
from funding_platform.lake.upkeep.savings import bytes_on_disk, savings
from funding_platform.lake.upkeep.vacuum import WORTH_BYTES, free_room
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings
from funding_platform_tests.lake.conftest import age, parquet_names, rates
from funding_platform_tests.lake.upkeep.test_maintenance import COUNTED, DAY, replace_thrice

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


def snapshots(days: int, *, hours: int, until: datetime) -> pl.DataFrame:
    """Snapshots of some hours of each of the last days."""
    rows = [
        {
            "venue": "okx",
            "venue_symbol": symbol,
            "snapshot_hour": until - DAY * day + timedelta(hours=hour),
            "mark_price": float(hour + 1),
            "observed_at": until - DAY * day + timedelta(hours=hour, minutes=1),
        }
        for symbol in ("A", "B")
        for day in range(1, days + 1)
        for hour in range(hours)
    ]
    return MARKET_SNAPSHOTS.typed(MARKET_SNAPSHOTS.conform(pl.DataFrame(rows)))


@pytest.mark.world
def test_of_old_snapshots_the_last_of_each_day_stays(settings: Settings) -> None:
    now = datetime.now(UTC)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    frame = snapshots(368, hours=3, until=midnight)
    with Lake(settings) as lake, lake.commit("run", "a year") as transaction:
        transaction.append(MARKET_SNAPSHOTS, frame)
    told = {saving.what: saving for saving in savings(settings, keep_days=30, now=now)}
    assert next(s.rows for what, s in told.items() if "last snapshot of a day" in what) == 2 * 3 * 2
    report = maintain(settings, keep_days=30, now=now)
    assert report.rows_dropped[MARKET_SNAPSHOTS.full_name] == 2 * 3 * 2
    with Lake(settings) as lake:
        left = lake.rows(MARKET_SNAPSHOTS).sort("venue_symbol", "snapshot_hour")
    old = pl.col("snapshot_hour") < midnight - timedelta(days=settings.hourly_snapshot_days)
    kept = frame.filter(~old | (pl.col("mark_price") == 3.0))
    assert left.equals(kept.sort("venue_symbol", "snapshot_hour"))
    assert maintain(settings, keep_days=30, now=now).rows_dropped[MARKET_SNAPSHOTS.full_name] == 0


@pytest.mark.world
def test_snapshots_of_every_hour_can_be_kept_for_good(settings: Settings) -> None:
    now = datetime.now(UTC)
    frame = snapshots(3, hours=3, until=now.replace(hour=0, minute=0, second=0, microsecond=0))
    with Lake(settings) as lake, lake.commit("run", "days") as transaction:
        transaction.append(MARKET_SNAPSHOTS, frame)
    forever = settings.model_copy(update={"hourly_snapshot_days": 0})
    maintain(forever, keep_days=30, now=now + timedelta(days=400), trust_clock=True)
    with Lake(forever) as lake:
        assert lake.rows(MARKET_SNAPSHOTS).height == frame.height


@pytest.mark.world
def test_a_dry_run_tells_what_then_happens_and_changes_nothing(settings: Settings) -> None:
    replace_thrice(settings)
    before = fingerprints(settings)
    for expired, files in ((True, 0), (False, 2)):  # what is expired goes a day later
        age(settings, 1.5 * DAY)
        there = parquet_names(settings)
        told = {saving.what: saving for saving in savings(settings, keep_days=0, trust_clock=True)}
        assert (parquet_names(settings), fingerprints(settings)) == (there, before)
        report = maintain(settings, keep_days=0, trust_clock=True)
        given_up = told["files that no snapshot reads"]
        assert given_up.files == len(there) - len(parquet_names(settings)) == files
        (rows,) = (saving.rows for what, saving in told.items() if what.startswith("snapshots"))
        assert rows == report.snapshots_expired
        assert (rows > 0) == expired
    assert given_up.bytes is not None
    assert report.bytes_before == report.bytes_won + report.bytes_after
    assert fingerprints(settings) == before


@pytest.mark.world
def test_collections_of_a_day_become_few_files(settings: Settings) -> None:
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    frame = snapshots(1, hours=24, until=midnight)
    with Lake(settings) as lake:
        for (hour,), rows in frame.group_by("snapshot_hour", maintain_order=True):
            many = pl.concat(
                rows.with_columns(venue_symbol=pl.col("venue_symbol") + str(copy))
                for copy in range(10)
            )
            with lake.commit("run", f"collection of {hour}") as transaction:
                transaction.append(MARKET_SNAPSHOTS, many)
    before = fingerprints(settings)
    (small,) = (
        saving for saving in savings(settings, keep_days=30) if "to be merged" in saving.what
    )
    report = maintain(settings, keep_days=30)
    assert small.files == report.files_before == 24
    assert report.files_after == 1
    assert fingerprints(settings) == before


@pytest.mark.world
def test_what_was_deleted_of_a_file_takes_no_room_for_ever(settings: Settings) -> None:
    with Lake(settings) as lake:
        with lake.commit("run", "much") as transaction:
            transaction.append(FUNDING_RATES, rates(symbols=200, hours=200))
        lake.connection.execute("DELETE FROM core.funding_rates WHERE venue_symbol <> 'S7USDT'")
    before = fingerprints(settings)
    took = maintain(settings, keep_days=0).bytes_before
    for _ in range(2):
        age(settings, 1.5 * DAY)
        report = maintain(settings, keep_days=0, trust_clock=True)
    assert report.bytes_after < took
    assert len(parquet_names(settings)) == 1
    assert fingerprints(settings) == before


@pytest.mark.world
def test_unused_room_in_the_catalog_is_given_back_beside_a_reader(settings: Settings) -> None:
    Lake(settings).connection.close()
    with closing(sqlite3.connect(catalog_file(settings))) as catalog:  # nobody else has it open
        catalog.execute("CREATE TABLE ballast (content BLOB)")
        catalog.execute("INSERT INTO ballast VALUES (zeroblob(4000000))")
        catalog.execute("DROP TABLE ballast")
        catalog.commit()
    with connect(settings) as reader:
        reader.execute("BEGIN")
        assert reader.execute(COUNTED).fetchall() == []
        report = maintain(settings, keep_days=30)
        assert reader.execute(COUNTED).fetchall() == []
    assert report.vacuum_fault is None
    assert free_room(settings).before < WORTH_BYTES
    assert free_room(settings, give_back=0).fault is None
    assert bytes_on_disk(settings) < report.bytes_before - 3_000_000


def test_the_command_shows_what_would_go(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FUNDING_DATA_DIR", str(settings.data_dir))
    Lake(settings).connection.close()
    shown = CliRunner().invoke(main, ["maintain", "--dry-run"]).output
    assert "core.raw_payloads" in shown
    assert "nothing was changed" in shown
    assert " won" in CliRunner().invoke(main, ["maintain"]).output
