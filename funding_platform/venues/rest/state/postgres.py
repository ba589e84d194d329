"""What every machine knows of a venue, in PostgreSQL: for workers that share its budget.

A schema for each venue and server, with the tables that its file would have on one machine. Whoever
takes part holds one connection a process, whatever the number of venues. A transaction begins with
the venue's lock and the server's clock, in one message: the machines' own clocks need not agree.

A file that fails is given up for memory, with limits that are no longer shared. Here that would let
every worker spend the whole budget; so a server that stays away fails the call instead.
"""

import os
import threading
import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final, TypeVar

from funding_platform.venues.errors import MissingExtraError, SharedStateError
from funding_platform.venues.rest.state.store import TABLES, VERSION, Rows, Statements

LONGEST_NAME: Final = 63
"""Bytes of a name in PostgreSQL, which cuts longer ones short."""

AWAY_SECONDS: Final = 10.0
"""How long a server may be away, as one that is started again, before a call fails."""

_AGAIN_SECONDS: Final = 0.25

_LOCKS: Final = 0x66_75_6E_73
"""The first of the two numbers of our advisory locks; the second follows from the schema."""

_CONNECTION: Final = {
    "application_name": "funding-platform state",
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    # A machine that is cut off in the middle of a transaction keeps its lock for five seconds.
    # What was spent in the half second before the server crashes is forgotten: to wait for its disk
    # twice a request would hold back the requests of all venues.
    "options": "-c idle_in_transaction_session_timeout=5s -c lock_timeout=8s "
    "-c statement_timeout=8s -c synchronous_commit=off -c lc_messages=C",
}

T = TypeVar("T")


class PostgresState:
    """The state of one venue, in a database.

    Parameters
    ----------
    url
        The database, such as ``postgresql://funding@host/funding``.
    name
        Of the venue and its server.
    venue
        Of the venue, for errors.

    Raises
    ------
    SharedStateError
        If the server cannot be reached, or lets us make no schema.
    MissingExtraError
        If psycopg2 is not installed.
    """

    def __init__(self, url: str, name: str, venue: str) -> None:
        self._schema = schema_name(name)
        self._venue = venue
        self._server = _borrowed(url, venue)
        try:
            self._run(self._make_tables, locked=True)
        except BaseException:
            self.close()
            raise

    @property
    def place(self) -> str:
        """Where the state lies, for messages."""
        return f"PostgreSQL, schema {self._schema}"

    def now(self) -> float:
        """Return the seconds since the epoch, by the clock of the server."""
        return self._server.now()

    def transact(self, work: Callable[[Statements], T]) -> T:
        """Do ``work`` with no other process's in between, and return its result."""
        return self._run(work, locked=True)

    def read(self, query: Callable[[Statements], T]) -> T:
        """Run one query and return its answer. It waits for no process, and keeps none waiting."""
        return self._run(query, locked=False)

    def close(self) -> None:
        """Let go of the connection, which ends with the last that uses it."""
        _give_back(self._server)

    def _run(self, work: Callable[[Statements], T], *, locked: bool) -> T:
        return self._server.run(self._schema, work, locked=locked, venue=self._venue)

    def _make_tables(self, database: Statements) -> None:
        (there,) = database.execute("SELECT to_regclass('breaker')").fetchone()
        if there is None:
            database.execute("SET LOCAL synchronous_commit = on")
            database.execute(f'CREATE SCHEMA "{self._schema}"')
            database.execute(TABLES.format(by_key=""))


def schema_name(name: str) -> str:
    """Name the schema of a venue's state."""
    found = f"funding_state_{VERSION}:{name.replace(chr(34), '')}"
    if len(found.encode()) > LONGEST_NAME:
        raise ValueError(f"{found!r} is too long for the name of a schema")
    return found


