"""Importing into a real lake: everything once, nothing overwritten, all or nothing."""

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from funding_platform.cli import main
from funding_platform.flows.errors import ImportConflictError, ImportRefusedError
from funding_platform.flows.importing.importer import import_files
from funding_platform.flows.importing.reports import ImportReport
from funding_platform.lake import connect
from funding_platform.settings import Settings
from funding_platform_tests.flows.conftest import ReplayedLake
from funding_platform_tests.flows.importing.dumps import (
    EIGHT_HOURS,
    FIRST_MS,
    binance_dump,
    history,
    table,
)

ROLLING = ("*.interest_8h.csv.gz",)


@pytest.fixture
def own_lake(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data")


def held(settings: Settings, columns: str = "*") -> pl.DataFrame:
    with connect(settings) as connection:
        return connection.execute(f"SELECT {columns} FROM core.funding_rates ORDER BY ALL").pl()


def log(settings: Settings, columns: str) -> list[tuple[object, ...]]:
    with connect(settings) as connection:
        sql = f"SELECT {columns} FROM core.collection_log ORDER BY started_at, venue"
        return connection.execute(sql).fetchall()


@pytest.fixture(scope="module")
def imported(
    shared_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Settings, Path, ImportReport]:
    """Everything that the shared folder holds, of registered venues and of others."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("imported") / "data")
    folder = shared_dir / "data" / "funding"
    return settings, folder, import_files([str(folder)], settings, "first", exclude=ROLLING)


@pytest.mark.world
def test_every_row_of_every_file_is_there(imported: tuple[Settings, Path, ImportReport]) -> None:
    settings, folder, report = imported
    stored = held(
        settings, "venue, venue_symbol, epoch_ms(venue_time) AS time, funding_rate, interval_hours"
    ).partition_by("venue", "venue_symbol", as_dict=True, include_key=False)
    files = [path for path in folder.glob("*/*.csv*") if "interest_8h" not in path.name]
    assert len(files) == len(stored) == report.files.height > 60
    assert {venue for venue, _ in stored} >= {"bitmex", "ftx", "gate", "kraken", "kucoin"}
    for path in files:
        frame = pl.read_csv(path, schema_overrides={"interval_hours": pl.Float64})
        rows = stored[path.parent.name, path.name.split(".csv")[0]]
        expected = frame.select("funding_time_ms", "funding_rate").rows()
        assert rows.select("time", "funding_rate").rows() == expected, path
        stated = frame["interval_hours"].is_not_null()
        assert (
            rows["interval_hours"].filter(stated).equals(frame["interval_hours"].filter(stated))
        ), path
        assert rows["interval_hours"].null_count() == 0, path


def test_blank_intervals_are_inferred_and_marked(
    imported: tuple[Settings, Path, ImportReport],
) -> None:
    settings, _, _ = imported
    marked = held(settings, "venue_symbol, interval_hours, interval_inferred").filter(
        pl.col("interval_inferred")
    )
    by_symbol = marked.group_by("venue_symbol").agg(pl.col("interval_hours").unique().sort())
    assert dict(by_symbol.sort("venue_symbol").iter_rows()) == {
        "INJUSDT": [6.0],
        "OMUSDT": [4.0, 8.0],
        "RESOLVUSDT": [1.0, 4.0],
        "SOLUSDT": [2.0, 4.0, 8.0],
    }


@pytest.mark.world
def test_importing_again_changes_nothing(imported: tuple[Settings, Path, ImportReport]) -> None:
    settings, folder, first = imported
    before = held(settings)
    again = import_files([str(folder)], settings, "second", exclude=ROLLING)
    assert (again.rows, again.conflicts.height) == (0, 0)
    assert again.files["rows"].sum() == first.rows == before.height
    assert held(settings).equals(before)


@pytest.mark.world
def test_what_came_through_the_venues_is_what_the_files_hold(replayed: ReplayedLake) -> None:
    before = held(replayed.settings)
    folders = [str(replayed.folder / "funding" / venue) for venue in replayed.reports]
    report = import_files(
        [folder for folder in folders if Path(folder).is_dir()],
        replayed.settings,
        "on top",
        exclude=ROLLING,
    )
    assert (report.rows, report.conflicts.height) == (0, 0)
    assert report.files["rows"].sum() == before.height
    assert held(replayed.settings).equals(before)


def month_of_settlements(month: int) -> list[tuple[int, int, str]]:
    start = int(datetime(2025, month, 1, tzinfo=UTC).timestamp() * 1000)
    return [(start + n * EIGHT_HOURS + n % 7, 8, f"{n}e-6") for n in range(84)]


def test_binance_months_in_any_order(tmp_path: Path, own_lake: Settings) -> None:
    months = {
        month: binance_dump(tmp_path, "BTCUSDT", f"2025-{month:02}", month_of_settlements(month))
        for month in (1, 2)
    }
    later = import_files([str(months[2])], own_lake, "february")
    both = import_files([f"{tmp_path}/*-fundingRate-*.zip"], own_lake, "both")
    assert (later.rows, both.rows) == (84, 84)
    assert both.files.select("rows", "written").rows() == [(84, 84), (84, 0)]
    expected = [(row[0], float(row[2])) for month in (1, 2) for row in month_of_settlements(month)]
    stored = held(own_lake, "epoch_ms(venue_time) AS time, funding_rate, interval_hours")
    assert stored.select("time", "funding_rate").rows() == expected
    assert set(stored["interval_hours"]) == {8.0}
    assert log(own_lake, "run_id, venue, dataset, status, rows_written, symbols") == [
        ("february", "binance", "core.funding_rates", "success", 84, 1),
        ("both", "binance", "core.funding_rates", "success", 84, 1),
    ]


def test_intervals_are_inferred_with_stored_neighbours(tmp_path: Path, own_lake: Settings) -> None:
    first, then = f"{FIRST_MS},0.0001,8,", f"{FIRST_MS + EIGHT_HOURS // 2},0.0001,,"
    import_files([str(history(tmp_path / "one", first))], own_lake, "one")
    import_files([str(history(tmp_path / "two", then))], own_lake, "two")
    stored = held(own_lake, "funding_time, interval_hours, interval_inferred")
    assert stored.rows()[1][1:] == (4.0, True)


def test_a_stamp_cut_to_the_second_is_the_same_settlement(
    tmp_path: Path, own_lake: Settings
) -> None:
    exact = [f"{FIRST_MS + n * EIGHT_HOURS + 700},0.00012345,8," for n in range(5)]
    cut = [f"{FIRST_MS + n * EIGHT_HOURS},0.000123450004,8," for n in range(6)]
    import_files([str(history(tmp_path / "exact", *exact))], own_lake, "exact")
    report = import_files([str(history(tmp_path / "cut", *cut))], own_lake, "cut")
    assert report.rows == 1
    assert held(own_lake).height == 6


def test_another_rate_refuses_the_import(tmp_path: Path, own_lake: Settings) -> None:
    rows = [f"{FIRST_MS + n * EIGHT_HOURS},0.0001,8," for n in range(3)]
    import_files([str(history(tmp_path / "fraction", *rows))], own_lake, "fraction")
    before = held(own_lake)
    percent = [row.replace("0.0001", "0.01") for row in rows]
    percent.append(f"{FIRST_MS + 3 * EIGHT_HOURS},0.01,8,")
    path = history(tmp_path / "percent", *percent)
    with pytest.raises(ImportConflictError, match=r"line 2: .* is 0.01, in the lake 0.0001"):
        import_files([str(path)], own_lake, "percent")
    assert held(own_lake).equals(before)
    assert log(own_lake, "run_id, venue, status, error_kind")[-1] == (
        "percent",
        "import",
        "failed",
        "ImportConflictError",
    )

    report = import_files([str(path)], own_lake, "kept", keep_stored=True)
    assert (report.rows, report.conflicts.height) == (1, 3)
    assert held(own_lake).head(3).equals(before)
    assert log(own_lake, "status, error_kind")[-1] == ("partial", "ImportConflictError")


def test_two_files_that_disagree_refuse_each_other(tmp_path: Path, own_lake: Settings) -> None:
    one = history(tmp_path / "one", f"{FIRST_MS},0.0001,8,")
    two = history(tmp_path / "two", f"{FIRST_MS},0.0002,8,")
    same = history(tmp_path / "same", f"{FIRST_MS},0.0001,8,")
    with pytest.raises(ImportConflictError, match=r"two/okx.*in .*one/okx.*line 2"):
        import_files([str(one), str(two)], own_lake, "both", keep_stored=True)
    report = import_files([str(one), str(same)], own_lake, "same")
    assert report.files["written"].to_list() == [1, 0]


def test_one_bad_file_keeps_all_out_and_all_bad_ones_are_named(
    tmp_path: Path, own_lake: Settings
) -> None:
    good = history(tmp_path, f"{FIRST_MS},0.0001,8,")
    history(tmp_path, f"{FIRST_MS},soon,8,", name="okx/ETH-USDT-SWAP.csv")
    with pytest.raises(ImportRefusedError, match=r"ETH-USDT-SWAP.csv, line 2"):
        import_files([str(tmp_path / "okx")], own_lake, "one bad")
    history(tmp_path, f"{FIRST_MS},0.0001,x,", name="okx/SOL-USDT-SWAP.csv")
    with pytest.raises(ImportRefusedError, match=r"(?s)2 of 3 files.*ETH.*line 2.*SOL.*line 2"):
        import_files([str(tmp_path / "okx")], own_lake, "two bad")
    assert held(own_lake).is_empty()
    assert import_files([str(good)], own_lake, "good").rows == 1


@pytest.mark.parametrize(
    ("source", "message"),
    [("nowhere", "there is no file"), ("*.csv", "there is no file"), ("x.txt", "none of .csv")],
)
def test_nothing_to_import_is_an_error(
    tmp_path: Path, own_lake: Settings, source: str, message: str
) -> None:
    (tmp_path / "x.txt").touch()
    with pytest.raises(ImportRefusedError, match=message):
        import_files([str(tmp_path / source)], own_lake, "nothing")


def test_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUNDING_DATA_DIR", str(tmp_path / "data"))
    rows = "".join(f"{FIRST_MS // 1000 + n * 3600},{n}\n" for n in range(4))
    path = table(tmp_path, f"ts,bp\n{rows}", "okx_BTC.csv")
    fields = ["time=ts", "time_unit=s", "rate=bp", "rate_unit=bps", "path={venue}_{symbol}.csv"]
    options = [word for field in fields for word in ("--map", field)]
    done = CliRunner().invoke(main, ["import", str(path), *options])
    assert done.exit_code == 0, done.output
    stored = held(Settings(data_dir=tmp_path / "data"))
    assert stored["funding_rate"].to_list() == [0.0, 1e-4, 2e-4, 3e-4]
    assert stored.select("venue", "venue_symbol").unique().rows() == [("okx", "BTC")]

    path.write_text(path.read_text(encoding="utf-8").replace(",2\n", ",20\n"), encoding="utf-8")
    refused = CliRunner().invoke(main, ["import", str(path), *options])
    assert refused.exit_code == 1
    assert "in the lake 0.0002" in refused.output
    kept = CliRunner().invoke(main, ["import", str(path), *options, "--keep-stored"])
    assert kept.exit_code == 1
    assert "1 rows differ from what is stored" in kept.output
    assert CliRunner().invoke(main, ["import", str(path), "--map", "time"]).exit_code == 2
