"""An imported history has features and marts after one command, without Dagster."""

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from click.testing import Result

from funding_platform.core.tables.collected import INSTRUMENTS, MARKET_SNAPSHOTS
from funding_platform.core.time_grid import HOUR
from funding_platform.flows import transform
from funding_platform.flows.features.tables import COMPUTED
from funding_platform.lake.marts import dbt
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings
from funding_platform_tests.command import explained, run, stored
from funding_platform_tests.dbt.forked import PARSED, PROJECT, forked_process
from funding_platform_tests.dbt.market import frame_of
from funding_platform_tests.dbt.test_small_lakes import of, seen

BEGAN = datetime(2025, 1, 1, tzinfo=UTC)
SETTLEMENTS = 120
LISTED = (("binance", "BTCUSDT"), ("bybit", "BTCUSDT"), ("gate", "BTC_USDT"))


def rates() -> Iterator[str]:
    """The lines of a file: two months of three instruments, every eight hours."""
    yield "ts,venue,symbol,fr"
    for number in range(SETTLEMENTS):
        for place, (venue, symbol) in enumerate(LISTED):
            rate = 1e-4 * (place + 1) * (1 + number % 7)
            yield f"{(BEGAN + 8 * number * HOUR).isoformat()},{venue},{symbol},{rate:.6f}"


def look_at_two_markets(settings: Settings) -> None:
    """Add what ``funding collect`` would of two of them, and a log entry that cannot be."""
    pairs = [of(venue, symbol) | {"base": "BTC"} for venue, symbol in LISTED[:2]]
    markets = [seen(venue, symbol, 1e-4) for venue, symbol in LISTED[:2]]
    with Lake(settings) as lake:
        with lake.commit("collect", "two markets") as transaction:
            transaction.append(INSTRUMENTS, frame_of(INSTRUMENTS, pairs))
            transaction.append(MARKET_SNAPSHOTS, frame_of(MARKET_SNAPSHOTS, markets))
        lake.connection.execute("UPDATE core.collection_log SET rows_written = -1")


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, Result]:
    """A lake that held nothing before the import, and what the transform printed.

    One of dbt's tests fails on it. Of ``gate`` nothing was ever collected.
    """
    folder = tmp_path_factory.mktemp("imported")
    (folder / "rates.csv").write_text("\n".join(rates()))
    (folder / "data" / "dbt").mkdir(parents=True)
    if (parsed := PROJECT / "target" / PARSED).exists():  # spares dbt the seconds of parsing
        shutil.copy(parsed, folder / "data" / "dbt")
    fields = ["time=ts", "rate=fr", "rate_unit=fraction", "venue_column=venue"]
    fields += ["symbol_column=symbol", "interval_hours=8"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FUNDING_DATA_DIR", str(folder / "data"))
        patch.setattr(dbt, "dbt_process", forked_process)
        words = [word for field in fields for word in ("--map", field)]
        added = run("import", str(folder / "rates.csv"), *words)
        assert added.exit_code == 0, added.output
        look_at_two_markets(Settings())
        return Settings(), run("transform")


@pytest.fixture
def lake(
    imported: tuple[Settings, Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    """A copy of that lake, to be changed at will."""
    shutil.copytree(imported[0].data_dir, tmp_path / "data")
    monkeypatch.setenv("FUNDING_DATA_DIR", str(tmp_path / "data"))
    return Settings()


@pytest.mark.world
def test_every_computed_table_is_built_and_listed(imported: tuple[Settings, Result]) -> None:
    settings, result = imported
    computed = [one.table.full_name for one in COMPUTED]
    for name in (*computed, "marts.coverage", "marts.funding_rate_stats"):
        ((rows,),) = stored(settings, f"SELECT count(*) FROM {name}")
        line = next(line for line in result.output.splitlines() if f" {name} " in line)
        assert int(line.split("│")[2]) == rows, name
        assert rows != 0, name
    with duckdb.connect(str(settings.published_file), read_only=True) as published:
        ((rows,),) = published.sql("SELECT count(*) FROM features.feature_store").fetchall()
    assert [(rows,)] == stored(settings, "SELECT count(*) FROM features.feature_store")


@pytest.mark.world
def test_features_reach_over_all_that_is_stored(imported: tuple[Settings, Result]) -> None:
    last = BEGAN + 8 * (SETTLEMENTS - 1) * HOUR
    for venue, symbol in LISTED:
        ((oldest, newest, rows),) = stored(
            imported[0],
            "SELECT min(as_of), max(as_of), count(*) FROM features.curve_snapshots "
            f"WHERE usable AND venue = '{venue}' AND venue_symbol = '{symbol}'",
        )
        assert (oldest, newest) == (BEGAN + 7 * 8 * HOUR, last)
        assert rows == SETTLEMENTS - 7


@pytest.mark.world
def test_what_was_imported_alone_is_answered_by_its_own_symbol(lake: Settings) -> None:
    curve = run("curves", "BTC_USDT")
    assert "gate BTC_USDT (settled 2025-02-09 16:00)" in curve.output
    shown = json.loads(run("features", "BTC_USDT", "--at", "2025-02-09", "--format", "json").output)
    assert [row["venue"] for row in shown] == ["gate"]
    coverage = json.loads(run("coverage", "--format", "json").output)
    assert {(row["venue"], row["month"]) for row in coverage} == {
        (venue, month) for venue, _ in LISTED for month in ("2025-01", "2025-02")
    }


@pytest.mark.world
def test_a_test_that_fails_is_named_and_stops_nothing(
    imported: tuple[Settings, Result], lake: Settings
) -> None:
    result = imported[1]
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: dbt test collection_log_as_declared: Got 3 results")
    assert [row["base"] for row in json.loads(run("opportunities", "--json").stdout)] == ["BTC"]
    assert "binance BTCUSDT (settled 2025-02-09 16:00)" in run("curves", "BTC").output


@pytest.mark.world
def test_only_the_months_named_are_rebuilt(lake: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transform, "_marts", lambda *_, **__: ([], []))
    with Lake(lake) as opened:
        opened.connection.execute("DELETE FROM features.feature_store")
    result = run("transform", "--from", "2025-02")
    assert (result.exit_code, result.stderr) == (0, "")
    assert stored(
        lake, "SELECT DISTINCT date_trunc('month', as_of) FROM features.feature_store"
    ) == [(datetime(2025, 2, 1, tzinfo=UTC),)]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--from", "2025-03"), "the last month, 2025-02, comes before the first, 2025-03"),
        (("--until", "2024-12"), "the last month, 2024-12, comes before the first, 2025-01"),
    ],
)
def test_months_in_the_wrong_order_are_refused(
    lake: Settings, words: tuple[str, ...], message: str
) -> None:
    assert message in explained(run("transform", *words))


def test_an_empty_lake_has_nothing_to_compute_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FUNDING_DATA_DIR", str(tmp_path / "data"))
    assert "there is no lake" in explained(run("transform"))
    with Lake(Settings()):
        pass
    assert "no settlements are stored" in explained(run("transform"))


@pytest.mark.world
def test_without_a_project_dbt_says_where_it_looked(
    lake: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(transform, "COMPUTED", ())
    message = explained(run("transform"))
    assert f"there is no dbt project at {tmp_path / 'dbt_project'}" in message