class _Server:
    """A connection of this process, which all its threads use in turn."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.users = 0
        self._turn = threading.RLock()
        self._connection: Any = None
        self._read_at = (0.0, 0.0)

    def now(self) -> float:
        """Return the server's time, as it told it last and as time has passed here since."""
        told, at = self._read_at
        return told + (time.monotonic() - at)

    def run(self, schema: str, work: Callable[[Statements], T], *, locked: bool, venue: str) -> T:
        """Do ``work`` in a transaction; once more where the connection broke before its end."""
        psycopg2 = _driver(venue)
        give_up_at = time.monotonic() + AWAY_SECONDS
        with self._turn:
            while True:
                try:
                    statements = self._begin(schema, locked)
                    result = work(statements)
                except (psycopg2.OperationalError, psycopg2.InterfaceError) as error:
                    self.close()
                    if time.monotonic() > give_up_at:
                        raise _away(error, venue) from error
                    time.sleep(_AGAIN_SECONDS)
                    continue
                except BaseException as error:
                    self._roll_back(psycopg2)
                    if isinstance(error, psycopg2.Error):
                        raise _away(error, venue) from error
                    raise
                self._commit(psycopg2, venue)
                return result

    def close(self) -> None:
        """Close the connection; the next transaction opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _begin(self, schema: str, locked: bool) -> Statements:
        if self._connection is None:
            self._connection = _connect(self.url)
        cursor = self._connection.cursor()
        lock = "pg_advisory_xact_lock(%s, hashtext(%s))" if locked else "%s, %s"
        cursor.execute(
            f'BEGIN; SET LOCAL search_path TO "{schema}"; '
            f"SELECT {lock}, extract(epoch FROM clock_timestamp())::float8",
            (_LOCKS, schema),
        )
        self._read_at = (float(cursor.fetchone()[-1]), time.monotonic())
        return _Session(self._connection)

    def _roll_back(self, psycopg2: Any) -> None:
        try:
            self._connection.cursor().execute("ROLLBACK")
        except psycopg2.Error:  # the server does so itself when the connection ends
            self.close()

    def _commit(self, psycopg2: Any, venue: str) -> None:
        """Commit; where nobody knows whether that was done, doing it again could spend twice."""
        try:
            self._connection.cursor().execute("COMMIT")
        except psycopg2.Error as error:
            self.close()
            raise _away(error, venue) from error


class _Session:
    """Runs statements of ours as psycopg2 writes them."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def execute(self, statement: str, values: Sequence[Any] = (), /) -> Rows:
        """Run a statement with values in the place of its ``?``."""
        cursor = self._connection.cursor()
        cursor.execute(_as_psycopg2(statement), values)
        found: Rows = cursor
        return found


@lru_cache
def _as_psycopg2(statement: str) -> str:
    return statement.replace("?", "%s")


_servers: dict[tuple[int, str], _Server] = {}
"""Those in use, by the process that opened them: a fork must not write into its parent's socket."""

_servers_turn = threading.Lock()


def _borrowed(url: str, venue: str) -> _Server:
    _driver(venue)
    with _servers_turn:
        server = _servers.setdefault((os.getpid(), url), _Server(url))
        server.users += 1
        return server


def _give_back(server: _Server) -> None:
    with _servers_turn:
        server.users -= 1
        if server.users == 0:
            server.close()
            _servers.pop((os.getpid(), server.url), None)


def _driver(venue: str) -> Any:
    try:
        import psycopg2
    except ImportError as error:
        raise MissingExtraError(
            "what machines share lies in PostgreSQL, and psycopg2 is not installed",
            venue=venue,
            hint="pip install 'funding-platform[cluster]'",
        ) from error
    return psycopg2


def _connect(url: str) -> Any:
    import psycopg2

    connection = psycopg2.connect(url.replace("postgresql+psycopg2:", "postgresql:"), **_CONNECTION)
    connection.autocommit = True  # transactions begin where this module says so
    return connection


def _away(error: Exception, venue: str) -> SharedStateError:
    return SharedStateError(
        f"what all machines share about it cannot be had from PostgreSQL: {str(error).strip()}",
        venue=venue,
        hint="look whether the server of FUNDING_STATE_URL runs and lets us make a schema; the "
        "venue is not asked meanwhile",
    )
