"""What everyone who asks a venue shares about it: weight spent, pauses, bans, outages.

On one machine that lies in a file for each venue and server (``files``), on many in PostgreSQL
(``postgres``). The statements are the same: SQL that both understand, with ``?`` for values.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Protocol, TypeVar

VERSION: Final = 2
"""Of the tables. What another version wrote is not read: it is forgotten, and begun anew."""

TABLES: Final = """\
CREATE TABLE spent (
    budget TEXT, slot BIGINT, weight DOUBLE PRECISION NOT NULL, PRIMARY KEY (budget, slot)
){by_key};
CREATE TABLE pauses (budget TEXT PRIMARY KEY, until DOUBLE PRECISION NOT NULL){by_key};
CREATE TABLE breaker (
    banned_until DOUBLE PRECISION,
    ban TEXT,
    failures INTEGER NOT NULL DEFAULT 0,
    last_failure TEXT,
    last_failed_at DOUBLE PRECISION,
    retry_at DOUBLE PRECISION
);
INSERT INTO breaker DEFAULT VALUES;
"""
"""What makes the tables of one venue; ``by_key`` is what a database calls a table that is its key's
index."""

T = TypeVar("T")


class Rows(Protocol):
    """What a statement found."""

    @property
    def rowcount(self) -> int:
        """How many rows it changed."""

    def fetchone(self) -> Any:
        """Return the next row; None where there is none."""

    def fetchall(self) -> list[Any]:
        """Return all rows that are left."""

    def __iter__(self) -> Iterator[Any]:
        """Return the rows one by one."""


class Statements(Protocol):
    """Where statements are run, within a transaction or for a single question."""

    def execute(self, statement: str, values: Sequence[Any] = (), /) -> Rows:
        """Run a statement with values in the place of its ``?``."""


class StateStore(Protocol):
    """The state of one venue, shared by all that ask it."""

    @property
    def place(self) -> str:
        """Where the state lies, for messages."""

    def now(self) -> float:
        """Return the seconds since the epoch, on a clock that all who share the state have."""

    def transact(self, work: Callable[[Statements], T]) -> T:
        """Do ``work`` with nobody else's in between, and return its result.

        It may be done again from its beginning, where nothing of it was kept.
        """

    def read(self, query: Callable[[Statements], T]) -> T:
        """Run one query and return its answer. It waits for nobody, and keeps nobody waiting."""

    def close(self) -> None:
        """Let go of it."""
