"""Dagster's files as they are written here: small ones, held open, seen by other processes."""

import sqlite3
import subprocess
import sys
from pathlib import Path
from threading import Event

import dagster as dg
import pytest
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.event_log.sqlite import SqliteEventLogStorage

from funding_platform.defs.storage import HELD, EventLogStorage

EMPTY = 40 * 1024
"""Bytes of a file of a run at most in which nothing stands; Dagster's own has 150,000."""

_READER = """
import sys
from funding_platform.defs.storage import EventLogStorage
print([entry.user_message for entry in EventLogStorage(sys.argv[1]).get_logs_for_run("of a run")])
"""


def storage(folder: Path) -> EventLogStorage:
    SqliteEventLogStorage(str(folder))  # makes the file of all runs, as Dagster does first
    return EventLogStorage(str(folder))


def said(run_id: str, message: str) -> EventLogEntry:
    return EventLogEntry(  # type: ignore[no-untyped-call]
        error_info=None,
        level=20,
        user_message=message,
        run_id=run_id,
        timestamp=1_770_000_000.0,
        step_key=None,
        job_name="job",
        dagster_event=None,
    )


def test_the_file_of_a_run_begins_small_and_is_dagsters_own(tmp_path: Path) -> None:
    events = storage(tmp_path)
    events.store_event(said("of a run", "hello"))
    events.dispose()
    file = tmp_path / "of a run.db"
    assert file.stat().st_size < EMPTY
    own = SqliteEventLogStorage(str(tmp_path))
    own.store_event(said("of a run", "as Dagster writes it"))
    read = [entry.user_message for entry in own.get_logs_for_run("of a run")]
    assert read == ["hello", "as Dagster writes it"]


def test_what_is_stored_is_seen_elsewhere_at_once(tmp_path: Path) -> None:
    events = storage(tmp_path)
    events.store_event(said("of a run", "hello"))
    reader = [sys.executable, "-c", _READER, str(tmp_path)]
    seen = subprocess.run(reader, capture_output=True, text=True, check=True)
    assert seen.stdout.strip() == "['hello']"


def test_whoever_watches_a_run_is_told_while_it_is_written(tmp_path: Path) -> None:
    writer, told = storage(tmp_path), Event()
    writer.store_event(said("of a run", "first"))
    reader = EventLogStorage(str(tmp_path))
    heard: list[str] = []

    def hear(entry: EventLogEntry, _: str) -> None:
        heard.append(entry.user_message)
        if entry.user_message == "third":
            told.set()

    reader.watch("of a run", None, hear)
    for message in ("second", "third"):
        writer.store_event(said("of a run", message))
    assert told.wait(60)
    reader.dispose()
    assert heard == ["first", "second", "third"]


def test_no_more_files_are_held_than_the_latest(tmp_path: Path) -> None:
    events = storage(tmp_path)
    for number in range(2 * HELD):
        events.store_event(said(f"run {number}", "hello"))
        events.has_secondary_index("asked of all runs")
    held = {path.name.removesuffix(".db-wal") for path in tmp_path.glob("*-wal")}
    assert held == {"index", *(f"run {number}" for number in range(HELD, 2 * HELD))}
    for number in range(2 * HELD):
        assert [one.user_message for one in events.get_logs_for_run(f"run {number}")] == ["hello"]
    events.dispose()
    assert not list(tmp_path.glob("*-wal"))


def test_a_file_of_an_older_version_is_written_on(tmp_path: Path) -> None:
    SqliteEventLogStorage(str(tmp_path)).store_event(said("of a run", "older"))
    events = EventLogStorage(str(tmp_path))
    events.store_event(said("of a run", "newer"))
    assert [one.user_message for one in events.get_logs_for_run("of a run")] == ["older", "newer"]


@pytest.mark.world
def test_a_killed_writer_loses_nothing(tmp_path: Path) -> None:
    storage(tmp_path)
    writer = (
        "import os, sys\n"
        "from funding_platform.defs.storage import EventLogStorage\n"
        "from funding_platform_tests.defs.test_storage import said\n"
        "events = EventLogStorage(sys.argv[1])\n"
        "for number in range(20): events.store_event(said('of a run', str(number)))\n"
        "os._exit(9)\n"
    )
    killed = subprocess.run([sys.executable, "-c", writer, str(tmp_path)], check=False)
    assert killed.returncode == 9
    stored = EventLogStorage(str(tmp_path)).get_logs_for_run("of a run")
    assert [one.user_message for one in stored] == [str(number) for number in range(20)]


def test_files_survive_the_search_for_assets(home: dg.DagsterInstance) -> None:
    @dg.asset
    def rates() -> None:
        """Something to materialise."""

    run_id = dg.materialize([rates], instance=home).run_id
    assert home.get_latest_materialization_event(dg.AssetKey("rates")) is not None
    steps = home.get_records_for_run(run_id, of_type=dg.DagsterEventType.STEP_SUCCESS).records
    assert len(steps) == 1
    index = Path(home.storage_directory()).parent / "history" / "runs" / "index.db"
    with sqlite3.connect(index) as connection:
        names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    assert "idx_events_by_asset" in names
