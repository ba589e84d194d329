"""A lake on PostgreSQL and S3: writers under locks against retries, look-ups against a folder.

Both servers are of this machine. The peer of the writers is the same work without the lock per
table: DuckLake tells whoever met another commit of the same rows, and he begins again. Partitions
are there before, since without the lock those that are new would hold the rows of two writers.
"""

import random
import tempfile
import time
from collections.abc import Callable, Collection
from contextlib import closing, nullcontext
from pathlib import Path
from statistics import median
from typing import Any, Final
from unittest.mock import patch

import numpy as np

from funding_platform.core.tables.collected import FUNDING_RATES
from funding_platform.core.tables.schema import Table
from funding_platform.lake import connect, writer
from funding_platform.lake.errors import CommitConflictError, LakeError
from funding_platform.lake.writer import Lake, Scope
from funding_platform.local.cluster.servers import (
    ObjectStore,
    Postgres,
    ServerMissingError,
    running,
)
from funding_platform.settings import Settings
from funding_platform_tests.benchmarks.bench_lake import (
    DECEMBER,
    HISTORY,
    LATEST,
    LOOK_UPS,
    SYMBOLS,
    VENUES,
    YEARS,
    settlements,
)
from funding_platform_tests.benchmarks.measurement import (
    Measurement,
    NotMeasuredError,
    seconds,
)
from funding_platform_tests.chaos.crowd import Crowd, Told
from funding_platform_tests.lake.conftest import january_of, rates

SECONDS: Final = 60
WRITERS: Final = ("one", "two", "three", "four")
PARTITIONS: Final = tuple(f"v{number}" for number in range(8))
HOURS: Final = 24 * 31
BUCKET: Final = "bench"

Commits = Callable[[str, Settings, float], Told]


def run(quick: bool = False) -> list[Measurement]:
    try:
        with running(Postgres, ObjectStore) as (postgres, objects):
            assert isinstance(postgres, Postgres)
            assert isinstance(objects, ObjectStore)
            objects.bucket(BUCKET)
            with tempfile.TemporaryDirectory() as folder:
                return [
                    *_writers(postgres, objects, Path(folder), 3 if quick else SECONDS),
                    *_look_ups(postgres, objects, Path(folder), VENUES[: 1 if quick else 3]),
                ]
    except ServerMissingError as error:
        raise NotMeasuredError(str(error)) from error


def _settings(postgres: Postgres, objects: ObjectStore, folder: Path, name: str) -> Settings:
    return Settings(
        data_dir=folder / name,
        lake_profile="cluster",
        catalog_url=postgres.database(name).replace("+psycopg2", ""),
        data_url=f"s3://{BUCKET}/{name}",
        s3_endpoint=objects.endpoint,
        s3_key_id=objects.key,
        s3_secret=objects.secret,
        lock_timeout_seconds=600,
    )


def _writers(
    postgres: Postgres, objects: ObjectStore, folder: Path, duration: float
) -> list[Measurement]:
    took: dict[str, list[float]] = {}
    works: dict[str, Commits] = {"locked": replace_in_turn, "retried": replace_and_retry}
    for name, work in works.items():
        settings = _settings(postgres, objects, folder, name)
        with Lake(settings) as lake:
            for venue in PARTITIONS:
                _replace(lake, venue, 1e-4)
        told = Crowd(settings, duration, dict.fromkeys(WRITERS, work)).run()
        assert [fault for one in told.values() for fault in one.faults] == []
        took[name] = [seconds for one in told.values() for seconds in one.seconds]
        assert _whole(settings)
    locked, retried = (len(took[name]) / duration for name in works)
    p50, p99 = (1e3 * float(np.quantile(took["locked"], share)) for share in (0.5, 0.99))
    late = 1e3 * float(np.quantile(took["retried"], 0.99))
    return [
        Measurement("commits of 4 writers", locked, "commits/s", retried, least_ratio=2),
        Measurement("one of them, p50", p50, "ms"),
        Measurement("one of them, p99", p99, "ms", late),
        Measurement("p99 over p50", p99 / p50, "x", target=3.0),
    ]


