"""What a column of a feature is said to be computed from is what it changes with."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
import time_machine

from funding_platform.core.tables.collected import FUNDING_RATES, INSTRUMENTS, MARKET_SNAPSHOTS
from funding_platform.core.tables.schema import Table, Type
from funding_platform.core.time_grid import Window
from funding_platform.defs.assets.features import lineage_of
from funding_platform.flows.features.computed import ComputedTable
from funding_platform.flows.features.curves import CURVES, FACTORS
from funding_platform.flows.features.feature_store import FEATURES
from funding_platform.flows.features.pca import MODELS, SCORES
from funding_platform.flows.features.tables import COMPUTED
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings

pytestmark = pytest.mark.world  # all computed tables, several times

NOW = datetime(2024, 6, 14, 10, tzinfo=UTC)
START = datetime(2024, 4, 10, tzinfo=UTC)
WINDOW = Window(datetime(2024, 5, 30, tzinfo=UTC), datetime(2024, 6, 5, tzinfo=UTC))
VENUES = ("binance", "bybit")
BASES = ("BTC", "ETH")

ORDER = (CURVES, FACTORS, MODELS, SCORES, FEATURES)
"""Each after those that it is computed from."""


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    """A lake whose computed tables are all built."""
    with (
        time_machine.travel(NOW, tick=False),
        Lake(Settings(data_dir=tmp_path_factory.mktemp("lineage"))) as lake,
    ):
        with lake.commit("run", "collected") as transaction:
            transaction.append(INSTRUMENTS, _instruments())
            transaction.append(FUNDING_RATES, _rates())
            transaction.append(MARKET_SNAPSHOTS, _snapshots())
        whole = Window(START, WINDOW.end)
        for computed in ORDER:
            rows = computed.build(lake, whole)
            assert rows.height > 0
            with lake.commit("run", "computed") as transaction:
                transaction.append(computed.table, rows)
        yield lake


def test_every_computed_table_is_tried() -> None:
    assert {one.table for one in ORDER} == {one.table for one in COMPUTED}


@pytest.mark.parametrize("computed", ORDER, ids=lambda one: one.table.name)
def test_nothing_changes_with_what_it_is_not_said_to_be_computed_from(
    lake: Lake, computed: ComputedTable
) -> None:
    before = _values(lake, computed)
    for table in dict.fromkeys(source.table for source in computed.inputs):
        for said, names in _by_what_is_said(computed, table).items():
            others = [one.name for one in table.columns if one.type is Type.REAL]
            moved = ", ".join(
                f"{name} = {name} * (1.5 + 0.4 * sin(rowid))" for name in others if name not in said
            )
            if not moved:
                continue
            lake.connection.execute("BEGIN")
            lake.connection.execute(f"UPDATE {table.full_name} SET {moved}")
            after = _values(lake, computed)
            lake.connection.execute("ROLLBACK")
            changed = [name for name in names if not before[name].equals(after[name])]
            assert not changed, (table.name, moved)


def _by_what_is_said(computed: ComputedTable, table: Table) -> dict[frozenset[str], list[str]]:
    """The columns of the table by what of one input they are said to be computed from."""
    lineage, found = computed.lineage(), defaultdict(list)
    for name in computed.table.column_names:
        found[frozenset(c for of, c in lineage.get(name, ()) if of is table)].append(name)
    return found


@pytest.mark.parametrize("computed", ORDER, ids=lambda one: one.table.name)
def test_what_is_said_names_columns_that_are_there(computed: ComputedTable) -> None:
    said = computed.lineage()
    assert set(said) <= set(computed.table.column_names)
    for sources in said.values():
        assert all(column in table.column_names for table, column in sources)
    not_derived = {"transform", "scope", "model_id", "kind"}
    assert set(computed.table.column_names) - set(said) <= not_derived


def test_the_orchestrator_is_told_of_every_venue() -> None:
    deps = lineage_of(CURVES, VENUES).deps_by_column["b0"]
    found = {(dep.asset_key.path[1], dep.column_name) for dep in deps}
    assert {("binance", "funding_rate"), ("bybit", "predicted_rate")} <= found


def _values(lake: Lake, computed: ComputedTable) -> pl.DataFrame:
    """What is computed, in an order that the values do not decide."""
    rows = computed.build(lake, WINDOW)
    key = [name for name in computed.table.key if name != "model_id"]
    return rows.sort([name for name in (*key, "window_end", "scope") if name in rows.columns])


def _each() -> Iterator[tuple[str, str]]:
    for venue in VENUES:
        for base in BASES:
            yield venue, f"{base}USDT"


def _instruments() -> pl.DataFrame:
    rows = [
        {
            "venue": venue,
            "venue_symbol": symbol,
            "base": symbol.removesuffix("USDT"),
            "quote": "USDT",
            "multiplier": 1.0,
            "contract_type": "linear",
            "contract_size": 1.0,
            "interval_hours": 8.0,
            "tick_size": 0.1,
            "min_size": 0.1,
            "status": "trading",
            "first_seen_at": START,
            "last_seen_at": NOW,
        }
        for venue, symbol in _each()
    ]
    return _table(INSTRUMENTS, rows)


def _rates() -> pl.DataFrame:
    random = np.random.default_rng(1)
    rows = [
        {
            "venue": venue,
            "venue_symbol": symbol,
            "funding_time": START + number * timedelta(hours=8),
            "venue_time": START + number * timedelta(hours=8),
            "funding_rate": float(random.normal(1e-4, 1e-4)),
            "interval_hours": 8.0,
            "interval_inferred": False,
            "mark_price": 100.0,
            "index_price": 100.0,
            "available_at": START + number * timedelta(hours=8),
            "observed_at": START + number * timedelta(hours=8),
        }
        for venue, symbol in _each()
        for number in range(3 * (NOW - START).days)
    ]
    return _table(FUNDING_RATES, rows)


def _snapshots() -> pl.DataFrame:
    random = np.random.default_rng(2)
    rows = [
        {
            "venue": venue,
            "venue_symbol": symbol,
            "snapshot_hour": START + number * timedelta(hours=4),
            "observed_at": START + number * timedelta(hours=4),
            "predicted_rate": float(random.normal(1e-4, 1e-4)),
            "interval_hours": 8.0,
            "next_funding_time": START + (number // 2 + 1) * timedelta(hours=8),
            "mark_price": float(random.normal(100, 1)),
            "index_price": float(random.normal(100, 1)),
            "open_interest_base": float(random.normal(50, 1)),
            "open_interest_usd": 5e3,
            "volume_24h_usd": 1e6,
            "best_bid": 99.9,
            "best_ask": 100.1,
            "spread_bps": 20.0,
            "latency_ms": 1.0,
        }
        for venue, symbol in _each()
        for number in range(6 * (NOW - START).days)
    ]
    return _table(MARKET_SNAPSHOTS, rows)


def _table(table: Table, rows: list[dict[str, object]]) -> pl.DataFrame:
    return table.conform(pl.DataFrame(rows)).cast(table.polars_schema)
