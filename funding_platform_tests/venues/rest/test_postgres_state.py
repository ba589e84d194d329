"""What machines share of venues in PostgreSQL, and what becomes of a call without it."""

import asyncio
import logging
import threading
from collections.abc import Iterator

import psycopg2
import pytest
import time_machine

from funding_platform.local.cluster.servers import Postgres
from funding_platform.venues.errors import BannedError, SharedStateError
from funding_platform.venues.rest.breaker import Breaker
from funding_platform.venues.rest.limits import Budget, Limiter
from funding_platform.venues.rest.state import postgres
from funding_platform.venues.rest.state.postgres import PostgresState, schema_name
from funding_platform.venues.rest.state.store import Statements
from funding_platform_tests.servers.local import started

pytestmark = pytest.mark.cluster

BUDGET = Budget("weight", 10, 60)


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with started(Postgres) as one:
        yield one


@pytest.fixture
def state(server: Postgres, request: pytest.FixtureRequest) -> Iterator[PostgresState]:
    one = PostgresState(server.url, request.node.name[:30], "okx")
    yield one
    one.close()


async def spend(limiter: Limiter, weight: float) -> None:
    async with limiter.spend(BUDGET, weight):
        pass


def test_venues_are_kept_apart_and_share_one_connection(server: Postgres) -> None:
    first, second = (PostgresState(server.url, name, "okx") for name in ("a@x", "b@x"))
    Breaker("okx", first).ban(BannedError("shut out", venue="okx"))
    assert Breaker("okx", first).record.ban == "okx: shut out"
    assert Breaker("okx", second).record.ban is None
    with psycopg2.connect(server.url.replace("+psycopg2", "")) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE '%state'")
        assert cursor.fetchone() == (1,)
    connection.close()
    first.close()
    second.close()


def test_time_is_the_servers(state: PostgresState) -> None:
    """A machine whose clock is years slow enters what it spends at the server's time."""
    with time_machine.travel("2001-01-01"):
        asyncio.run(spend(Limiter(state=state), 1))
    (slot,) = state.read(
        lambda rows: rows.execute("SELECT max(slot) FROM spent WHERE weight > 0").fetchone()
    )
    (told,) = state.read(
        lambda rows: rows.execute("SELECT extract(epoch FROM now())::float8").fetchone()
    )
    assert slot * 0.06 == pytest.approx(told, abs=60)


def test_state_that_makes_no_sense_is_forgotten(
    state: PostgresState, caplog: pytest.LogCaptureFixture
) -> None:
    def spoil(rows: Statements) -> None:
        rows.execute("INSERT INTO pauses VALUES ('weight', 253402300799)")
        rows.execute("INSERT INTO spent VALUES ('weight', 1, 'NaN'), ('weight', 2, 'Infinity')")
        rows.execute("UPDATE breaker SET banned_until = 'Infinity', failures = -3")

    state.transact(spoil)
    with caplog.at_level(logging.WARNING):
        asyncio.run(spend(Limiter(state=state), 1))
        record = Breaker("okx", state).record
    assert (record.banned_until, record.failures) == (None, 0)
    assert "3 entries of the budget 'weight' make no sense" in caplog.text
    assert "['banned_until', 'failures'] makes no sense" in caplog.text


def test_a_transaction_goes_on_where_its_server_was_started_again(
    server: Postgres, state: PostgresState
) -> None:
    limiter = Limiter(state=state)
    asyncio.run(spend(limiter, 1))
    server.kill()
    again = threading.Thread(target=server.start)
    again.start()
    asyncio.run(spend(limiter, 1))
    again.join()
    (count,) = state.read(
        lambda rows: rows.execute("SELECT count(*) FROM spent WHERE weight > 0").fetchone()
    )
    assert count >= 1


def test_without_the_server_nothing_is_asked(
    server: Postgres, state: PostgresState, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "AWAY_SECONDS", 0.0)
    server.kill()
    try:
        with pytest.raises(SharedStateError, match="venue is not asked meanwhile") as caught:
            asyncio.run(spend(Limiter(state=state), 1))
    finally:
        server.start()
    assert caught.value.retryable


def test_a_commit_of_which_nobody_knows_is_not_done_again(
    server: Postgres, state: PostgresState
) -> None:
    """A request that was entered twice would be settled twice, and weigh less than nothing."""
    done = list[None]()

    def lose_the_connection(rows: Statements) -> None:
        done.append(None)
        rows.execute("INSERT INTO pauses VALUES ('x', 1)")
        with psycopg2.connect(server.url.replace("+psycopg2", "")) as other:
            other.cursor().execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name LIKE '%state'"
            )
        other.close()

    with pytest.raises(SharedStateError):
        state.transact(lose_the_connection)
    assert len(done) == 1


def test_a_name_that_postgresql_would_cut_short_is_refused() -> None:
    with pytest.raises(ValueError, match="too long"):
        schema_name("okx@" + "x" * 60)
