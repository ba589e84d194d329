"""Foreign files that are wrong: what is wrong is named with its place."""

import gzip
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funding_platform.flows.errors import DumpError, FlowError, ImportRefusedError, MappingError
from funding_platform_tests.flows.importing.dumps import (
    EIGHT_HOURS,
    FIRST_MS,
    NOW,
    PLAIN,
    Told,
    history,
    read_dump,
    table,
)

FAULTS: list[tuple[str, list[str], str]] = [
    ("a word", [f"{FIRST_MS},soon,8,"], "line 2, column funding_rate: 'soon' is not a number"),
    ("not a number", [f"{FIRST_MS},NaN,8,"], "line 2, column funding_rate"),
    ("no rate", [f"{FIRST_MS},,8,"], "line 2, column funding_rate: '' is blank"),
    ("no time", [",0.0001,8,"], "line 2, column funding_time_ms: '' is not a time"),
    (
        "seconds among milliseconds",
        [f"{FIRST_MS},0.0001,8,", f"{FIRST_MS // 1000 + 28800},0.0001,8,"],
        "line 3, column funding_time_ms: .* mixes units",
    ),
    ("microseconds", [f"{FIRST_MS}000,0.0001,8,"], "line 2, column funding_time_ms"),
    ("the future", [f"{FIRST_MS + 10**11},0.0001,8,"], "line 2, column funding_time_ms"),
    ("beyond all integers", [f"{10**25},0.0001,8,"], "line 2, column funding_time_ms"),
    ("a rate that cannot be", [f"{FIRST_MS},0.4,8,"], "line 2, column funding_rate: .* outside"),
    ("a long interval", [f"{FIRST_MS},0.1,48,"], "line 2, column interval_hours"),
    ("a negative price", [f"{FIRST_MS},0.1,8,-1"], "line 2, column mark_price"),
    ("a field too few", [f"{FIRST_MS},0.1,8,", f"{FIRST_MS},0.1,8"], "line 3, column mark_price"),
    ("a field too many", [f"{FIRST_MS},0.1,8,,"], "line 2, .*5 fields, the header has 4"),
    ("an open quote", [f'"{FIRST_MS},0.1,8,'], "unexpected end of data"),
    ("nothing", [], "there are no rows"),
]


@pytest.mark.parametrize(
    ("lines", "message"), [case[1:] for case in FAULTS], ids=[case[0] for case in FAULTS]
)
def test_faults_are_named_with_file_line_and_column(
    tmp_path: Path, lines: list[str], message: str
) -> None:
    path = history(tmp_path, *lines)
    with pytest.raises(DumpError, match=f"(?s)BTC-USDT-SWAP.csv.*{message}"):
        read_dump(path, {}, NOW)


@pytest.mark.parametrize(
    ("header", "told", "error", "message"),
    [
        ("t,r,x", PLAIN, DumpError, "line 1, column x: is not mapped"),
        ("t", PLAIN, DumpError, "column r: is not among t"),
        ("t,t", PLAIN, DumpError, "column t: is there twice"),
        ("t,r,", PLAIN, DumpError, "column 3: has no name"),
        ("a,b", {}, MappingError, "no preset knows the columns a, b"),
        ("t,r", {"time": "t"}, MappingError, "no preset knows the columns t, r"),
        ("t,r", {**PLAIN, "rate_unit": None}, MappingError, "rate_unit: is required"),
        ("t,r", {**PLAIN, "zone": "Berlin"}, MappingError, "'Berlin' is not a time zone"),
        ("t,r", {**PLAIN, "encoding": "klingon"}, MappingError, "is not an encoding"),
        ("t,r", {**PLAIN, "encoding": "zlib"}, MappingError, "is not an encoding"),
        ("t,r", {**PLAIN, "symbols": "BTC"}, MappingError, "write NAME=SYMBOL"),
        ("t,r", {**PLAIN, "venue": "Binance"}, MappingError, "is not the name of a venue"),
        ("t,r", {**PLAIN, "time_unit": "h"}, MappingError, "time_unit: input should be 'ms'"),
        ("t,r", {**PLAIN, "unit": "s"}, MappingError, "unit: there is no such field"),
        ("t,r", {**PLAIN, "venue": None}, MappingError, "nothing says the venue"),
        ("t,r", {**PLAIN, "path": "{coin}.csv"}, MappingError, "{coin} is neither"),
        (
            "t,r",
            {**PLAIN, "symbol": None, "path": "{symbol}-x.csv"},
            MappingError,
            "does not have the form",
        ),
    ],
)
def test_mappings_that_make_no_sense(
    tmp_path: Path, header: str, told: Told, error: type[FlowError], message: str
) -> None:
    values = ",".join(["1741420800000", "0.0001", "1"][: header.count(",") + 1])
    path = table(tmp_path, f"{header}\n{values}\n")
    with pytest.raises(error, match=message):
        read_dump(path, told, NOW)


