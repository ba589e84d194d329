"""Five million settlements in the lake: replace and look up, against DuckDB without a lake.

The peer of a replacement is a plain DuckDB file with the same rows; that of a look-up is a scan
of the lake's own Parquet files. Both lack what the lake is for: commits that many processes see
whole, readers beside a writer, time travel.
"""

import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import duckdb
import numpy as np
import polars as pl

from funding_platform.core.tables.collected import FUNDING_RATES
from funding_platform.core.tables.schema import UTC_TIME
from funding_platform.core.time_grid import EPOCH, HOUR, Window
from funding_platform.lake import connect
from funding_platform.lake.writer import Lake, Scope
from funding_platform.settings import Settings
from funding_platform_tests.benchmarks.measurement import Measurement, median_seconds, seconds
from funding_platform_tests.benchmarks.plain import bare_files, plain_duckdb

VENUES = tuple(f"venue{number:02}" for number in range(14))

SYMBOLS = 300
"""Per venue, listed one after another over the two years."""

HOURLY_EVERY = 75
"""One symbol in so many settles hourly, the others every eight hours: five million rows in all."""

YEARS = tuple(
    Window(datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC))
    for year in (2024, 2025)
)
DECEMBER = Window.of_month(datetime(2025, 12, 1, tzinfo=UTC))

LOOK_UPS = 28
REPLACEMENTS = 9

WANTED = "funding_time, funding_rate, interval_hours"
ONE_SYMBOL = "venue = ? AND venue_symbol = ?"
TABLE = "core.funding_rates"
LATEST = f"SELECT {WANTED} FROM {TABLE} WHERE {ONE_SYMBOL} ORDER BY funding_time DESC LIMIT 1"
HISTORY = (
    f"SELECT {WANTED} FROM {TABLE} WHERE {ONE_SYMBOL} "
    "AND funding_time >= ? AND funding_time < ? ORDER BY funding_time"
)


def run(quick: bool = False) -> list[Measurement]:
    venues = VENUES[:1] if quick else VENUES
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder))
        built_in = _build(settings, venues)
        opened_in = seconds(lambda: _open_and_ask(settings, venues))
        with connect(settings) as lake:
            rows = _count(lake)
            looked_up = _look_ups(lake, settings, venues)
        return [
            Measurement(f"commit {rows:,} rows by venue and year", rows / built_in, "rows/s"),
            Measurement("open the lake and look one rate up", 1e3 * opened_in, "ms"),
            *looked_up,
            _replacement(settings, Path(folder) / "plain.duckdb"),
        ]


