"""Files larger than the memory: read in parts, stored some instruments at a time, all the same."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from funding_platform.flows.errors import ImportConflictError, ImportRefusedError
from funding_platform.flows.importing.files.spool import Spool
from funding_platform.flows.importing.importer import import_files
from funding_platform.settings import Settings
from funding_platform_tests.flows.importing.dumps import table
from funding_platform_tests.flows.importing.test_settlements import held, log

START = datetime(2024, 1, 1, tzinfo=UTC)
TOLD = {
    "time": "t",
    "rate": "r",
    "rate_unit": "fraction",
    "symbol_column": "s",
    "venue": "okx",
    "kind": "settlements",
}
INTERVALS = {"A-SWAP": 8, "B-SWAP": 4, "C-SWAP": 1, "D-SWAP": 8}


def by_time(spoilt: str = "") -> str:
    """Settlements of several instruments, interleaved, as an archive of all of them has them."""
    rows = [
        (START + timedelta(hours=hours * n), symbol, f"{n}e-6")
        for symbol, hours in INTERVALS.items()
        for n in range(240 // hours)
    ]
    lines = [f"{symbol},{time:%Y-%m-%dT%H:%M:%SZ},{rate}" for time, symbol, rate in sorted(rows)]
    return "\n".join(["s,t,r", *lines, spoilt, ""])


@pytest.fixture
def in_small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, size in (
        ("files.texts.PART_BYTES", 1 << 10),
        ("files.texts.LONGEST_RECORD", 1 << 8),
        ("files.spool.BUFFER_ROWS", 50),
        ("files.spool.GROUP_ROWS", 40),
    ):
        monkeypatch.setattr(f"funding_platform.flows.importing.{name}", size)


@pytest.mark.world
def test_parts_give_what_the_whole_gives(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    path = table(tmp_path, by_time())
    lakes = []
    for name in ("whole", "parts"):
        lakes.append(Settings(data_dir=tmp_path / name))
        import_files([str(path)], lakes[-1], "run", told=TOLD)
        if name == "whole":
            request.getfixturevalue("in_small_parts")
    whole, parts = (held(lake).drop("observed_at") for lake in lakes)
    assert parts.equals(whole)
    assert dict(INTERVALS) == dict(
        parts.group_by("venue_symbol").agg(pl.col("interval_hours").unique().first()).iter_rows()
    )
    assert not list(lakes[1].state_dir.glob("import-*"))


@pytest.mark.sampled(1)
@pytest.mark.parametrize(
    ("spoilt", "error"),
    [
        ("D-SWAP,2024-01-02T00:00:00Z,0.1", ImportConflictError),
        ("D-SWAP,2024-01-02T00:10:00Z,3e-6", ImportRefusedError),
        ("D-SWAP,soon,0.1", ImportRefusedError),
    ],
)
def test_an_import_that_fails_half_way_leaves_nothing(
    tmp_path: Path, in_small_parts: None, spoilt: str, error: type[Exception]
) -> None:
    settings = Settings(data_dir=tmp_path / "data")
    path = table(tmp_path, by_time(spoilt))
    with pytest.raises(error, match=r"data.csv,? line 362"):
        import_files([str(path)], settings, "run", told=TOLD)
    assert held(settings).is_empty()
    assert log(settings, "venue, status, rows_written") == [("import", "failed", 0)]
    assert not list(settings.state_dir.glob("import-*"))


def test_a_spool_gives_whole_instruments_and_few_at_a_time(
    tmp_path: Path, in_small_parts: None
) -> None:
    with Spool(tmp_path, ["venue", "venue_symbol"]) as spool:
        for n in range(90):
            spool.add(
                pl.DataFrame({"venue": ["v", "w"], "venue_symbol": [f"S{n % 9}"] * 2, "n": n})
            )
        groups = list(spool.groups())
    assert sum(group.height for group in groups) == 180
    assert max(group.height for group in groups) <= 40
    names = [set(group.select("venue", "venue_symbol").unique().rows()) for group in groups]
    assert sum(map(len, names)) == len(set().union(*names)) == 18


def test_what_cannot_be_spooled_is_told(tmp_path: Path, in_small_parts: None) -> None:
    with Spool(tmp_path, ["venue"]) as spool:
        spool.add(pl.DataFrame({"venue": ["v"]}))
        for folder in tmp_path.iterdir():
            folder.rmdir()
        with pytest.raises(FileNotFoundError):
            spool.groups()


@pytest.fixture
def late_bars(tmp_path: Path) -> Path:
    """A bar that is not over yet."""
    begun = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    return table(tmp_path, f"s,t,r\nA-SWAP,{begun:%Y-%m-%dT%H:%M:%SZ},0.0001\n")


def test_files_without_a_settlement_are_refused(tmp_path: Path, late_bars: Path) -> None:
    told = {**TOLD, "stamp": "start", "interval_hours": 8}
    with pytest.raises(ImportRefusedError, match="nothing of these files is over yet"):
        import_files([str(late_bars)], Settings(data_dir=tmp_path / "data"), "run", told=told)


IN_A_CHILD = """
import resource, sys
from pathlib import Path
from funding_platform.flows.importing.importer import import_files
from funding_platform.settings import Settings

told = dict(time="t", rate="r", rate_unit="fraction", symbol_column="s", venue="hyperliquid")
for source in sys.argv[2:]:
    report = import_files([source], Settings(data_dir=Path(sys.argv[1])), "run", told=told)
    print(report.rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10)
"""


def by_hour(path: Path, hours: int, symbols: int) -> int:
    """Write the hourly rates of some symbols, hour by hour as exports are; returns the rows."""
    with path.open("w") as file:
        file.write("s,t,r\n")
        for number in range(hours):
            hour = int((START - timedelta(hours=hours - number)).timestamp())
            rates = (f"{(number * 7919 + symbol) % 99991:08d}" for symbol in range(symbols))
            file.writelines(f"COIN{n:03d},{hour}000,0.{rate}\n" for n, rate in enumerate(rates))
    return hours * symbols


def imported_in_a_child(tmp_path: Path, *paths: Path) -> list[tuple[int, int]]:
    """Import one file after the other: rows, and the peak so far of the process in MiB."""
    done = subprocess.run(
        [sys.executable, "-c", IN_A_CHILD, str(tmp_path / "data"), *map(str, paths)],
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stdout.splitlines()
    return [(int(rows), int(mib)) for rows, mib in (line.split() for line in lines)]


@pytest.mark.chaos
@pytest.mark.timeout(0)
def test_what_an_import_needs_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """Both are larger than what is looked at together; the second one is four times the first."""
    peaks = []
    for name, hours in (("some", 900), ("more", 3600)):
        (tmp_path / name).mkdir()
        rows = by_hour(tmp_path / name / "rates.csv", hours, 600)
        [(stored, peak)] = imported_in_a_child(tmp_path / name, tmp_path / name / "rates.csv")
        assert stored == rows
        peaks.append(peak)
    assert peaks[1] - peaks[0] < 100


@pytest.mark.chaos
@pytest.mark.timeout(0)
def test_a_gibibyte_is_imported_within_a_gibibyte(tmp_path: Path) -> None:
    path = tmp_path / "big.csv"
    rows = by_hour(path, 56_000, 600)
    assert path.stat().st_size > 1 << 30
    [(stored, peak_mib)] = imported_in_a_child(tmp_path, path)
    assert stored == rows
    assert peak_mib < 900
