"""A few connections to the lake, each asked by a thread of its own.

A connection sees every commit from its next question on, so it is kept. One that failed is closed
and the next question opens another: the lake may have been replaced, restored or upgraded.
"""

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from http import HTTPStatus
from typing import Final, TypeVar

import duckdb

from funding_platform.core.errors import FundingError
from funding_platform.flows.errors import NotLiveError
from funding_platform.flows.live.latest import Latest, read_latest
from funding_platform.flows.queries import open_lake
from funding_platform.flows.queries.connection import lake_error, snapshot_of
from funding_platform.service.problems import ProblemError
from funding_platform.settings import Settings

T = TypeVar("T")

REOPENED_AFTER_SECONDS: Final = 300.0

MOST_WAITING: Final = 64
"""Questions that wait for a reader; more are sent away at once."""


class Reader(threading.local):
    """The connection of one thread."""

    def __init__(self) -> None:
        self.lake: duckdb.DuckDBPyConnection | None = None
        self.opened = 0.0

    def opened_lake(self, settings: Settings) -> duckdb.DuckDBPyConnection:
        """Return the connection, a new one where the last is old: its file may be another now."""
        if self.lake is not None and time.monotonic() - self.opened > REOPENED_AFTER_SECONDS:
            self.lake.close()
            self.lake = None
        if self.lake is None:
            self.lake, self.opened = open_lake(settings), time.monotonic()
        return self.lake


@dataclass
class Sources:
    """What one question is asked of: the lake at one snapshot, and the board as it stands.

    Parameters
    ----------
    settings
        Say where both are.
    now
        When it was asked.
    """

    settings: Settings
    now: datetime
    _reader: Reader
    _task: "_Task"
    snapshot: int | None = None
    """Of the lake, once it was asked for."""

    @property
    def lake(self) -> duckdb.DuckDBPyConnection:
        """The lake, at one snapshot for the whole question.

        Raises
        ------
        LakeError
            If it cannot be opened.
        """
        if self.snapshot is not None and self._reader.lake is not None:
            return self._reader.lake
        lake = self._reader.opened_lake(self.settings)
        self._task.begin(lake)
        lake.begin()
        self.snapshot = snapshot_of(lake)
        return lake

    @cached_property
    def lake_or_none(self) -> duckdb.DuckDBPyConnection | None:
        """The lake, or None where there is none to be read."""
        try:
            return self.lake
        except FundingError:
            return None

    def live(self, *frames: str) -> Latest | None:
        """Read what the collector handed out last; None where it has stopped or never ran."""
        try:
            latest = read_latest(self.settings, *frames)
        except NotLiveError:
            return None
        return None if latest.is_stale(self.now) else latest


@dataclass
class _Task:
    """A question on its way, which may be interrupted from another thread."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    lake: duckdb.DuckDBPyConnection | None = None
    given_up: bool = False

    def begin(self, lake: duckdb.DuckDBPyConnection) -> None:
        with self.lock:
            if self.given_up:
                raise duckdb.InterruptException("given up before it began")
            self.lake = lake

    def give_up(self) -> None:
        with self.lock:
            self.given_up = True
            if self.lake is not None:
                self.lake.interrupt()

    def end(self) -> None:
        with self.lock:
            self.lake = None


class Readers:
    """A pool of threads that read the lake.

    Parameters
    ----------
    settings
        Say where the lake is, how many readers there are, and how long a question may take.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._threads = ThreadPoolExecutor(settings.service_readers, "lake-reader")
        self._reader = Reader()
        self._waiting = 0

    def close(self) -> None:
        """Let go of the threads, and with them of their connections."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def ask(self, work: Callable[[Sources], T]) -> T:
        """Do ``work`` in a reader's thread.

        Raises
        ------
        ProblemError
            If too many wait already, or it takes too long.
        FundingError
            As ``work`` does.
        """
        if self._waiting >= MOST_WAITING:
            raise ProblemError(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"{self._waiting} questions wait for the lake already",
                hint="ask again a little later, or give it more readers: FUNDING_SERVICE_READERS",
                headers={"Retry-After": "1"},
            )
        task = _Task()
        self._waiting += 1
        loop = asyncio.get_running_loop()
        asked = loop.run_in_executor(self._threads, self._work, work, task)
        try:
            async with asyncio.timeout(self._settings.service_seconds):
                return await asked
        except TimeoutError:
            raise ProblemError(
                HTTPStatus.GATEWAY_TIMEOUT,
                f"the question took longer than {self._settings.service_seconds:g} s",
                hint="ask for less: a shorter period, fewer rows, one venue or base",
            ) from None
        finally:
            task.give_up()
            self._waiting -= 1

    def _work(self, work: Callable[[Sources], T], task: _Task) -> T:
        sources = Sources(self._settings, datetime.now(UTC), self._reader, task)
        try:
            return work(sources)
        except FundingError as error:
            if type(error).__module__.endswith("lake.errors"):
                self._let_go(task)
            raise
        except duckdb.Error as error:
            self._let_go(task)
            raise lake_error(error) from error
        finally:
            task.end()
            if self._reader.lake is not None and sources.snapshot is not None:
                self._reader.lake.rollback()

    def _let_go(self, task: _Task) -> None:
        task.end()
        lake, self._reader.lake = self._reader.lake, None
        if lake is not None:
            lake.close()
