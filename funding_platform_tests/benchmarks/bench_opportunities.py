"""Opportunities of 14 venues x 300 symbols in SQL, against a plain pandas self-join.

The peer of the build pairs the legs and subtracts fees from a week of funding, on a frame that is
in memory already. It knows no clocks, no spreads, no impact, no settled past, no reasons and no
history. Both yield the same divergences. The peer of a query is plain DuckDB over the same files:
for the filter, with the columns that it bounds; for the history, the same SQL.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import polars as pl
from polars.testing import assert_frame_equal

from funding_platform.arbitrage import OpportunityFilter, find_opportunities
from funding_platform.core.tables.collected import FUNDING_RATES, INSTRUMENTS, MARKET_SNAPSHOTS
from funding_platform.core.tables.marts.opportunities import OPPORTUNITIES
from funding_platform.core.tables.marts.opportunity_history import OPPORTUNITY_HISTORY
from funding_platform.core.tables.schema import UTC_TIME
from funding_platform.core.time_grid import HOUR
from funding_platform.flows.collection.history.depths import history_depths
from funding_platform.lake import connect
from funding_platform.lake.connection import bare_connection
from funding_platform.lake.marts.build import marts_build
from funding_platform.lake.marts.dbt_plugin import attach_held
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings
from funding_platform_tests.benchmarks.measurement import Measurement, median_seconds
from funding_platform_tests.benchmarks.plain import bare_files, plain_duckdb
from funding_platform_tests.dbt.runner import artefacts_of, run_dbt

INTERVALS = {
    **dict.fromkeys(("hyperliquid", "lighter", "backpack", "extended", "drift"), 1.0),
    **dict.fromkeys(("edgex", "nowhere"), 4.0),
    **dict.fromkeys(("binance", "bybit", "okx", "aster", "deribit", "grvt", "paradex"), 8.0),
}
"""Venues and the hours between their settlements; no fees are known of ``nowhere``."""

SYMBOLS = 300
DAYS = 31
NOW = datetime(2025, 12, 1, 12, 7, tzinfo=UTC)
HISTORY_ROWS = 1_000_000
REPEATS = 5

WORKING_TABLES = ("int_opportunity_legs", "int_opportunities")
BUILT = ("opportunity_history", "opportunities", "opportunities_best")
"""The models that hold rows; the views between them are worked out within the second."""

FILTER = OpportunityFilter(
    exclude_venues=("drift",),
    tiers=("actionable", "watch"),
    min_net=0.0,
    min_open_interest_usd=1e6,
    max_price_gap_bps=50,
)

AT_OTHER_COSTS = FILTER.model_copy(update={"fee_mode": "maker", "size_usd": 50_000.0})

BARE_FILTER = (
    "SELECT * FROM {files} WHERE tier IN ('actionable', 'watch') AND net_7d >= 0 "
    "AND min_open_interest_usd >= 1e6 AND price_gap_bps BETWEEN -50 AND 50 "
    "AND 'drift' NOT IN (long_venue, short_venue) "
    "ORDER BY tier = 'actionable' DESC, net_7d DESC, base LIMIT 20"
)
"""``FILTER`` as one would write it by hand."""

OF_ONE_BASE = (
    "SELECT hour, long_venue, short_venue, divergence_8h, net_7d, tier "
    "FROM marts.opportunity_history WHERE base = 'COIN007' AND tier <> 'reject' ORDER BY hour"
)
OF_ALL_PAIRS = (
    "SELECT base, long_venue, short_venue, count(*) AS hours, avg(net_7d) AS mean_net_7d "
    "FROM marts.opportunity_history WHERE tier <> 'reject' GROUP BY ALL "
    "ORDER BY mean_net_7d DESC LIMIT 20"
)


def run(quick: bool = False) -> list[Measurement]:
    symbols = 20 if quick else SYMBOLS
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder) / "data")
        _collect(settings, symbols)
        run_dbt(
            settings, "build", "--exclude-resource-type", "test", "unit_test"
        ).check_returncode()
        # As in a second run, with a history to read.
        run_dbt(settings, "compile", "--select", *WORKING_TABLES, *BUILT).check_returncode()
        rows = [_building(settings), *_filtering(settings)]
        _lengthen_history(settings, 50_000 if quick else HISTORY_ROWS)
        return [*rows, *_looking_back(settings)]


def _building(settings: Settings) -> Measurement:
    with _build_aside(settings) as aside:
        built = median_seconds(lambda: _build(aside, settings), REPEATS)
    with connect(settings) as lake:
        pairs = _count(lake, OPPORTUNITIES.full_name)
        frame = lake.execute(_LEGS).df()
        peer = median_seconds(lambda: _ranked(frame), REPEATS)
        _require_agreement(lake, _ranked(frame))
    return Measurement(f"build {pairs:,} opportunities", built, "s", peer, least_ratio=0.0059)


def _filtering(settings: Settings) -> list[Measurement]:
    """The ready table filtered, and priced anew; plain DuckDB does the former in both cases."""
    with connect(settings) as lake, plain_duckdb(settings) as plain:
        sql = BARE_FILTER.format(files=bare_files(settings, OPPORTUNITIES))
        peer = median_seconds(lambda: plain.execute(sql).pl(), REPEATS)
        asked, anew = (
            median_seconds(lambda: find_opportunities(wanted, lake), REPEATS)  # noqa: B023
            for wanted in (FILTER, AT_OTHER_COSTS)
        )
        assert_frame_equal(find_opportunities(FILTER, lake), plain.execute(sql).pl())
    return [
        Measurement("a filtered query of them", 1e3 * asked, "ms", 1e3 * peer, least_ratio=0.43),
        Measurement("the same at other costs", 1e3 * anew, "ms", 1e3 * peer, least_ratio=0.22),
    ]


def _looking_back(settings: Settings) -> list[Measurement]:
    """The same SQL asked of the lake and of its bare files."""
    found, table = [], OPPORTUNITY_HISTORY.full_name
    with connect(settings) as lake, plain_duckdb(settings) as plain:
        rows = _count(lake, table)
        for name, sql, least_ratio in (
            (f"{rows:,} hours of pairs: one base's", OF_ONE_BASE, 0.2),
            ("the same: the 20 best pairs of all", OF_ALL_PAIRS, 0.46),
        ):
            bare_sql = sql.replace(table, bare_files(settings, OPPORTUNITY_HISTORY))
            assert_frame_equal(
                lake.execute(sql).pl(), plain.execute(bare_sql).pl(), check_row_order=False
            )
            took, peer = (
                1e3 * median_seconds(lambda: on.execute(text).pl(), REPEATS)  # noqa: B023
                for on, text in ((lake, sql), (plain, bare_sql))
            )
            found.append(Measurement(name, took, "ms", peer, least_ratio))
    return found


_LEGS = (
    "SELECT venue, symbol, base, rate_8h, mark_price, taker_bps, open_interest_usd, volume_24h_usd "
    "FROM intermediate.int_opportunity_legs"
)


def pandas_pairs(legs: pd.DataFrame) -> pd.DataFrame:
    """Every pair with its divergence, price gap and net of four taker fees over a week."""
    pairs = legs.merge(legs, on="base", suffixes=("_long", "_short"))
    pairs = pairs[
        (pairs["venue_long"] != pairs["venue_short"])
        & (pairs["rate_8h_long"] < pairs["rate_8h_short"])
    ].copy()
    pairs["divergence_8h"] = pairs["rate_8h_short"] - pairs["rate_8h_long"]
    pairs["price_gap_bps"] = (pairs["mark_price_short"] / pairs["mark_price_long"] - 1) * 1e4
    for figure in ("open_interest_usd", "volume_24h_usd"):
        pairs[f"min_{figure}"] = np.minimum(pairs[f"{figure}_long"], pairs[f"{figure}_short"])
    fees = 2 * (pairs["taker_bps_long"] + pairs["taker_bps_short"])
    pairs["net_7d"] = pairs["divergence_8h"] * 21 - fees / 1e4
    return pairs


def _ranked(legs: pd.DataFrame) -> pd.DataFrame:
    """The same, the best first."""
    return pandas_pairs(legs).sort_values("net_7d", ascending=False)


def _require_agreement(lake: duckdb.DuckDBPyConnection, theirs: pd.DataFrame) -> None:
    ours = lake.execute(
        "SELECT divergence_8h FROM marts.opportunities WHERE divergence_8h > 0 ORDER BY ALL"
    ).fetchnumpy()["divergence_8h"]
    assert np.abs(ours - np.sort(theirs["divergence_8h"].to_numpy())).max() < 1e-15


def _collect(settings: Settings, symbols: int) -> None:
    """A market in which rates stay near a level of their own, and a month of its settlements."""
    random = np.random.default_rng(11)
    with Lake(settings) as lake, lake.commit("benchmark", "a market") as transaction:
        for venue, interval in INTERVALS.items():
            level = random.normal(1e-4, 1e-4, symbols)
            listed = _listed(venue, symbols)
            transaction.append(INSTRUMENTS, INSTRUMENTS.conform(listed))
            transaction.append(
                MARKET_SNAPSHOTS, _snapshots(listed, interval, level * interval / 8, random)
            )
            transaction.append(
                FUNDING_RATES, _settlements(listed, interval, level * interval / 8, random)
            )


def _listed(venue: str, symbols: int) -> pl.DataFrame:
    names = [f"COIN{number:03}" for number in range(symbols)]
    return pl.DataFrame({"base": names}).with_columns(
        pl.lit(venue).alias("venue"),
        pl.format("{}USDT", "base").alias("venue_symbol"),
        pl.lit("USDT").alias("quote"),
        pl.lit(1.0).alias("multiplier"),
        pl.lit("linear").alias("contract_type"),
        pl.lit("trading").alias("status"),
        *(pl.lit(NOW, dtype=UTC_TIME).alias(name) for name in ("first_seen_at", "last_seen_at")),
    )


def _snapshots(
    listed: pl.DataFrame, interval: float, rates: np.ndarray, random: np.random.Generator
) -> pl.DataFrame:
    """What every instrument shows now: some without a book, some without open interest."""
    symbols = listed.height
    hour = NOW.replace(minute=0)
    ahead = interval - hour.hour % interval
    spread = np.where(random.random(symbols) < 0.2, np.nan, random.exponential(3, symbols))
    interest = np.where(random.random(symbols) < 0.1, np.nan, random.lognormal(15, 2, symbols))
    return MARKET_SNAPSHOTS.conform(
        listed.select("venue", "venue_symbol").with_columns(
            pl.Series("predicted_rate", rates + random.normal(0, 2e-5, symbols)),
            pl.Series("mark_price", (1 + np.arange(symbols)) * random.normal(1, 1e-3, symbols)),
            pl.Series("open_interest_usd", interest).fill_nan(None),
            pl.Series("volume_24h_usd", random.lognormal(17, 2, symbols)),
            pl.Series("spread_bps", spread).fill_nan(None),
            pl.lit(interval).alias("interval_hours"),
            pl.lit(hour, dtype=UTC_TIME).alias("snapshot_hour"),
            pl.lit(hour + ahead * HOUR, dtype=UTC_TIME).alias("next_funding_time"),
            pl.lit(NOW, dtype=UTC_TIME).alias("observed_at"),
        )
    )


def _settlements(
    listed: pl.DataFrame, interval: float, rates: np.ndarray, random: np.random.Generator
) -> pl.DataFrame:
    """A month of settlements on the venue's clock."""
    end = NOW.replace(hour=int(NOW.hour // interval * interval), minute=0)
    count = int(DAYS * 24 / interval)
    times = pl.Series([end - number * interval * HOUR for number in range(count)], dtype=UTC_TIME)
    every = listed.select("venue", "venue_symbol").with_columns(level=pl.Series(rates))
    rows = every.join(pl.DataFrame({"funding_time": times}), how="cross")
    noise = pl.Series(random.normal(0, 2e-5, rows.height))
    return FUNDING_RATES.conform(
        rows.with_columns(
            funding_rate=pl.col("level") + noise,
            interval_hours=pl.lit(interval),
            interval_inferred=pl.lit(False),
            venue_time="funding_time",
            observed_at=pl.lit(NOW, dtype=UTC_TIME),
        )
    )


@contextmanager
def _build_aside(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """What dbt works in, with room for its working tables."""
    with marts_build(settings, history_depths()) as build, bare_connection(settings) as connection:
        connection.execute(f"ATTACH '{build.file}' AS lake")
        attach_held(connection, settings, build.snapshot)
        for model in WORKING_TABLES:
            connection.execute(f"DROP VIEW intermediate.{model}")
        yield connection


def _build(aside: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Work out every model that holds opportunities, from the SQL that dbt ran."""
    compiled = artefacts_of(settings) / "target/compiled/funding_platform/models"
    for model in (*WORKING_TABLES, *BUILT):
        (path,) = compiled.rglob(f"{model}.sql")
        table = f"TABLE intermediate.{model}" if model in WORKING_TABLES else f"TEMP TABLE {model}"
        aside.execute(f"CREATE OR REPLACE {table} AS {path.read_text(encoding='utf-8')}")


def _lengthen_history(settings: Settings, rows: int) -> None:
    """Hours before the one there is, as many as make up the rows, each written by itself."""
    with Lake(settings) as lake:
        now = lake.read(f"FROM {OPPORTUNITY_HISTORY.full_name}")
        for number in range(1, -(-rows // now.height)):
            earlier = now.with_columns(pl.col("hour", "^.*_at$") - timedelta(hours=number))
            with lake.commit("benchmark", f"{number} hours ago") as transaction:
                transaction.append(OPPORTUNITY_HISTORY, earlier)


def _count(lake: duckdb.DuckDBPyConnection, table: str) -> int:
    return int(lake.sql(f"SELECT count(*) AS rows FROM {table}").pl().item())
