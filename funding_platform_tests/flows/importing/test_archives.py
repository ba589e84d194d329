"""Archives: what lies in a zip file is read like what lies beside it."""

import zipfile
from pathlib import Path

import polars as pl
import pytest

from funding_platform.flows.errors import DumpError
from funding_platform.flows.importing.files.archives import members
from funding_platform_tests.flows.importing.dumps import FIRST_MS, PLAIN, read_dump


def archive(path: Path, files: dict[str, str | bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    return path


MONTH = f"calc_time,funding_interval_hours,last_funding_rate\n{FIRST_MS},8,0.0001\n"


def test_the_name_of_the_csv_says_the_symbol(tmp_path: Path) -> None:
    path = archive(
        tmp_path / "BTCUSDT-fundingRate-2025-03.zip", {"ETHUSDT-fundingRate-2025-03.csv": MONTH}
    )
    assert set(read_dump(path, {})["venue_symbol"]) == {"ETHUSDT"}
    silent = archive(tmp_path / "XRPUSDT-fundingRate-2025-03.zip", {"data.csv": MONTH})
    assert set(read_dump(silent, {})["venue_symbol"]) == {"XRPUSDT"}


def test_what_a_mac_packs_is_no_data(tmp_path: Path) -> None:
    path = archive(
        tmp_path / "history.zip",
        {
            "__MACOSX/._BTCUSDT-fundingRate-2025-03.csv": b"\x00\x05\x16\x07",
            ".DS_Store": b"\x00",
            "months/.DS_Store": b"\x00",
            "months/._ETHUSDT-fundingRate-2025-03.csv": b"\x00",
            "months/BTCUSDT-fundingRate-2025-03.csv": MONTH,
            "months/ETHUSDT-fundingRate-2025-03.csv": MONTH,
            "README.txt": "hello",
        },
    )
    found, unread = members(path)
    assert [member.inside for member in found] == [
        "months/BTCUSDT-fundingRate-2025-03.csv",
        "months/ETHUSDT-fundingRate-2025-03.csv",
    ]
    assert unread == ["README.txt"]


@pytest.mark.parametrize("files", [{}, {"a.txt": "x"}, {"b.zip": "x"}, {"__MACOSX/._a.csv": "x"}])
def test_an_archive_without_data_is_refused(tmp_path: Path, files: dict[str, str | bytes]) -> None:
    with pytest.raises(DumpError, match="holds no file to import"):
        members(archive(tmp_path / "x.zip", files))


def test_parquet_and_gzip_within_an_archive(tmp_path: Path) -> None:
    frame = pl.DataFrame({"t": [FIRST_MS], "r": [0.0001], "__index_level_0__": [0]})
    frame.write_parquet(tmp_path / "a.parquet")
    path = archive(tmp_path / "a.zip", {"a.parquet": (tmp_path / "a.parquet").read_bytes()})
    assert read_dump(path, PLAIN)["funding_rate"].to_list() == [0.0001]
