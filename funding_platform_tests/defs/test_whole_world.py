"""Every job once over all venues, from wire to published file, and the hour after that."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from funding_platform.core.tables.collected import FUNDING_RATES
from funding_platform.core.tables.registry import TABLES
from funding_platform.core.time_grid import month_start
from funding_platform.defs.assets.features import ONLY_CHANGED
from funding_platform.defs.partitions import MONTH_KEY
from funding_platform.defs.running.jobs import TRANSFORM
from funding_platform.lake import connect
from funding_platform.local.sandbox_run import SandboxRun, failed_checks
from funding_platform.sandbox.server import build_market, running_sandbox
from funding_platform.settings import Settings
from funding_platform.venues.registry import offering, venue_names
from funding_platform_tests.defs.sandboxed import count, served_by, world_in
from funding_platform_tests.present import at_present

pytestmark = pytest.mark.world

VENUES = venue_names()
WITH_HISTORY = offering(FUNDING_RATES, VENUES)
MONTHS = 2
SYMBOLS = 8

ROOM_OF_A_COLLECTION = 1_200_000
ROOM_OF_A_TRANSFORM = 800_000
"""Bytes that the records of a run of every hour take at most; docs/deploying.md adds them up."""


@dataclass(frozen=True)
class Whole:
    """The world, the results of its runs in their order, and the folder that it lies in."""

    world: SandboxRun
    results: list[dg.ExecuteInProcessResult]
    folder: Path

    def said_of(self, key: dg.AssetKey) -> dg.AssetMaterialization | None:
        """Return what the last materialisation of an asset told."""
        event = self.world.instance.get_latest_materialization_event(key)
        return None if event is None else event.asset_materialization

    def sources_of(self, asset: str, column: str) -> set[tuple[str, str]]:
        """Return what the lineage of a column's last materialisation names."""
        said = self.said_of(dg.AssetKey(asset.split("/")))
        assert said is not None
        lineage = said.metadata["dagster/column_lineage"].value
        assert isinstance(lineage, dg.TableColumnLineage)
        return {
            (dep.asset_key.to_user_string(), dep.column_name)
            for dep in lineage.deps_by_column[column]
        }

    def lacking(self, key: dg.AssetKey) -> set[str]:
        """Return what an asset with rows of its own does not show of those that came last."""
        said = self.said_of(key)
        table = TABLES.get(f"{'core' if key.path[0] == 'raw' else key.path[0]}.{key.path[-1]}")
        if said is None or table is None or table.view:
            return set()
        rows = "rows" if table.schema == "backtest" else "preview"  # what it is, in a run's tables
        return {"dagster/row_count", rows} - said.metadata.keys()

    def room(self) -> int:
        """Return how many bytes Dagster's records take: the pages in use of all its files."""
        taken = 0
        for file in (self.folder / "history").rglob("*.db"):
            with closing(sqlite3.connect(file)) as connection:
                (size,), (pages,), (free,) = (
                    connection.execute(f"PRAGMA {what}").fetchone()
                    for what in ("page_size", "page_count", "freelist_count")
                )
            taken += size * (pages - free)
        return taken


@pytest.fixture(scope="module")
def whole(definitions: dg.Definitions, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    """What lies in a lake once every job has run."""
    folder = tmp_path_factory.mktemp("whole")
    with (
        at_present(),
        running_sandbox(build_market(symbols=SYMBOLS)) as sandbox,
        world_in(folder, served_by(sandbox), definitions) as world,
    ):
        results = [
            world.collect(),
            *(world.backfill(venue, MONTHS) for venue in WITH_HISTORY),
            world.transform(MONTHS),
            world.backtest(),
        ]
        assert [result.success for result in results] == [True] * len(results)
        yield Whole(world, results, folder)


def test_every_check_passes(whole: Whole) -> None:
    assert failed_checks(whole.results) == []
    checks = [one for result in whole.results for one in result.get_asset_check_evaluations()]
    assert len(checks) > 20 * len(VENUES) / 2


def test_every_month_of_every_venue_is_there(whole: Whole) -> None:
    for venue in WITH_HISTORY:
        history = dg.AssetKey(["raw", venue, "funding_rates"])
        assert len(whole.world.instance.get_materialized_partitions(history)) == MONTHS
    assert count("SELECT count(DISTINCT venue) FROM features.curve_factors") == len(WITH_HISTORY)


def test_what_comes_of_it_is_published(whole: Whole) -> None:
    assert count("SELECT count(*) FROM marts.opportunities") > 0
    assert (whole.folder / "funding.duckdb").exists()


def test_every_asset_shows_what_it_holds(whole: Whole) -> None:
    for key in whole.world.instance.all_asset_keys():
        assert not whole.lacking(key), key


def test_columns_name_where_they_come_from(whole: Whole) -> None:
    assert whole.sources_of("staging/stg_funding_rates", "funding_rate") == {
        (f"raw/{venue}/funding_rates", "funding_rate") for venue in WITH_HISTORY
    }
    assert ("intermediate/int_opportunity_legs", "mark_price") in whole.sources_of(
        "intermediate/int_opportunity_pairs", "price_gap_bps"
    )


def test_commits_name_the_runs_that_made_them(whole: Whole) -> None:
    authors = {result.run_id for result in whole.results}
    with connect(Settings()) as connection:
        named = {
            author
            for (author,) in connection.execute("SELECT author FROM lake.snapshots()").fetchall()
        }
    assert authors <= named


def test_the_records_of_the_hour_after_take_little_room(whole: Whole) -> None:
    month = f"{month_start(datetime.now(UTC)):{MONTH_KEY}}"
    before = whole.room()
    collection = whole.world.collect()
    between = whole.room()
    transform = whole.world.run(TRANSFORM, partition_key=month, tags={ONLY_CHANGED: "true"})
    after = whole.room()
    assert collection.success
    assert transform.success
    assert between - before < ROOM_OF_A_COLLECTION
    assert after - between < ROOM_OF_A_TRANSFORM