def test_a_folder_that_is_no_venue_is_not_taken_for_one(tmp_path: Path) -> None:
    path = history(tmp_path, f"{FIRST_MS},0.1,8,", name="Downloads/BTCUSDT.csv")
    with pytest.raises(MappingError, match=r"Downloads/BTCUSDT.csv: the path does not have"):
        read_dump(path, {}, NOW)
    assert set(read_dump(path, {"venue": "okx"}, NOW)["venue"]) == {"okx"}


BROKEN: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("x.zip", lambda _: b"no archive"),
    ("x.csv.gz", lambda text: gzip.compress(text)[:-9]),
    ("x.csv.gz", lambda text: text),
    ("x.csv", lambda text: text.replace(b"r", b"\xff", 1)),
    ("x.parquet", lambda text: text),
    ("x.csv", lambda _: b""),
]


@pytest.mark.parametrize(("name", "breaks"), BROKEN)
def test_files_that_are_not_what_their_name_says(
    tmp_path: Path, name: str, breaks: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / name
    path.write_bytes(breaks(f"t,r\n{FIRST_MS},0.0001\n".encode()))
    with pytest.raises(DumpError, match=name):
        read_dump(path, PLAIN, NOW)


def test_a_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("funding_platform.flows.importing.files.archives.MAX_BYTES", 1 << 20)
    path = tmp_path / "bomb.csv.gz"
    path.write_bytes(gzip.compress(b"0,0\n" * (1 << 19)))
    with pytest.raises(DumpError, match="holds more than 1 MiB"):
        read_dump(path, PLAIN, NOW)


@given(content=st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(b"t,r\n" + content)
    with suppress(ImportRefusedError):  # anything else fails the test
        assert read_dump(path, PLAIN, NOW)["funding_rate"].is_finite().all()


@pytest.mark.world
def test_a_line_that_never_ends_is_refused(tmp_path: Path) -> None:
    for name, content in (
        ("zeros.csv", b"0" * (9 << 20)),
        ("quote.csv", b't,r\n"' + b"a\n" * (5 << 20)),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(DumpError, match="a record of more than 1 MiB"):
            read_dump(path, PLAIN)


def test_a_unit_that_contradicts_the_cells_is_refused(tmp_path: Path) -> None:
    path = table(tmp_path, f"t,r\n{FIRST_MS},0.01%\n")
    with pytest.raises(DumpError, match=r"(?s)line 2, column r.*rate_unit=percent"):
        read_dump(path, PLAIN)
    mixed = table(tmp_path, f"t,r\n{FIRST_MS},0.01%\n{FIRST_MS + EIGHT_HOURS},0.01\n", "mixed.csv")
    with pytest.raises(MappingError, match="rate_unit: is required"):
        read_dump(mixed, {**PLAIN, "rate_unit": None})


def test_rounded_times_of_a_spreadsheet_are_refused(tmp_path: Path) -> None:
    path = table(tmp_path, "t,r\n1.70027E+12,0.0001\n")
    with pytest.raises(DumpError, match=r"'1.70027E\+12' is a rounded time"):
        read_dump(path, PLAIN)
