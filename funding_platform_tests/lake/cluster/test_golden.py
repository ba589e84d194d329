"""The same collection on both profiles is the same lake: tables, marts, checks, a backtest.

The marts are worked out by dbt, whose process opens the lake as it is told to; the answer of a
backtest depends on every row that it reads.
"""

from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import timedelta
from typing import NamedTuple

import duckdb
import pytest

from funding_platform.backtest.config import BacktestConfig
from funding_platform.core.tables.collected import FUNDING_RATES, INSTRUMENTS
from funding_platform.core.tables.registry import TABLES
from funding_platform.core.time_grid import Window, month_start
from funding_platform.flows.backtests.runs import run_and_store
from funding_platform.flows.checks.features import every_curve_has_features
from funding_platform.flows.checks.lake import keys_unique, schema_as_declared
from funding_platform.flows.collection.history.months import collect_history
from funding_platform.flows.collection.snapshots import collect_instruments, collect_snapshots
from funding_platform.flows.doctor import examine
from funding_platform.flows.progress import begin
from funding_platform.flows.transform import transform
from funding_platform.lake import connect
from funding_platform.lake.connection import stored_tables
from funding_platform.lake.recovery.move import move
from funding_platform.lake.recovery.rows import proof_of_columns
from funding_platform.sandbox.server import build_market, running_sandbox
from funding_platform.settings import Settings
from funding_platform.strategies.cross_venue_carry import CrossVenueCarry
from funding_platform_tests.present import PRESENT, at_present
from funding_platform_tests.servers.lakes import ClusterServers

VENUES = ("binance", "okx")
CLOCKS = frozenset({"observed_at", "first_seen_at", "last_seen_at", "recorded_at", "computed_at"})
"""Columns that say when somebody looked, which two runs do at two times."""


class Twins(NamedTuple):
    """A lake of each kind."""

    embedded: Settings
    cluster: Settings


@pytest.fixture(scope="module")
def collected(servers: ClusterServers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twins]:
    """The same world collected twice."""
    folder = tmp_path_factory.mktemp("golden")
    window = Window(month_start(PRESENT), PRESENT)
    with running_sandbox(build_market(symbols=2)) as sandbox, at_present():
        cluster = servers.settings(
            folder / "data",
            venues=VENUES,
            venue_urls=sandbox.venue_urls,
            rate_limit_scale=1e6,
            request_timeout_seconds=60,
        )
        embedded = Settings(**(cluster.model_dump() | {"lake_profile": "embedded"}))
        for settings in (embedded, cluster):
            collect_instruments(VENUES, settings, "golden")
            for venue in VENUES:
                collect_history(venue, window, settings, "golden")
            collect_snapshots(VENUES, settings, "golden")
        yield Twins(embedded, cluster)


@pytest.fixture(scope="module")
def transformed(collected: Twins, servers: ClusterServers) -> Twins:
    """One collection in both lakes, with all that is computed of it; each is published."""
    elsewhere = collected.embedded.data_dir.with_name("cluster")
    target = servers.settings(elsewhere, venues=VENUES)
    both = collected.embedded.model_dump() | target.model_dump(include={"catalog_url", "data_url"})
    cluster = Settings(**(both | {"lake_profile": "cluster"}))
    move(cluster, "cluster", begin=begin)
    cluster = cluster.model_copy(update={"data_dir": elsewhere})
    for settings in (collected.embedded, cluster):
        done = transform(settings, "golden")
        assert done.failures == ()
    return Twins(collected.embedded, cluster)


def held(settings: Settings, tables: Iterable[str]) -> dict[str, tuple[int, str]]:
    """Rows and fingerprint of tables, but for what clocks said."""
    with closing(connect(settings)) as lake:
        return {
            name: proof_of_columns(
                lake, [c for c in TABLES[name].column_names if c not in CLOCKS], name
            )
            for name in sorted(tables)
        }


def test_what_is_collected_is_the_same(collected: Twins) -> None:
    found = held(collected.cluster, (FUNDING_RATES.full_name, INSTRUMENTS.full_name))
    assert found == held(collected.embedded, found)
    assert found[FUNDING_RATES.full_name][0] > 100
    counts = []
    for settings in collected:  # a market moves between two looks at it
        with closing(connect(settings)) as lake:
            keys = "SELECT venue, venue_symbol FROM core.market_snapshots ORDER BY ALL"
            counts.append(lake.execute(keys).fetchall())
    assert counts[0] == counts[1]
    assert len(counts[0]) == 4


def test_what_is_computed_is_the_same_row_by_row(transformed: Twins) -> None:
    with closing(connect(transformed.cluster)) as lake:
        tables = stored_tables(lake) & TABLES.keys()
    found = held(transformed.cluster, tables)
    assert found == held(transformed.embedded, tables)
    filled = {name for name, (rows, _) in found.items() if rows}
    assert {name.partition(".")[0] for name in filled} >= {"core", "features", "marts"}


def test_what_is_published_is_the_same(transformed: Twins) -> None:
    counts = []
    for settings in transformed:
        with duckdb.connect(str(settings.published_file), read_only=True) as file:
            names = file.execute(
                "SELECT schema_name || '.' || table_name FROM duckdb_tables() ORDER BY 1"
            ).fetchall()
            counts.append(
                {n: file.execute(f"SELECT count(*) FROM {n}").fetchone() for (n,) in names}
            )
    assert counts[0] == counts[1]
    assert counts[0]


def test_the_checks_and_the_doctor_say_the_same(transformed: Twins) -> None:
    said = []
    for settings in transformed:
        with closing(connect(settings)) as lake:
            answers = [keys_unique(lake, FUNDING_RATES, venue) for venue in VENUES]
            answers += [schema_as_declared(lake, FUNDING_RATES), every_curve_has_features(lake)]
        found = {one.name: one for one in examine(settings, PRESENT)}
        assert found["lake"].well, found["lake"]
        said.append([(one.passed, one.verdict) for one in answers])
    assert said[0] == said[1]
    assert found["copy"].text.startswith("the catalog at postgresql://")


def test_a_backtest_has_the_same_digests(transformed: Twins) -> None:
    config = BacktestConfig(
        start=month_start(PRESENT),
        end=month_start(PRESENT) + timedelta(days=10),
        strategy=CrossVenueCarry(horizon_hours=48, entry_threshold=1e-6),
    )
    digests = []
    for settings in transformed:
        row = run_and_store(settings, config).row
        digests.append({name: value for name, value in row.items() if name.endswith("_digest")})
    assert digests[0] == digests[1]
    assert digests[0]
