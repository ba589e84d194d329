"""The commit lock of a cluster: advisory locks of PostgreSQL, one for each table that is written.

DuckLake does not notice that two writers write a partition for the first time: neither deletes a
row of the other's, and both have their rows in it afterwards. So whoever writes a table holds its
lock before the transaction begins and until it has committed. Tables are locked in one order for
all, lest two writers wait for each other. Maintenance and all else that does not say which tables
it writes holds the lake's own lock, which writers of tables share.

A lock belongs to a session and goes with it: a killed writer leaves none behind.
"""

import hashlib
from collections.abc import Collection, Mapping
from contextlib import ExitStack
from threading import local
from types import TracebackType
from typing import Any, Final, Self

import duckdb

from funding_platform.core.tables.schema import Table
from funding_platform.lake.errors import LakeError, LakeLockedError
from funding_platform.lake.profiles.postgres import CatalogAddress
from funding_platform.settings import Settings

_SILENCE_SECONDS: Final = 30
"""After so long without a word the server asks whether the machine of a session is still there."""


class AdvisoryLock:
    """The lock of one writer, who can take it again.

    Parameters
    ----------
    tables
        Full names of what is to be written; all tables when it is None.
    """

    def __init__(
        self, settings: Settings, address: CatalogAddress, tables: frozenset[str] | None
    ) -> None:
        self.settings = settings
        self._address = address
        self._tables = tables
        self._depth = 0
        self._stack = ExitStack()
        self._session: Any = None

    @classmethod
    def of(
        cls, settings: Settings, address: CatalogAddress, tables: Collection[Table] | None
    ) -> "AdvisoryLock":
        """Return the lock that this thread holds, or one to be taken.

        Raises
        ------
        LakeError
            If it holds one of other tables: to wait for more could be to wait for ever.
        """
        names = None if tables is None else frozenset(table.full_name for table in tables)
        held = _HELD.locks.get(address)
        if held is None:
            return cls(settings, address, names)
        if held._tables is not None and (names is None or not names <= held._tables):
            raise LakeError(
                f"this thread commits to {', '.join(sorted(held._tables))} and would lock "
                f"{', '.join(sorted(names or ['every table']))} besides",
                hint="name all tables of a transaction where it begins",
            )
        return held

    def __enter__(self) -> Self:
        """Wait for the lock.

        Raises
        ------
        LakeLockedError
            If others hold it for longer than the timeout.
        LakeUnreachableError
            If the database does not answer.
        """
        if self._depth == 0:
            with ExitStack() as stack:
                self._session = stack.enter_context(self._address.session())
                wait_for(self._session, self._address, self.settings, self._wanted(), self._doing)
                self._stack = stack.pop_all()
            _HELD.locks[self._address] = self
        self._depth += 1
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let the next one in: the session ends."""
        self._depth -= 1
        if self._depth == 0:
            del _HELD.locks[self._address]
            self._session = None
            self._stack.close()

    def refuse_lost(self) -> None:
        """Ask whether the session is still there, and with it the lock.

        Raises
        ------
        LakeUnreachableError
            If it is not.
        """
        with self._address.explaining():
            self._session.execute("SELECT 1")

    def clear_up(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Leave it to DuckLake, whose rollback deletes what it wrote.

        Where the database went away in the middle of a COMMIT, nobody knows yet whether it counts:
        what it wrote must stay.
        """

    def _wanted(self) -> dict[str, bool]:
        """Name the locks, in the order in which all take them, and whether they are shared."""
        if self._tables is None:
            return {"lake": False}
        return {"lake": True, **{f"table {name}": False for name in sorted(self._tables)}}

    @property
    def _doing(self) -> str:
        return f"committing to {', '.join(sorted(self._tables or ())) or 'the lake'}"


class _Held(local):
    """The locks that this thread holds, by catalog."""

    def __init__(self) -> None:
        self.locks: dict[CatalogAddress, AdvisoryLock] = {}


_HELD = _Held()


def wait_for(
    session: Any,
    address: CatalogAddress,
    settings: Settings,
    wanted: Mapping[str, bool],
    doing: str,
) -> None:
    """Take locks for a session, one after the other.

    Parameters
    ----------
    wanted
        Their names, and whether each is shared.
    doing
        What whoever holds them is at, for the others.

    Raises
    ------
    LakeLockedError
        If that takes longer than the settings allow.
    """
    from psycopg2 import errors

    seconds = settings.lock_timeout_seconds
    calls = ", ".join(
        f"pg_advisory_lock{'_shared' if shared else ''}({_number(address, name)})"
        for name, shared in wanted.items()
    )
    with address.explaining():
        try:
            session.execute(
                "SELECT set_config('statement_timeout', %s, false), "
                "set_config('tcp_keepalives_idle', %s, false)",
                [f"{seconds * 1000:.0f}", f"{_SILENCE_SECONDS}"],
            )
            session.execute(f"SELECT {calls}")
        except (errors.QueryCanceled, errors.DeadlockDetected):
            raise LakeLockedError(
                f"another process has been {doing} for over {seconds:g} s (advisory lock at "
                f"{address})",
                hint="wait for it to finish; `SELECT * FROM pg_locks WHERE locktype = 'advisory'` "
                "names the sessions. A killed process leaves no lock behind",
            ) from None


def _number(address: CatalogAddress, name: str) -> int:
    """Return the number of a lock: locks of one database have no names."""
    digest = hashlib.sha256(f"{address.schema} {name}".encode()).digest()
    return int.from_bytes(digest[:8], signed=True)
