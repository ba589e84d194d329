"""Events as they are stored: packed, read back as they were, those of older versions too."""

import hashlib
import sqlite3
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable
from sqlalchemy.dialects import postgresql

from funding_platform.defs import packed_events
from funding_platform.defs.packed_events import packed, unpacked

DIGEST = "221eb9808951f338"
"""Of the dictionary of format 1. With another one, what lies in people's homes cannot be read."""


@dg.asset
def rates() -> dg.MaterializeResult[None]:
    """Something to materialise."""
    return dg.MaterializeResult(metadata={"preview": dg.MetadataValue.md("| venue |\n|---|\n" * 9)})


def test_text_comes_back_as_it_was() -> None:
    for text in ("", "{}", '{"venue": "okx"}' * 999, "a Ω and a 🦆", "\\\n\0"):
        assert unpacked(packed(text)) == text


def test_text_of_older_versions_is_read() -> None:
    assert unpacked('{"venue": "okx"}') == '{"venue": "okx"}'


def test_what_a_later_version_packed_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="format 2, this version knows 1"):
        unpacked(b"\x02" + packed("{}")[1:])


def test_the_dictionary_of_a_format_is_for_good() -> None:
    assert hashlib.sha256(packed_events._DICTIONARY).hexdigest()[:16] == DIGEST


def test_events_lie_packed_and_are_read_whole(home: dg.DagsterInstance) -> None:
    run_id = dg.materialize([rates], instance=home).run_id
    file = Path(home.storage_directory()).parent / "history" / "runs" / f"{run_id}.db"
    with sqlite3.connect(file) as connection:
        stored = [event for (event,) in connection.execute("SELECT event FROM event_logs")]
    assert {type(event) for event in stored} == {bytes}
    as_text = sum(len(unpacked(event)) for event in stored)
    assert sum(map(len, stored)) < as_text / 4
    assert len(home.all_logs(run_id)) == len(stored)
    newest = home.get_latest_materialization_event(dg.AssetKey("rates"))
    assert newest is not None
    assert newest.asset_materialization is not None
    assert "venue" in str(newest.asset_materialization.metadata["preview"].value)


def test_events_that_dagster_itself_stored_are_read(home: dg.DagsterInstance) -> None:
    run_id = dg.materialize([rates], instance=home).run_id
    before = home.all_logs(run_id)
    file = Path(home.storage_directory()).parent / "history" / "runs" / f"{run_id}.db"
    with sqlite3.connect(file) as connection:
        rows = connection.execute("SELECT id, event FROM event_logs").fetchall()
        connection.executemany(
            "UPDATE event_logs SET event = ? WHERE id = ?",
            [(unpacked(event), number) for number, event in rows],
        )
    assert home.all_logs(run_id) == before


def test_other_databases_are_given_text(home: dg.DagsterInstance) -> None:
    column = SqlEventLogStorageTable.c.event.type
    assert isinstance(column, packed_events.PackedText)
    postgres = postgresql.dialect()  # type: ignore[no-untyped-call]
    assert column.process_bind_param("{}", postgres) == "{}"
