"""How the worker of a run says that it lives: a lease in Dagster's database, renewed as it works.

Celery does not tell that a worker was killed, and a run that nobody works on would stay started for
hours. So the process of a run renews a lease. Who looks for the dead takes a run for dead once its
lease has not been renewed for ``LEASE_SECONDS``, by the clock of the database alone. A worker that
is cut off cannot know what became of its run, and ends itself ``FENCE_SECONDS`` after its last
renewal began, before anyone takes it for dead: what was asked for again runs alone.
"""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Final

import sqlalchemy as db
import stamina
from dagster import DagsterRunStatus
from dagster._core.storage.runs.schema import RunsTable
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import OperationalError, SQLAlchemyError

_LOG = logging.getLogger(__name__)

LEASE_SECONDS: Final = 45.0
"""Without a renewal. With the ten seconds between two looks a death is noticed within a minute."""

FENCE_SECONDS: Final = 35.0

BEAT_SECONDS: Final = 5.0

LOOK_SECONDS: Final = 1.0

PATIENCE_SECONDS: Final = 300.0
"""How long a task that begins waits for the database; a run that nobody began is given up later."""

_BEATS: Final = db.Table(
    "funding_run_beats",
    db.MetaData(),
    db.Column("run_id", db.Text, primary_key=True),
    db.Column("worker", db.Text, nullable=False),
    db.Column("at", db.DateTime(timezone=True), nullable=False),
    db.Column("lost", db.Boolean, nullable=False),
)

_NOW: Final = db.func.clock_timestamp()

_MAKING: Final = 0x66_75_6E_62
"""Number of the advisory lock under which the table is made."""

_CONNECTION: Final = {
    "connect_timeout": 5,
    "options": "-c statement_timeout=5s -c lc_messages=C",
    "tcp_user_timeout": 10_000,
}


class Beats:
    """The leases of all runs.

    Parameters
    ----------
    url
        Of Dagster's database, as SQLAlchemy has it.
    """

    def __init__(self, url: str) -> None:
        self._engine = db.create_engine(
            url, pool_size=1, max_overflow=1, pool_pre_ping=True, connect_args=_CONNECTION
        )
        with self._engine.begin() as connection:
            connection.execute(db.select(db.func.pg_advisory_xact_lock(_MAKING)))
            _BEATS.metadata.create_all(connection)

    def begin(self, run_id: str, worker: str) -> bool:
        """Take the lease of a run; tell whether it is to be worked on.

        It is not where somebody works on it already, or where it was given up before its turn.

        Raises
        ------
        SQLAlchemyError
            If the database does not answer, here as below.
        """
        status = db.select(RunsTable.c.status).where(RunsTable.c.run_id == run_id)
        taken = postgresql.insert(_BEATS).values(run_id=run_id, worker=worker, at=_NOW, lost=False)
        with self._engine.begin() as connection:
            if connection.execute(status).scalar() != DagsterRunStatus.STARTING.value:
                return False
            return connection.execute(taken.on_conflict_do_nothing()).rowcount == 1

    def renew(self, run_id: str) -> bool:
        """Renew the lease of a run; tell whether it is still ours."""
        kept = _BEATS.update().where(_BEATS.c.run_id == run_id, ~_BEATS.c.lost)
        with self._engine.begin() as connection:
            return connection.execute(kept.values(at=_NOW)).rowcount == 1

    def silence(self, run_id: str) -> float | None:
        """Return the seconds since the last renewal; None of a run that nobody has begun.

        A lease that has run out is lost by this: who comes back to it finds that it is not his.
        """
        age = db.extract("epoch", _NOW - _BEATS.c.at)
        over = _BEATS.update().where(_BEATS.c.run_id == run_id, age > LEASE_SECONDS)
        with self._engine.begin() as connection:
            connection.execute(over.values(lost=True))
            found = connection.execute(db.select(age).where(_BEATS.c.run_id == run_id)).scalar()
        return None if found is None else float(found)

    def end(self, run_id: str) -> None:
        """Give up the lease of a run that is over."""
        with self._engine.begin() as connection:
            connection.execute(_BEATS.delete().where(_BEATS.c.run_id == run_id))

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()


@contextmanager
def lease(
    url: str, run_id: str, worker: str, *, patience: float = PATIENCE_SECONDS
) -> Iterator[Beats | None]:
    """Take the lease of a run as its task begins; None where the run is not to be worked on.

    A database that is started again is waited for: the task is off the queue, and nobody else would
    begin the run until it is given up.

    Raises
    ------
    OperationalError
        If the database does not answer for longer than that.
    """
    retried = stamina.retry_context(OperationalError, attempts=None, timeout=patience, wait_max=5.0)
    for attempt in retried:
        with attempt, ExitStack() as stack:
            beats = stack.enter_context(closing(Beats(url)))
            ours = beats.begin(run_id, worker)
            held = stack.pop_all()
    with held:
        yield beats if ours else None


def end_this_process() -> None:
    """End as if killed: nothing that is half done must be finished."""
    os.kill(os.getpid(), signal.SIGKILL)


class Heart:
    """Renews the lease of a run for as long as anyone may believe in it.

    Parameters
    ----------
    renew
        Renews it, and tells whether the run is still ours.
    give_up
        Ends the process.
    timer
        Seconds that pass.
    """

    def __init__(
        self,
        renew: Callable[[], bool],
        *,
        give_up: Callable[[], None] = end_this_process,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._renew = renew
        self._give_up = give_up
        self._timer = timer
        self._renewed_at = timer()

    def beat(self) -> None:
        """Renew the lease; give up a run that is no longer ours."""
        began = self._timer()
        try:
            ours = self._renew()
        except SQLAlchemyError as error:
            _LOG.warning("the lease of the run could not be renewed: %s", error)
            return
        if not ours:
            self._give_up()
        self._renewed_at = began

    def look(self) -> None:
        """Give up a run whose lease could not be renewed for too long."""
        if self._timer() - self._renewed_at > FENCE_SECONDS:
            self._give_up()


@contextmanager
def beating(heart: Heart) -> Iterator[None]:
    """Renew a lease beside the work; a second thread looks, for asking the database may hang."""
    stopped = threading.Event()

    def again_and_again(work: Callable[[], None], seconds: float) -> None:
        while not stopped.wait(seconds):
            work()

    threads = [
        threading.Thread(target=again_and_again, args=(work, seconds), daemon=True)
        for work, seconds in ((heart.beat, BEAT_SECONDS), (heart.look, LOOK_SECONDS))
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stopped.set()
        for thread in threads:
            thread.join()
