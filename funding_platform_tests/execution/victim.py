"""A process that trades on venues of its parent, and is killed at a write of its journal.

The venues live on in the parent, as real ones do, and are reached through a socket.
"""

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from multiprocessing.connection import Client, Connection, Listener
from typing import Any, cast

from sqlalchemy import Connection as Database

from funding_platform.core.system.clock import Clock
from funding_platform.execution import (
    AtomicPairExecutor,
    ExecutionRules,
    Journal,
    PairState,
    Reconciler,
    Store,
    open_store,
)
from funding_platform.venues.orders.contract import ExchangeClient
from funding_platform.venues.orders.errors import OrderNotFoundError
from funding_platform_tests.execution.crashes import Moment
from funding_platform_tests.execution.world import VENUES, World, intent_at

RULES = ExecutionRules(grace_seconds=0.3, poll_seconds=0.02)
"""Real seconds pass here."""


class Front:
    """Serves the venues of a world to one process at a time."""

    def __init__(self, world: World) -> None:
        self._venues = world.venues
        self._listener = Listener(family="AF_UNIX")
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def address(self) -> str:
        return str(self._listener.address)

    def _serve(self) -> None:
        while True:
            with self._listener.accept() as connection:
                self._answer(connection)

    def _answer(self, connection: Connection) -> None:
        try:
            while True:
                venue, name, arguments = connection.recv()
                connection.send(self._ask(venue, name, arguments))
        except (EOFError, ConnectionError):
            return  # it was killed

    def _ask(self, venue: str, name: str, arguments: tuple[Any, ...]) -> tuple[str, Any]:
        try:
            return "answer", asyncio.run(getattr(self._venues[venue], name)(*arguments))
        except OrderNotFoundError as error:
            return "not found", error.client_id


class Remote:
    """A venue of the parent."""

    def __init__(self, venue: str, connection: Connection) -> None:
        self.venue = venue
        self._connection = connection

    def __getattr__(self, name: str) -> Callable[..., Any]:
        async def ask(*arguments: Any) -> Any:
            self._connection.send((self.venue, name, arguments))
            kind, answer = self._connection.recv()
            if kind == "not found":
                raise OrderNotFoundError("unknown", venue=self.venue, client_id=answer)
            return answer

        return ask


def kill_at(store: Store, number: int, moment: Moment) -> None:
    """End this process, with no chance to do anything, at a step that is written."""
    write, count = store.step, iter(range(10**6))

    @contextmanager
    def step(name: str) -> Iterator[Database]:
        here = next(count) == number
        if here and moment is Moment.BEFORE:
            os.kill(os.getpid(), signal.SIGKILL)
        with write(name) as connection:
            yield connection
        if here and moment is Moment.AFTER:
            os.kill(os.getpid(), signal.SIGKILL)

    store.step = step  # type: ignore[method-assign]


async def trade(executor: AtomicPairExecutor, deed: str, now: datetime) -> None:
    """Reconcile, then open a pair, close what is open, or leave it at that."""
    reconciler = Reconciler(executor)
    await reconciler.reconcile()
    if deed == "open":
        await executor.open(intent_at(now))
    elif deed == "close":
        for pair in executor.journal.pairs(PairState.OPEN):
            await executor.close(pair.pair_id, "test")
    else:
        await reconciler.reconcile()


def main() -> None:
    """Run as ``python -m … address url deed [number moment]``."""
    address, url, deed, *death = sys.argv[1:]
    with Client(address) as connection, open_store(url) as store:
        if death:
            kill_at(store, int(death[0]), Moment(death[1]))
        clients = {
            venue: cast("ExchangeClient", Remote(venue, connection)) for venue in VENUES.values()
        }
        clock = Clock()
        executor = AtomicPairExecutor(clients, Journal(store), RULES, clock)
        asyncio.run(trade(executor, deed, clock.now()))


if __name__ == "__main__":
    main()
