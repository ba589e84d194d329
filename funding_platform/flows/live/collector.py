"""The live collector: streams into the board, and what becomes of the board.

Four things go on side by side in one process: every venue feeds the board, the board is recorded
into the lake at the end of each span, what a pair of opportunities is judged by is read anew from
the lake now and then, and once a second all of it is handed out to the other processes.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

import numpy as np
import polars as pl

from funding_platform.core.time_grid import to_us
from funding_platform.flows.blocking import blocking
from funding_platform.flows.live.followers import Factors, Follower, Pairs, Strips
from funding_platform.flows.live.latest import (
    BOARD,
    FACTORS,
    FRESH_SECONDS,
    PAIRS,
    STRIPS,
    VENUES,
    VENUES_SCHEMA,
    LatestWriter,
)
from funding_platform.flows.live.recording import record_board
from funding_platform.live.board.board import Board
from funding_platform.live.board.view import NO_TIME, BoardView
from funding_platform.live.movers import RatesBefore
from funding_platform.live.sources import Source
from funding_platform.live.statistics import FeedHealth
from funding_platform.live.supervisor import Supervisor
from funding_platform.settings import Settings
from funding_platform.venues import open_venue
from funding_platform.venues.registry import venue_names
from funding_platform.venues.streams.registry import stream_class

_LOG = logging.getLogger(__name__)

HAND_OUT_SECONDS: Final = 1.0


async def collect_live_async(settings: Settings, run_id: str) -> None:
    """Keep the board, record it and hand it out, until cancelled.

    Parameters
    ----------
    settings
        Which venues, where they are, and whose lake it is.
    run_id
        Stored with every commit.
    """
    board = Board()
    supervisor = Supervisor(sources_of(settings), board, scale=settings.rate_limit_scale)
    strips = Strips(settings)
    followers: dict[str, Follower[Any]] = {
        PAIRS: Pairs(settings),
        STRIPS: strips,
        FACTORS: Factors(settings, strips),
    }
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(supervisor.run(), name="venues")
        tasks.create_task(record_board(board, settings, run_id), name="record")
        for name, follower in followers.items():
            tasks.create_task(follower.keep(), name=name)
        tasks.create_task(_hand_out(board, supervisor, followers, settings), name="hand-out")


async def collect_live_for(settings: Settings, run_id: str, seconds: float | None) -> None:
    """Do as ``collect_live_async``, and stop after so many seconds, where they are given."""
    try:
        async with asyncio.timeout(seconds):
            await collect_live_async(settings, run_id)
    except TimeoutError:
        _LOG.info("stopped after %g s, as asked", seconds)


collect_live = blocking(collect_live_for)


def sources_of(settings: Settings) -> list[Source]:
    """List the venues that the settings name, with their streams where they have one."""
    return [
        Source(
            name=name,
            open=partial(open_venue, name, settings=settings),
            stream=stream_class(name),
            stream_url=settings.stream_url(name),
        )
        for name in settings.venues or venue_names()
    ]


async def _hand_out(
    board: Board,
    supervisor: Supervisor,
    followers: Mapping[str, Follower[Any]],
    settings: Settings,
) -> None:
    """Hand out once a second; a second that cannot be written (a full disk) is let go."""
    rates, loop = RatesBefore(), asyncio.get_running_loop()
    with ThreadPoolExecutor(1, "hand-out") as thread:  # the file is of the thread that opened it
        writer = await loop.run_in_executor(thread, LatestWriter, settings, datetime.now(UTC))
        try:
            while True:
                now = datetime.now(UTC)
                write = partial(
                    _write, writer, board.view(), supervisor.health(), followers, rates, now
                )
                try:
                    await loop.run_in_executor(thread, write)
                except sqlite3.OperationalError as error:
                    _LOG.warning("nothing is handed out: %s", error)
                passed = (datetime.now(UTC) - now).total_seconds()
                await asyncio.sleep(max(0.0, HAND_OUT_SECONDS - passed))
        finally:
            thread.submit(writer.close)


def _write(
    writer: LatestWriter,
    view: BoardView,
    health: Mapping[str, FeedHealth],
    followers: Mapping[str, Follower[Any]],
    rates: RatesBefore,
    now: datetime,
) -> None:
    frames = {
        BOARD: view.frame(now).with_columns(rates.note(view, now)),
        VENUES: venues_frame(view, health, now),
    }
    for name, follower in followers.items():
        if (found := follower.follow(view, now)) is not None:
            frames[name] = found
    writer.write(frames, view.version, now)


def venues_frame(view: BoardView, health: Mapping[str, FeedHealth], now: datetime) -> pl.DataFrame:
    """Tell how each venue stands: rows of ``latest.VENUES_SCHEMA``.

    Parameters
    ----------
    view
        The board.
    health
        How the feeds stand, by venue.
    now
        What ages are told from.
    """
    names = view.instruments["venue"].to_numpy()
    rows = [*_venue_rows(view, names, health, now)]
    return pl.DataFrame(rows, schema=VENUES_SCHEMA, orient="row")


def _venue_rows(
    view: BoardView, names: Any, health: Mapping[str, FeedHealth], now: datetime
) -> Iterator[dict[str, Any]]:
    age_us = np.where(view.observed_us == NO_TIME, np.nan, to_us(now) - view.observed_us)
    for venue, feed in health.items():
        ages = age_us[names == venue]
        seen = ages[~np.isnan(ages)]
        age = float(max(0.0, seen.min())) / 1e6 if seen.size else None
        silent = age is None or age > FRESH_SECONDS
        yield {
            "venue": venue,
            "source": "stream" if feed.live else "rest",
            "age_seconds": age,
            "updates_per_second": feed.updates_per_second,
            "instruments": int(seen.size),
            "stale": int((view.gap_since_us[names == venue] != NO_TIME).sum()),
            "reconnects": feed.counts.gaps,
            "trouble": feed.counts.last_failure if silent else None,
        }
