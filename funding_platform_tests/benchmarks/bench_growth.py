"""The hourly build of the marts over a history eight times as long: it should cost the same.

Both lakes have the same instruments, and one has eight times the months. Each is built once, then
the settlements of one more hour come in, and the build after that is measured: dbt's models, its
process and the commit included. Data tests, which look at everything, are not part of it.
"""

import tempfile
from pathlib import Path

from funding_platform.core.tables.collected import FUNDING_RATES, INSTRUMENTS
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings
from funding_platform_tests.benchmarks.measurement import Measurement, seconds
from funding_platform_tests.dbt.runner import run_dbt

HOURS = 5_400
TIMES = 8
END = "TIMESTAMPTZ '2025-12-01 00:00:00+00'"
INSTRUMENT = (
    "'venue' || venue AS venue, 'COIN' || coin AS venue_symbol FROM range({venues}) AS v(venue), "
    "range(40) AS c(coin)"
)
MODELS = ("build", "--exclude-resource-type", "test", "unit_test")


def run(quick: bool = False) -> list[Measurement]:
    venues, hours = (1, 800) if quick else (6, HOURS)
    with tempfile.TemporaryDirectory() as folder:
        first, short = _hourly(Path(folder) / "short", venues, hours)
        full, long = _hourly(Path(folder) / "long", venues, TIMES * hours)
    few, many = venues * 40 * hours, venues * 40 * TIMES * hours
    return [
        Measurement(f"first build of {few:,} settlements, all months", first, "s"),
        Measurement(f"first build of {many:,} settlements, all months", full, "s"),
        Measurement(
            f"build of an hour more, after {many:,} settlements (peer: after {few:,})",
            long,
            "s",
            short,
            least_ratio=1 / 1.3,
        ),
    ]


def _hourly(folder: Path, venues: int, hours: int) -> tuple[float, float]:
    """Seconds of the first build, and of the one an hour later."""
    settings = Settings(data_dir=folder / "data")
    with Lake(settings) as lake, lake.commit("benchmark", "instruments"):
        lake.connection.execute(
            f"INSERT INTO {INSTRUMENTS.full_name} BY NAME SELECT 'COIN' || coin AS base, "
            "'USDT' AS quote, 1.0 AS multiplier, 'linear' AS contract_type, 'trading' AS status, "
            f"{END} AS first_seen_at, {END} AS last_seen_at, {INSTRUMENT.format(venues=venues)}"
        )
    _settle(settings, venues, range(hours))
    first = seconds(lambda: _build(settings))
    _settle(settings, venues, range(-1, 0))
    return first, seconds(lambda: _build(settings))


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


def _build(settings: Settings) -> None:
    run_dbt(settings, *MODELS).check_returncode()
