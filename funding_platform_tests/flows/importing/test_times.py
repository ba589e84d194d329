"""Local times when the clocks are put back: which one of two instants is meant."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from funding_platform.flows.errors import DumpError
from funding_platform.flows.importing.importer import import_files
from funding_platform.settings import Settings
from funding_platform_tests.flows.importing.dumps import read_dump, table

TOLD = {
    "time": "t",
    "rate": "r",
    "rate_unit": "fraction",
    "venue": "okx",
    "symbol": "S",
    "kind": "settlements",
}


def written(folder: Path, zone: str, stamps: list[datetime], *, name: str = "local.csv") -> Path:
    """A file of local times."""
    local = [moment.astimezone(ZoneInfo(zone)) for moment in stamps]
    rows = [f"{moment:%Y-%m-%d %H:%M:%S},{n}e-7" for n, moment in enumerate(local)]
    return table(folder, "\n".join(["t,r", *rows, ""]), name)


def times(path: Path, zone: str, **told: str) -> list[datetime]:
    return read_dump(path, {**TOLD, "zone": zone, **told})["venue_time"].to_list()


def every(hours: int, start: datetime, count: int) -> list[datetime]:
    return [start + timedelta(hours=hours * n) for n in range(count)]


@pytest.mark.parametrize(
    ("zone", "hours", "start"),
    [
        ("Europe/Berlin", 8, datetime(2025, 10, 25, tzinfo=UTC)),
        ("Europe/London", 1, datetime(2025, 10, 25, 20, tzinfo=UTC)),
        ("Europe/Athens", 4, datetime(2025, 10, 25, tzinfo=UTC)),
        ("America/New_York", 1, datetime(2025, 11, 1, 20, tzinfo=UTC)),
        ("Australia/Sydney", 8, datetime(2025, 4, 4, tzinfo=UTC)),
        ("Australia/Lord_Howe", 1, datetime(2025, 4, 5, 10, tzinfo=UTC)),
        ("Asia/Kolkata", 8, datetime(2025, 10, 25, tzinfo=UTC)),
    ],
)
@pytest.mark.parametrize("order", [1, -1])
def test_the_hour_that_comes_twice(
    tmp_path: Path, zone: str, hours: int, start: datetime, order: int
) -> None:
    stamps = every(hours, start, 48 // hours)
    path = written(tmp_path, zone, stamps[::order])
    assert times(path, zone) == stamps[::order]


def test_a_lone_row_follows_its_stated_interval(tmp_path: Path) -> None:
    path = table(tmp_path, "t,r,i\n2025-10-26 02:00:00,0.0001,8h\n")
    assert times(path, "Europe/Berlin", interval="i") == [datetime(2025, 10, 26, tzinfo=UTC)]


def test_rows_that_tell_a_settlement_again_are_no_second_one(tmp_path: Path) -> None:
    stamps = every(8, datetime(2025, 10, 25, tzinfo=UTC), 6)
    path = written(tmp_path, "Europe/Berlin", stamps)
    header, *rows = path.read_text().splitlines()
    path.write_text("\n".join([header, *(row for row in rows for _ in range(2)), ""]))
    assert times(path, "Europe/Berlin") == [stamp for stamp in stamps for _ in range(2)]


def test_what_cannot_be_decided_is_asked_for(tmp_path: Path) -> None:
    lake = Settings(data_dir=tmp_path / "data")
    stamps = every(1, datetime(2025, 10, 25, 20, tzinfo=UTC), 12)
    stamps.remove(datetime(2025, 10, 26, 0, tzinfo=UTC))  # one of the two is missing
    path = written(tmp_path, "Europe/Berlin", stamps)
    with pytest.raises(DumpError, match=r"(?s)line 6: .*comes twice.*--map fold=first"):
        import_files([str(path)], lake, "local", told={**TOLD, "zone": "Europe/Berlin"})
    assert times(path, "Europe/Berlin", fold="second") == stamps
