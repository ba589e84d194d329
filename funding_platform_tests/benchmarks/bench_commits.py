"""Four writers on one lake: how long a commit takes, against a lock that is tried again and again.

The peer is the same commits under `filelock`, which asks for its lock every 50 ms: whoever asks at
the right moment goes first, so that most commits are soon done and a few wait for seconds.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import numpy as np
from filelock import FileLock, Timeout

from funding_platform.lake import locks
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings
from funding_platform_tests.benchmarks.measurement import Measurement
from funding_platform_tests.chaos.crowd import VENUES, Crowd, Told, last_commits, write

SECONDS = 30

_POLLED: dict[int, FileLock] = {}


def run(quick: bool = False) -> list[Measurement]:
    seconds = 3 if quick else SECONDS
    queued, polled = (_commits(work, seconds) for work in (write, write_by_polling))
    rows = []
    for name, share, least in (("p50", 0.5, None), ("p99", 0.99, 1.3)):
        value, peer = (1e3 * float(np.quantile(times, share)) for times in (queued, polled))
        rows.append(
            Measurement(f"commit of one of 4 writers, {name}", value, "ms", peer, least_ratio=least)
        )
    return rows


def write_by_polling(who: str, settings: Settings, until: float) -> Told:
    """Commit as the others do, under `filelock`."""
    with patch.object(locks, "take", _take), patch.object(locks, "let_go", _let_go):
        return write(who, settings, until)


def _commits(work: Callable[..., Told], seconds: float) -> list[float]:
    """How long each commit of the crowd took, its wait included."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder))
        Lake(settings).connection.close()
        told = Crowd(settings, seconds, dict.fromkeys(VENUES, work)).run()
        assert [fault for one in told.values() for fault in one.faults] == []
        assert last_commits(settings) == {who: one.turns for who, one in told.items()}
    return [took for one in told.values() for took in one.seconds]


def _take(path: Path, seconds: float) -> int:
    lock = FileLock(path, timeout=seconds)
    try:
        lock.acquire()
    except Timeout as error:
        raise TimeoutError from error
    _POLLED[id(lock)] = lock
    return id(lock)


def _let_go(held: int) -> None:
    _POLLED.pop(held).release()
