"""What a computed table rebuilds when its inputs change, with one that computes next to nothing."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
import time_machine

from funding_platform.core.tables.collected import FUNDING_RATES, INSTRUMENTS
from funding_platform.core.tables.features.pca import PCA_SCORES
from funding_platform.core.time_grid import Window
from funding_platform.flows.features.computed import ComputedTable, Input
from funding_platform.flows.features.tables import COMPUTED
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings
from funding_platform_tests.lake.conftest import rates

NOW = datetime(2024, 6, 14, 10, tzinfo=UTC)
JUNE, MAY = Window.of_month(NOW), Window.of_month(datetime(2024, 5, 1, tzinfo=UTC))
REACH = timedelta(hours=3)


@pytest.fixture(autouse=True)
def _at_the_middle_of_a_month() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path)


class Builds(list[Window]):
    """The windows that were built, of each the one row at its start."""

    def __call__(self, lake: Lake, window: Window) -> pl.DataFrame:
        self.append(window)
        row = {
            "venue": "binance",
            "venue_symbol": "S",
            "as_of": window.start,
            "kind": "settled",
            "scope": "venue",
            "model_id": "m",
            "residual": 0.0,
            "available_at": window.start,
        }
        return pl.DataFrame([row], schema=PCA_SCORES.polars_schema)


@pytest.fixture
def builds() -> Builds:
    return Builds()


@pytest.fixture
def computed(builds: Builds) -> ComputedTable:
    source = Input(FUNDING_RATES, "funding_time", timedelta(days=2), REACH)
    return ComputedTable(PCA_SCORES, "scores", (source,), builds)


def store(settings: Settings, first: datetime) -> None:
    """An instrument's settlements of ten hours."""
    frame = rates(symbols=1, hours=10)
    time = pl.col("funding_time")
    moved = frame.with_columns(time - time.min() + pl.lit(first))
    moved = moved.with_columns(time.alias("observed_at"))
    with Lake(settings) as lake, lake.commit("run", "settled") as transaction:
        transaction.append(FUNDING_RATES, moved)


def notes(settings: Settings) -> list[str | None]:
    with Lake(settings) as lake:
        found = lake.read("SELECT commit_extra_info FROM lake.snapshots() ORDER BY snapshot_id")
    return found["commit_extra_info"].to_list()


def test_what_was_never_built_is_built_whole(
    computed: ComputedTable, builds: Builds, settings: Settings
) -> None:
    computed.refresh(JUNE, settings, "run")
    assert builds == [JUNE]


def test_a_message_without_a_note_tells_of_no_build(
    computed: ComputedTable, builds: Builds, settings: Settings
) -> None:
    """Older versions wrote the snapshot into the message."""
    with Lake(settings) as lake:
        with lake.commit("run", f"{PCA_SCORES.name} {JUNE} following snapshot 1") as transaction:
            transaction.append(FUNDING_RATES, FUNDING_RATES.empty())
        with lake.commit("run", "by another program", extra={"computed": "other"}) as transaction:
            transaction.append(FUNDING_RATES, FUNDING_RATES.empty())
    computed.refresh(JUNE, settings, "run")
    assert builds == [JUNE]


def test_a_refresh_begins_where_what_came_in_reaches(
    computed: ComputedTable, builds: Builds, settings: Settings
) -> None:
    computed.rebuild(JUNE, settings, "run")
    changed = NOW - timedelta(days=4)
    store(settings, changed)
    computed.refresh(JUNE, settings, "run")
    computed.refresh(JUNE, settings, "run")
    since_last = NOW - timedelta(hours=8)
    assert builds == [
        JUNE,
        Window(changed - REACH, JUNE.end),
        Window(since_last, JUNE.end),
    ]


def test_a_refresh_reaches_three_days_before_its_window_at_most(
    computed: ComputedTable, builds: Builds, settings: Settings
) -> None:
    computed.rebuild(JUNE, settings, "run")
    store(settings, MAY.start)
    computed.refresh(JUNE, settings, "run")
    assert builds[-1] == Window(JUNE.start - timedelta(days=3), JUNE.end)


def test_a_rebuilt_past_is_not_the_last_build(computed: ComputedTable, settings: Settings) -> None:
    computed.rebuild(MAY, settings, "run")
    assert notes(settings)[-1] is None
    computed.rebuild(JUNE, settings, "run")
    read = len(notes(settings)) - 2
    assert notes(settings)[-1] == (
        f'{{"computed": "{PCA_SCORES.full_name}", "snapshot_read": {read}}}'
    )


def test_changes_of_an_undated_input_rebuild_nothing(
    computed: ComputedTable, builds: Builds, settings: Settings
) -> None:
    undated = replace(computed, inputs=(Input(INSTRUMENTS, None),))
    undated.rebuild(JUNE, settings, "run")
    store(settings, MAY.start)
    undated.refresh(JUNE, settings, "run")
    assert builds[-1].start == NOW - timedelta(hours=8)


def test_a_monthly_table_is_rebuilt_only_where_a_month_begins(
    computed: ComputedTable, builds: Builds, settings: Settings
) -> None:
    monthly = replace(computed, monthly=True)
    built = monthly.rebuild(JUNE, settings, "run")
    store(settings, NOW - timedelta(days=4))
    assert monthly.refresh(JUNE, settings, "run").equals(built)
    assert builds == [JUNE]
    store(settings, JUNE.start - timedelta(days=1))
    monthly.refresh(JUNE, settings, "run")
    assert builds[1:] == [Window(JUNE.start - timedelta(days=1) - REACH, JUNE.end)]


def test_an_input_is_read_as_far_as_computed_rows_depend_on_it(
    computed: ComputedTable, settings: Settings
) -> None:
    (source,) = computed.inputs
    for first in (JUNE.start - timedelta(days=2, hours=4), JUNE.start + REACH - timedelta(hours=4)):
        store(settings, first)
    with Lake(settings) as lake:
        found = source.read(lake, Window(JUNE.start, JUNE.start), where="venue <> 'nobody'")
    assert found["funding_time"].min() == JUNE.start - timedelta(days=2)
    assert found["funding_time"].max() == JUNE.start + REACH - timedelta(hours=1)
    assert found.height == 6 + 4


def test_every_table_comes_after_those_it_is_computed_from() -> None:
    order = [computed.table for computed in COMPUTED]
    for number, computed in enumerate(COMPUTED):
        inputs = {source.table for source in computed.inputs}
        assert inputs & set(order) <= set(order[:number])