def settlements(venue: str, window: Window) -> pl.DataFrame:
    """A venue's rows of ``core.funding_rates`` within a window."""
    opening, close, start, end = (
        (moment - EPOCH) // HOUR
        for moment in (YEARS[0].start, YEARS[-1].end, window.start, window.end)
    )
    hours, symbols, intervals = [], [], []
    for symbol in range(SYMBOLS):
        interval = 8 if symbol % HOURLY_EVERY else 1
        listed = opening + (close - opening) * symbol // SYMBOLS
        first = -(-max(listed, start) // interval) * interval
        settled = np.arange(first, end, interval)
        hours.append(settled)
        symbols.append(np.full(len(settled), symbol))
        intervals.append(np.full(len(settled), float(interval)))
    time = pl.Series(np.concatenate(hours) * 3_600_000_000).cast(UTC_TIME)
    random = np.random.default_rng(8)
    return FUNDING_RATES.conform(
        pl.DataFrame(
            {
                "venue_symbol": np.array([_symbol(n) for n in range(SYMBOLS)])[
                    np.concatenate(symbols)
                ],
                "funding_time": time,
                "funding_rate": random.normal(1e-4, 1e-4, len(time)).round(8),
                "interval_hours": np.concatenate(intervals),
                "mark_price": random.lognormal(3, 2, len(time)).round(4),
                "venue_time": time,
            }
        ).with_columns(
            venue=pl.lit(venue),
            interval_inferred=pl.lit(False),
            observed_at=pl.lit(window.end, dtype=UTC_TIME),
        )
    )


def _symbol(number: int) -> str:
    return f"COIN{number:03}USDT"


def _build(settings: Settings, venues: Sequence[str]) -> float:
    """Commit everything as an import does, a venue's year at a time; the seconds that took."""
    took = 0.0
    with Lake(settings) as lake:
        for venue in venues:
            for year in YEARS:
                frame = settlements(venue, year)
                scope = Scope({"venue": venue}, "funding_time", year)
                took += seconds(lambda: _replace(lake, frame, scope))  # noqa: B023
    return took


def _replace(lake: Lake, frame: pl.DataFrame, scope: Scope) -> None:
    with lake.commit("benchmark", f"settled rates of {scope}") as transaction:
        transaction.replace(FUNDING_RATES, frame, scope)


def _open_and_ask(settings: Settings, venues: Sequence[str]) -> None:
    with connect(settings) as lake:
        lake.execute(LATEST, [venues[0], _symbol(0)]).pl()


def _look_ups(
    lake: duckdb.DuckDBPyConnection, settings: Settings, venues: Sequence[str]
) -> list[Measurement]:
    """Medians over different symbols, all of which have traded for the year."""
    half = SYMBOLS // 2
    wanted = [(venues[n % len(venues)], _symbol(n * 11 % half)) for n in range(LOOK_UPS)]
    year = YEARS[-1]
    measured = []
    with plain_duckdb(settings) as plain:
        for name, sql, span in (
            ("latest rate of one symbol", LATEST, []),
            ("a year of one symbol", HISTORY, [year.start, year.end]),
        ):
            bare_sql = sql.replace(TABLE, bare_files(settings, FUNDING_RATES))
            parameters = [[*one, *span] for one in wanted]
            for one in parameters[:3]:
                assert lake.execute(sql, one).fetchall() == plain.execute(bare_sql, one).fetchall()
            value, peer = (
                median(seconds(lambda: on.execute(text, one).pl()) for one in parameters)  # noqa: B023
                for on, text in ((lake, sql), (plain, bare_sql))
            )
            measured.append(Measurement(name, 1e3 * value, "ms", 1e3 * peer, least_ratio=0.23))
    return measured


def _replacement(settings: Settings, plain_file: Path) -> Measurement:
    """A venue's month again, in a lake and in a file that hold everything else as well."""
    frame = settlements(VENUES[0], DECEMBER)
    scope = Scope({"venue": VENUES[0]}, "funding_time", DECEMBER)

    with Lake(settings) as lake:
        value = median_seconds(lambda: _replace(lake, frame, scope), REPLACEMENTS)
        lake.connection.execute(f"ATTACH '{plain_file}' AS plain")
        lake.connection.execute(f"CREATE TABLE plain.rates AS FROM {TABLE}")
        lake.connection.execute("DETACH plain")

    condition, parameters = scope.sql()
    with duckdb.connect(str(plain_file), config={"threads": settings.lake_threads}) as plain:

        def delete_and_insert() -> None:
            plain.execute("BEGIN")
            plain.execute(f"DELETE FROM rates WHERE {condition}", parameters)
            plain.register("frame", frame)
            plain.execute("INSERT INTO rates BY NAME SELECT * FROM frame")
            plain.unregister("frame")
            plain.execute("COMMIT")

        peer = median_seconds(delete_and_insert, REPLACEMENTS)
    return Measurement(
        f"replace a partition of {frame.height:,} rows",
        1e3 * value,
        "ms",
        1e3 * peer,
        least_ratio=0.066,
    )


def _count(lake: duckdb.DuckDBPyConnection) -> int:
    found = lake.execute(f"SELECT count(*) FROM {TABLE}").fetchone()
    assert found is not None
    return int(found[0])
