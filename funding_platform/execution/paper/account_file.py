"""An account on paper that outlives its process: what was acknowledged is on the disk before.

Only an account that stands for a real venue needs one: the sandbox's live as long as the sandbox.
It is kept whole: when a transaction is through, whatever kills the process, all of the step is
there, and otherwise nothing of it, which to the caller is an order whose outcome is unknown. What
is not kept is what faults have in store, and what the account took of a book that still stands.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from funding_platform.core.trading import Fill, FundingPayment
from funding_platform.execution.errors import AccountFileError
from funding_platform.paper import PaperEngine, PaperMarket, PaperRules, PaperState
from funding_platform.paper.account import Account
from funding_platform.paper.orders import PaperOrder

T = TypeVar("T")

_VERSION: Final = 2
"""Since positions may be inverse, which earlier code would read as so much base."""

_ONLY_LINEAR: Final = 1
"""A file of this version is one of the present as it is."""

_SCHEMA: Final = f"""
BEGIN IMMEDIATE;
CREATE TABLE account (only INTEGER PRIMARY KEY CHECK (only = 1), document BLOB NOT NULL);
CREATE TABLE orders (number INTEGER PRIMARY KEY, document BLOB NOT NULL);
CREATE TABLE fills (number INTEGER PRIMARY KEY, document BLOB NOT NULL);
CREATE TABLE payments (payment_id TEXT PRIMARY KEY, document BLOB NOT NULL);
PRAGMA user_version = {_VERSION};
COMMIT;
"""


class _Rest(msgspec.Struct):
    """What of an account is one document: all but what only grows."""

    account: Account
    watched: dict[str, datetime]
    numbered: int
    now: datetime | None


class _Mark(NamedTuple):
    """How far an account has come: two that are equal have nothing to write between them."""

    orders: int
    fills: int
    payments: int
    deposits: Decimal
    open: dict[str, int]


class AccountFile:
    """The file of one account; one process has it at a time.

    Parameters
    ----------
    path
        Made where there is none.

    Raises
    ------
    AccountFileError
        If another process has it, or it is no such file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path, isolation_level=None, timeout=0)
        try:
            self._take()
        except sqlite3.DatabaseError as error:
            self._connection.close()
            raise AccountFileError(
                f"{path}: {error}", hint="another process may trade on this account"
            ) from error
        self._state = self._read()
        self._saved = self._mark()

    def engine(
        self, market: PaperMarket, rules: PaperRules | None = None, *, deposit_usd: Decimal
    ) -> PaperEngine:
        """Return the venue with the account as it was; a new one gets a deposit."""
        engine = PaperEngine(market, rules, self._state)
        if not self._state.account.deposits_usd:
            engine.deposit(deposit_usd)
            self.save()
        return engine

    def save(self) -> None:
        """Write what has changed since the last time, all or nothing."""
        mark = self._mark()
        if mark == self._saved:
            return
        state, saved = self._state, self._saved
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            rest = _Rest(state.account, state.watched, state.numbered, state.now)
            self._write("account", [(1, rest)])
            self._write("orders", [(order.number, order) for order in self._changed_orders()])
            new_fills = state.fills[saved.fills :]
            self._write("fills", list(enumerate(new_fills, saved.fills + 1)))
            new = islice(reversed(state.payments.items()), len(state.payments) - saved.payments)
            self._write("payments", list(new)[::-1])
            self._connection.execute("COMMIT")
        except BaseException:
            self._connection.rollback()
            raise
        self._saved = mark

    def close(self) -> None:
        """Let another process have it."""
        self._connection.close()

    def _take(self) -> None:
        """Lock the file for as long as it is open, and make its tables."""
        self._connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        if version == 0:
            self._connection.executescript(_SCHEMA)
        elif version == _ONLY_LINEAR:
            self._connection.execute(f"PRAGMA user_version = {_VERSION}")
        elif version != _VERSION:
            raise sqlite3.DatabaseError(f"version {version} of an account, {_VERSION} is known")
        self._connection.execute("BEGIN EXCLUSIVE")
        self._connection.execute("COMMIT")

    def _write(self, table: str, rows: Sequence[tuple[int | str, Any]]) -> None:
        encoded = [(key, msgspec.json.encode(document)) for key, document in rows]
        self._connection.executemany(f"INSERT OR REPLACE INTO {table} VALUES (?, ?)", encoded)

    def _changed_orders(self) -> Iterator[PaperOrder]:
        """Find the orders that are new, were open, or have filled since the last time."""
        state, saved = self._state, self._saved
        filled = {fill.client_id for fill in state.fills[saved.fills :]}
        for order in reversed(state.orders.values()):
            if order.number > saved.orders:
                yield order
            else:
                break
        for client_id, number in saved.open.items():
            if (order := state.orders[client_id]).number == number:
                yield order
        for late in filled - saved.open.keys() - {None}:
            yield state.orders[str(late)]

    def _mark(self) -> "_Mark":
        state = self._state
        return _Mark(
            orders=state.numbered,
            fills=len(state.fills),
            payments=len(state.payments),
            deposits=state.account.deposits_usd,
            open={client_id: order.number for client_id, order in state.open.items()},
        )

    def _read(self) -> PaperState:
        """Read back what the account was."""
        documents = self._documents("account", _Rest)
        if not documents:
            return PaperState()
        rest = documents[0]
        payments = self._documents("payments", FundingPayment)
        return PaperState(
            account=rest.account,
            orders={x.request.client_id: x for x in self._documents("orders", PaperOrder)},
            fills=self._documents("fills", Fill),
            payments={payment.payment_id: payment for payment in payments},
            watched=rest.watched,
            numbered=rest.numbered,
            now=rest.now,
        )

    def _documents(self, table: str, kind: type[T]) -> list[T]:
        rows = self._connection.execute(f"SELECT document FROM {table} ORDER BY rowid")
        return [msgspec.json.decode(document, type=kind) for (document,) in rows]
