"""The store, in both databases: exact, whole, one writer, halts that last, and its versions."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from funding_platform.execution import (
    Journal,
    NewerStoreError,
    StoreError,
    StoreInUseError,
    UnknownPairError,
    open_store,
)
from funding_platform.execution.pair.pairs import LegName, PairState
from funding_platform.execution.store.changes import Changes
from funding_platform.execution.store.records import LegRecord, NewEvent, PairRecord
from funding_platform.execution.store.schema import METADATA
from funding_platform_tests.execution.world import BTC

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
AWKWARD = Decimal("12345678901234567890.000000000000000001")


def pair(pair_id: str, **changed: object) -> PairRecord:
    values: dict[str, object] = {
        "pair_id": pair_id,
        "state": PairState.OPENING,
        "base": "BTC",
        "strategy": "",
        "memo": Decimal("0.1"),
        "facts": {"net_apr": 0.25},
        "size_usd": AWKWARD,
        "quantity": Decimal("0.10"),
        "lot": Decimal("1E-8"),
        "decided_at": NOW,
        "opened_at": None,
        "closed_at": None,
        "close_reason": None,
        "naked_seconds": Decimal(0),
        "updated_at": NOW,
    }
    return PairRecord(**(values | changed))  # type: ignore[arg-type]


def legs(pair_id: str) -> list[LegRecord]:
    return [
        LegRecord(
            pair_id=pair_id,
            leg=leg,
            venue="alpha" if leg is LegName.LONG else "beta",
            venue_symbol=BTC,
            mid_price=Decimal(100),
            mark_price=Decimal(100),
            taker_bps=Decimal(5),
            active=True,
        )
        for leg in LegName
    ]


def new(pair_id: str) -> Changes:
    return Changes(new_pair=pair(pair_id), new_legs=legs(pair_id))


def test_decimals_and_instants_come_back_as_they_were(store_url: str) -> None:
    with open_store(store_url) as store:
        journal = Journal(store)
        abroad = NOW.astimezone(timezone(timedelta(hours=-7)))
        journal.write("new", Changes(new_pair=pair("a", decided_at=abroad)))
        found = journal.pair("a")
        assert found == pair("a")
        assert found.size_usd == AWKWARD
        assert found.decided_at.utcoffset() == timedelta(0)


def test_an_instant_without_a_zone_is_refused(store_url: str) -> None:
    with open_store(store_url) as store, pytest.raises(StoreError, match="no time zone"):
        Journal(store).write(
            "new", Changes(new_pair=pair("a", decided_at=NOW.replace(tzinfo=None)))
        )


def test_a_step_that_fails_leaves_nothing(store_url: str) -> None:
    with open_store(store_url) as store:
        journal = Journal(store)
        changes = new("a")
        changes.new_legs.append(changes.new_legs[0])
        with pytest.raises(StoreError):
            journal.write("new", changes)
        assert journal.pairs() == []


def test_an_instrument_is_of_one_pair_that_is_live(store_url: str) -> None:
    with open_store(store_url) as store:
        journal = Journal(store)
        journal.write("new", new("a"))
        with pytest.raises(StoreError):
            journal.write("new", new("b"))
        assert [one.pair_id for one in journal.pairs()] == ["a"]


def test_an_unknown_pair_is_said_to_be_one(store_url: str) -> None:
    with open_store(store_url) as store, pytest.raises(UnknownPairError, match="'x'"):
        Journal(store).pair("x")


def test_a_halt_lasts_and_forbids_what_opens(store_url: str) -> None:
    with open_store(store_url, lambda: NOW) as store:
        store.halt("looks odd", "anna")
    with open_store(store_url) as store:
        journal = Journal(store)
        halt = journal.write_risk("intend", new("a"))
        assert halt is not None
        assert (halt.reason, halt.actor, halt.changed_at) == ("looks odd", "anna", NOW)
        assert journal.pairs() == []
        store.resume("was nothing", "anna")
        assert journal.write_risk("intend", new("a")) is None
        assert [event.kind for event in store.events()] == ["halted", "resumed"]


def test_one_process_trades_and_others_look_on(store_url: str) -> None:
    with open_store(store_url) as store:
        with pytest.raises(StoreInUseError, match="one process trades at a time"):
            open_store(store_url)
        with open_store(store_url, trades=False) as beside:
            beside.halt("enough", "bert")
            number = beside.add_command("close", {"pair_id": "a"}, "bert")
        assert store.halted().halted
        assert [one.command_id for one in store.commands("asked")] == [number]
        store.finish_command(number, "there is no such pair", refused=True)
        (command,) = store.commands()
        assert (command.state, command.outcome) == ("refused", "there is no such pair")
    open_store(store_url).close()


def test_the_right_to_trade_ends_with_the_process(store_url: str) -> None:
    code = (
        "import os, sys; from funding_platform.execution import open_store;"
        "store = open_store(sys.argv[1]); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code, store_url], check=False)
    assert done.returncode == -9
    open_store(store_url).close()


def test_what_strategies_and_screens_remember(store_url: str) -> None:
    with open_store(store_url) as store:
        assert store.strategy_state("carry") is None
        assert store.snapshot() is None
        store.save_strategy_state("carry", {"seen": 1})
        store.save_strategy_state("carry", {"seen": 2})
        store.add_snapshot({"equity": "1"})
        store.add_snapshot({"equity": "2"})
        assert store.strategy_state("carry") == {"seen": 2}
        shown = store.snapshot()
        assert shown is not None
        assert shown.content == {"equity": "2"}


def test_events_are_read_on_from_a_number(store_url: str) -> None:
    with open_store(store_url) as store:
        for number in range(3):
            store.add_event(NewEvent(kind="seen", reason=str(number), pair_id=f"p{number}"))
        first, *rest = store.events()
        assert store.events(after=first.event_id) == rest
        assert [one.reason for one in store.events(pair_id="p2")] == ["2"]


def test_the_migrations_make_what_the_tables_say(store_url: str) -> None:
    with open_store(store_url) as store, store.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []


FIRST = (
    *(
        f"DROP INDEX ix_{name}"
        for name in (
            "pairs_closed_at",
            "pairs_state_updated_at",
            "legs_active",
            "legs_instrument",
            "orders_created_at",
            "fills_filled_at",
            "fills_venue_filled_at",
            "funding_payments_paid_at",
            "events_happened_at",
        )
    ),
    "CREATE INDEX ix_pairs_state ON pairs (state)",
    "ALTER TABLE legs DROP COLUMN contract_type",
    "UPDATE alembic_version SET version_num = '0001'",
)
"""What makes a store of this code one of the first revision."""


def test_a_first_store_is_brought_up_and_its_legs_are_linear(store_url: str) -> None:
    with open_store(store_url) as store:
        Journal(store).write("new", new("a"))
        with store.step("as it was") as connection:
            for statement in FIRST:
                connection.execute(text(statement))
    with open_store(store_url) as store:
        with store.reading() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, METADATA) == []
        found = Journal(store).legs("a")
        assert found == legs("a")
        assert [leg.contract_type for leg in found] == ["linear", "linear"]
        assert Journal(store).inverse_legs("a") == []


def test_a_store_of_newer_code_is_not_touched(store_url: str) -> None:
    with open_store(store_url) as store, store.step("newer") as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(NewerStoreError, match="9999"):
        open_store(store_url)
    with pytest.raises(NewerStoreError, match="a newer one"):
        open_store(store_url, trades=False)


def test_a_password_is_not_told(postgres: Callable[[], str]) -> None:
    url = postgres().replace("tester@", "tester:s3cret@").replace("/store", "/not_there")
    with pytest.raises(StoreError) as raised:
        open_store(url)
    assert "s3cret" not in str(raised.value)
    assert "FUNDING_EXECUTION_URL" in str(raised.value)


def test_a_file_that_is_no_database_is_said_to_be_none(tmp_path: Path) -> None:
    file = tmp_path / "store.sqlite"
    file.write_text("no database, " * 100)
    with pytest.raises(StoreError, match="not a database"):
        open_store(f"sqlite:///{file}")


def test_sqlite_waits_for_the_disk(empty_store: Path) -> None:
    with open_store(f"sqlite:///{empty_store}") as store, store.reading() as connection:
        assert connection.scalar(text("PRAGMA journal_mode")) == "wal"
        assert connection.scalar(text("PRAGMA synchronous")) == 2
    assert sqlite3.connect(empty_store).execute("SELECT count(*) FROM pairs").fetchone() == (0,)