def replace_in_turn(who: str, settings: Settings, until: float) -> Told:
    """Replace partitions as the platform does."""
    return _until(who, settings, until, _replace)


def replace_and_retry(who: str, settings: Settings, until: float) -> Told:
    """Replace them without a lock, again and again until that was committed."""
    with patch.object(writer, "commit_lock", _no_lock):
        return _until(who, settings, until, _retry)


def _until(
    who: str, settings: Settings, until: float, replace: Callable[[Lake, str, float], None]
) -> Told:
    luck, took = random.Random(who), list[float]()
    with Lake(settings) as lake:
        while time.monotonic() < until:
            venue, rate = luck.choice(PARTITIONS), luck.random() / 1e4
            took.append(seconds(lambda: replace(lake, venue, rate)))  # noqa: B023
    return Told(who, len(took), [], took)


def _replace(lake: Lake, venue: str, rate: float) -> None:
    frame = rates(venue, symbols=2, hours=HOURS, rate=rate)
    with lake.commit("benchmark", venue, tables=(FUNDING_RATES,)) as transaction:
        transaction.replace(FUNDING_RATES, frame, january_of(venue))


def _retry(lake: Lake, venue: str, rate: float) -> None:
    while True:
        try:
            return _replace(lake, venue, rate)
        except CommitConflictError:
            continue
        except LakeError as error:  # DuckLake has tried often enough by itself
            if "Failed to commit" not in str(error):
                raise


class _NoLock(nullcontext["_NoLock"]):
    def __init__(self) -> None:
        super().__init__(self)

    def refuse_lost(self) -> None:
        """Nothing was taken."""

    def clear_up(self, _connection: object) -> None:
        """DuckLake does."""


def _no_lock(_settings: Settings, _tables: Collection[Table] | None = None) -> _NoLock:
    return _NoLock()


def _whole(settings: Settings) -> bool:
    """Whether each partition is one writer's."""
    with closing(connect(settings)) as lake:
        found = lake.sql(
            "SELECT count(*), count(DISTINCT funding_rate) FROM core.funding_rates GROUP BY venue"
        ).fetchall()
    return found == [(2 * HOURS, 1)] * len(PARTITIONS)


def _look_ups(
    postgres: Postgres, objects: ObjectStore, folder: Path, venues: tuple[str, ...]
) -> list[Measurement]:
    lakes = (
        _settings(postgres, objects, folder, "read"),
        Settings(data_dir=folder / "local"),
    )
    for settings in lakes:
        with Lake(settings) as lake:
            for venue in venues:
                for year in YEARS:
                    scope = Scope({"venue": venue}, "funding_time", year)
                    with lake.commit("run", "a year", tables=(FUNDING_RATES,)) as transaction:
                        transaction.replace(FUNDING_RATES, settlements(venue, year), scope)
    half = SYMBOLS // 2
    wanted = [(venues[n % len(venues)], f"COIN{n * 11 % half:03}USDT") for n in range(LOOK_UPS)]
    measured = []
    for name, sql, span in (
        ("latest rate of one symbol, warm", LATEST, []),
        ("a month of one symbol, warm", HISTORY, [DECEMBER.start, DECEMBER.end]),
    ):
        asked: list[list[Any]] = [[*one, *span] for one in wanted]
        (value, answers), (peer, same) = (_warm(settings, sql, asked) for settings in lakes)
        assert answers == same
        measured.append(Measurement(name, 1e3 * value, "ms", 1e3 * peer, least_ratio=1 / 1.5))
    return measured


def _warm(
    settings: Settings, sql: str, asked: list[list[Any]]
) -> tuple[float, list[list[tuple[Any, ...]]]]:
    """How long an answer takes that was given before, and all answers."""
    with closing(connect(settings)) as lake:
        answers = [lake.execute(sql, one).fetchall() for one in asked]
        took = median(seconds(lambda: lake.execute(sql, one).pl()) for one in asked)  # noqa: B023
    return took, answers
