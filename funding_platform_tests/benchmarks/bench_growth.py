"""The hourly build of the marts over a history eight times as long: it should cost the same.

Both lakes have the same instruments, and one has eight times the months. Each is built and tested
once, then the settlements of one more hour come in, and the build after that is measured: dbt's
models, its data tests, its processes and the commit included.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage

from funding_platform.core.tables.collected import FUNDING_RATES, INSTRUMENTS
from funding_platform.flows.collection.history.depths import history_depths
from funding_platform.lake.marts.build import marts_build
from funding_platform.lake.marts.dbt import BUILD, TEST, run_dbt
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings
from funding_platform_tests.benchmarks.bench_backtest_runs import alone
from funding_platform_tests.benchmarks.measurement import Measurement, seconds

HOURS = 5_400
TIMES = 8
END = "TIMESTAMPTZ '2025-12-01 00:00:00+00'"
INSTRUMENT = (
    "'venue' || venue AS venue, 'COIN' || coin AS venue_symbol FROM range({venues}) AS v(venue), "
    "range(40) AS c(coin)"
)


@dataclass(frozen=True, slots=True)
class Cost:
    """What a build takes: seconds, those in which dbt's processes had a processor, their memory."""

    wall: float
    processor: float
    peak_mib: float


def run(quick: bool = False) -> list[Measurement]:
    venues, hours = (1, 800) if quick else (6, HOURS)
    with tempfile.TemporaryDirectory() as folder:
        first, short = _hourly(Path(folder) / "short", venues, hours)
        full, long = _hourly(Path(folder) / "long", venues, TIMES * hours)
    few, many = venues * 40 * hours, venues * 40 * TIMES * hours
    compared = f"after {many:,} settlements (peer: after {few:,})"
    return [
        Measurement(f"first build of {few:,} settlements, all months", first.wall, "s"),
        Measurement(f"first build of {many:,} settlements, all months", full.wall, "s"),
        Measurement(
            f"build of an hour more, {compared}", long.wall, "s", short.wall, least_ratio=1 / 1.3
        ),
        Measurement(
            f"the same in processor time, {compared}", long.processor, "s", short.processor
        ),
        Measurement(
            f"first build of {many:,} settlements: peak memory of dbt", full.peak_mib, "MiB"
        ),
        Measurement(
            f"build of an hour more, after {many:,} settlements: peak memory of dbt",
            long.peak_mib,
            "MiB",
            target=2048,
        ),
    ]


def _hourly(folder: Path, venues: int, hours: int) -> tuple[Cost, Cost]:
    """What the first build costs, and the one an hour later."""
    settings = Settings(data_dir=folder / "data")
    with Lake(settings) as lake, lake.commit("benchmark", "instruments"):
        lake.connection.execute(
            f"INSERT INTO {INSTRUMENTS.full_name} BY NAME SELECT 'COIN' || coin AS base, "
            "'USDT' AS quote, 1.0 AS multiplier, 'linear' AS contract_type, 'trading' AS status, "
            f"{END} AS first_seen_at, {END} AS last_seen_at, {INSTRUMENT.format(venues=venues)}"
        )
    _settle(settings, venues, range(hours))
    first = alone(_build, settings)
    _settle(settings, venues, range(-1, 0))
    return first, alone(_build, settings)


def _settle(settings: Settings, venues: int, hours: range) -> None:
    """Store what all instruments settle in some hours before the end, some of it missing."""
    rows = (
        f"SELECT {END} - to_hours(hour) AS funding_time, funding_time AS venue_time, "
        f"round((hash(hour, venue, coin) % 20000)::double - 9000) * 1e-9 AS funding_rate, "
        "1.0 AS interval_hours, 1.0 AS interval_hours_known, false AS interval_inferred, "
        f"{END} AS observed_at, {INSTRUMENT.format(venues=venues)}, "
        f"range({hours.start}, {hours.stop}) AS h(hour) WHERE hash(coin, hour, venue) % 1000 > 0"
    )
    with Lake(settings) as lake, lake.commit("benchmark", "settlements"):
        lake.connection.execute(
            f"INSERT INTO {FUNDING_RATES.full_name} BY NAME FROM ({rows}) "
            "ORDER BY venue, date_trunc('month', funding_time), venue_symbol, funding_time"
        )


def _build(settings: Settings) -> Cost:
    """Build and test as a transform does, in a process that has had no other child."""
    wall = seconds(lambda: _build_and_test(settings))
    used = getrusage(RUSAGE_CHILDREN)
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def _build_and_test(settings: Settings) -> None:
    target = settings.dbt_dir
    with marts_build(settings, history_depths()) as build:
        run_dbt(BUILD, build.environment(), target)
        build.swap("benchmark", target)
        tests = run_dbt(TEST, build.environment(), target)
        build.tested.remember((test.name, test.status == "pass") for test in tests)
    failed = [test.name for test in tests if test.status not in ("pass", "warn")]
    assert not failed, failed
