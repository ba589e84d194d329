"""Foreign files: what they hold comes out exactly, and what is wrong is named with its place."""

import gzip
import zipfile
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from funding_platform.core.time_grid import from_ms
from funding_platform.flows.errors import DumpError, FlowError, ImportRefusedError, MappingError
from funding_platform.flows.importing.fields.folds import with_folds_resolved
from funding_platform.flows.importing.files.archives import members
from funding_platform.flows.importing.mapping import read_mapping
from funding_platform.flows.importing.rates import RatesFile

NOW = datetime(2026, 3, 1, tzinfo=UTC)
HEADER = "funding_time_ms,funding_rate,interval_hours,mark_price"
FIRST_MS = 1_741_420_800_000  # 2025-03-08 08:00
EIGHT_HOURS = 8 * 3_600_000

Told = dict[str, Any]
PLAIN: Told = {
    "time": "t",
    "time_unit": "ms",
    "rate": "r",
    "rate_unit": "fraction",
    "venue": "v",
    "symbol": "S",
}


def read_dump(
    path: Path, told: Told, now: datetime = NOW, notes: list[str] | None = None
) -> pl.DataFrame:
    """All rows of the one file in a file, batches put together."""
    ((member,), _) = members(path)
    file = RatesFile(member, told, now, (notes if notes is not None else []).append)
    read = pl.concat(file.batches())
    numbered = read.with_columns(pl.lit(0, dtype=pl.UInt32).alias("file"))
    frame, undecided = with_folds_resolved(numbered)
    assert undecided.is_empty()
    return frame.with_columns(pl.lit(member.name).alias("file")).select(
        "venue",
        "venue_symbol",
        "venue_time",
        "funding_rate",
        "interval_hours",
        "mark_price",
        "file",
        "line",
    )


def history(folder: Path, *lines: str, name: str = "okx/BTC-USDT-SWAP.csv") -> Path:
    """A file in the form that the sandbox replays."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([HEADER, *lines, ""]), encoding="utf-8")
    return path


def table(folder: Path, text: str, name: str = "data.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_the_form_of_the_sandbox(tmp_path: Path) -> None:
    path = history(tmp_path, f"{FIRST_MS},0.0001,8,90000.5", f"{FIRST_MS + 28800048},-0.00025,,")
    assert read_dump(path, {}, NOW).rows() == [
        ("okx", "BTC-USDT-SWAP", from_ms(FIRST_MS), 0.0001, 8.0, 90000.5, str(path), 2),
        ("okx", "BTC-USDT-SWAP", from_ms(FIRST_MS + 28800048), -0.00025, None, None, str(path), 3),
    ]


def binance_dump(folder: Path, symbol: str, month: str, rows: list[tuple[int, int, str]]) -> Path:
    """A monthly archive as Binance publishes it."""
    name = f"{symbol}-fundingRate-{month}"
    lines = ["calc_time,funding_interval_hours,last_funding_rate"]
    lines += [",".join(map(str, row)) for row in rows]
    with zipfile.ZipFile(folder / f"{name}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{name}.csv", "\n".join(lines) + "\n")
    return folder / f"{name}.zip"


def test_binance_archives_are_known_by_their_columns(tmp_path: Path) -> None:
    rows = [(FIRST_MS, 8, "0.00010000"), (FIRST_MS + 4 * 3_600_000 + 6, 4, "-0.00031200")]
    path = binance_dump(tmp_path, "1000PEPEUSDT", "2025-03", rows)
    frame = read_dump(path, {}, NOW)
    assert frame.select("venue", "venue_symbol").unique().rows() == [("binance", "1000PEPEUSDT")]
    assert frame["funding_rate"].to_list() == [0.0001, -0.000312]
    assert frame["interval_hours"].to_list() == [8.0, 4.0]
    assert frame["venue_time"].to_list() == [from_ms(time) for time, *_ in rows]
    other = read_dump(path, {"venue": "binance_coinm"}, NOW)
    assert set(other["venue"]) == {"binance_coinm"}


@pytest.mark.parametrize(
    ("unit", "stamp"),
    [
        ("s", "1741420800"),
        ("s", "1741420800.006"),
        ("s", "1.7414208e9"),
        ("ms", "1741420800006"),
        ("us", "1741420800006000"),
        ("ns", "1741420800006000123"),
        ("iso", "2025-03-08T08:00:00Z"),
        ("iso", "2025-03-08 16:00:00+08:00"),
        ("iso", "2025-03-08T08:00:00.006+00:00"),
    ],
)
def test_units_of_time(tmp_path: Path, unit: str, stamp: str) -> None:
    path = table(tmp_path, f"t,r\n{stamp},0.0001\n")
    (time,) = read_dump(path, {**PLAIN, "time_unit": unit}, NOW)["venue_time"]
    assert abs(time - from_ms(FIRST_MS)) <= timedelta(milliseconds=6)
    assert (time == from_ms(FIRST_MS)) == ("06" not in stamp[-10:])


@pytest.mark.parametrize(
    ("unit", "text"), [("fraction", "-0.000312"), ("percent", "-0.0312"), ("bps", "-3.12")]
)
def test_units_of_rate(tmp_path: Path, unit: str, text: str) -> None:
    path = table(tmp_path, f"t,r\n{FIRST_MS},{text}\n")
    (rate,) = read_dump(path, {**PLAIN, "rate_unit": unit}, NOW)["funding_rate"]
    assert rate == pytest.approx(-0.000312, rel=1e-15)


def test_local_times_need_their_zone(tmp_path: Path) -> None:
    path = table(tmp_path, "t,r\n2025-07-01 09:00,0.0001\n2025-12-01 08:00,0.0002\n")
    told = {**PLAIN, "time_unit": "iso"}
    with pytest.raises(DumpError, match=r"line 2, column t: .* names no time zone"):
        read_dump(path, told, NOW)
    london = read_dump(path, {**told, "time_zone": "Europe/London"}, NOW)
    assert [time.hour for time in london["venue_time"]] == [8, 8]
    twice = table(tmp_path, "t,r\n2025-10-26 01:30,0.0001\n", "twice.csv")
    for fold, hour in (("first", 0), ("second", 1)):
        (time,) = read_dump(twice, {**told, "zone": "Europe/London", "fold": fold})["venue_time"]
        assert (time.hour, time.minute) == (hour, 30)
    never = table(tmp_path, "t,r\n2025-03-30 01:30,0.0001\n", "never.csv")
    with pytest.raises(DumpError, match="does not exist in Europe/London"):
        read_dump(never, {**told, "time_zone": "Europe/London"}, NOW)


def test_parquet_gzip_and_other_separators_are_the_same_file(tmp_path: Path) -> None:
    rows = {"t": [FIRST_MS, FIRST_MS + EIGHT_HOURS], "r": [0.0001, -0.0002]}
    frame = pl.DataFrame(rows)
    frame.write_csv(tmp_path / "a.csv")
    frame.write_csv(tmp_path / "b.csv", separator=";")
    (tmp_path / "c.csv.gz").write_bytes(gzip.compress((tmp_path / "a.csv").read_bytes()))
    frame.write_parquet(tmp_path / "d.parquet")
    times = frame.with_columns(pl.col("t").cast(pl.Datetime("ms", "Asia/Tokyo")))
    times.write_parquet(tmp_path / "e.parquet")
    read = [read_dump(path, PLAIN, NOW).drop("file", "line") for path in sorted(tmp_path.iterdir())]
    assert len(read) == 5
    assert all(one.equals(read[0]) for one in read)
    assert read[0]["funding_rate"].to_list() == rows["r"]


def test_venue_and_symbol_from_columns_or_a_mapping_file(tmp_path: Path) -> None:
    text = f"ts,venue,coin,rate,junk\n{FIRST_MS},gate,BTC_USDT,0.01,x\n"
    mapping = table(
        tmp_path,
        'time = "ts"\ntime_unit = "ms"\nrate = "rate"\nrate_unit = "percent"\n'
        'venue_column = "venue"\nsymbol_column = "coin"\nignore = ["junk"]\n',
        "mapping.toml",
    )
    frame = read_dump(table(tmp_path, text), read_mapping(mapping), NOW)
    assert frame.select("venue", "venue_symbol", "funding_rate").rows() == [
        ("gate", "BTC_USDT", 0.0001)
    ]


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


def test_a_line_that_never_ends_is_refused(tmp_path: Path) -> None:
    for name, content in (
        ("zeros.csv", b"0" * (9 << 20)),
        ("quote.csv", b't,r\n"' + b"a\n" * (5 << 20)),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(DumpError, match="a record of more than 1 MiB"):
            read_dump(path, PLAIN)


@pytest.mark.parametrize("quoted", [False, True])
def test_a_file_of_many_parts_is_one_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quoted: bool
) -> None:
    monkeypatch.setattr("funding_platform.flows.importing.files.texts.PART_BYTES", 1 << 10)
    monkeypatch.setattr("funding_platform.flows.importing.files.texts.LONGEST_RECORD", 1 << 8)
    rows = [(FIRST_MS + n * 3_600_000, n * 1e-7) for n in range(2_000)]
    note = '"two\nlines, and a ""quote"""' if quoted else "plain"
    lines = [f"{time},{rate!r},{note}" for time, rate in rows]
    told = {**PLAIN, "ignore": "n"}
    path = table(tmp_path, "\n".join(["t,r,n", *lines, ""]))
    frame = read_dump(path, told)
    assert frame["funding_rate"].to_list() == [rate for _, rate in rows]
    assert frame["venue_time"].to_list() == [from_ms(time) for time, _ in rows]
    step = 2 if quoted else 1
    assert frame["line"].to_list() == [1 + step * (n + 1) for n in range(2_000)]
    lines[1_500] = lines[1_500].replace(",", ",x", 1)
    bad = table(tmp_path, "\n".join(["t,r,n", *lines, ""]), "bad.csv")
    with pytest.raises(DumpError, match=rf"line {1 + step * 1_501}, column r: 'x0.00015"):
        read_dump(bad, told)
    lines[1_500] = f"{FIRST_MS},0.1"
    short = table(tmp_path, "\n".join(["t,r,n", *lines, ""]), "short.csv")
    with pytest.raises(
        DumpError, match=rf"line {2 + step * 1_500}, column n: 2 fields, the header"
    ):
        read_dump(short, told)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encodings_and_line_ends_are_seen(tmp_path: Path, encoding: str, end: str) -> None:
    path = tmp_path / "data.csv"
    lines = ["t,r,café", f"{FIRST_MS},0.0001,ü", f"{FIRST_MS + EIGHT_HOURS},-0.0002,日本", ""]
    path.write_bytes(end.join(lines).encode(encoding))
    frame = read_dump(path, {**PLAIN, "ignore": "café"})
    assert frame.select("funding_rate", "line").rows() == [(0.0001, 2), (-0.0002, 3)]


def test_another_encoding_is_told(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes(f"t,r,n\n{FIRST_MS},0.0001,café\n".encode("cp1252"))
    with pytest.raises(DumpError, match=r"(?s)line 2: is not text in UTF-8.*--map encoding="):
        read_dump(path, {**PLAIN, "ignore": "n"})
    frame = read_dump(path, {**PLAIN, "ignore": "n", "encoding": "cp1252"})
    assert frame["funding_rate"].to_list() == [0.0001]


@pytest.mark.parametrize(
    ("unit", "text", "fraction"),
    [
        ("percent", "-0.0174%", -0.000174),
        (None, "-0.0174%", -0.000174),
        (None, "\u22120.0174 %", -0.000174),
        (None, "1.5 bps", 0.00015),
        ("bps", "1.5bp", 0.00015),
        ("percent", "0.01", 0.0001),
        ("percent", "1e-2", 0.0001),
        ("fraction", "-0.00000000", 0.0),
    ],
)
def test_a_rate_may_carry_its_unit(
    tmp_path: Path, unit: str | None, text: str, fraction: float
) -> None:
    path = table(tmp_path, f"t,r\n{FIRST_MS},{text}\n")
    (rate,) = read_dump(path, {**PLAIN, "rate_unit": unit})["funding_rate"]
    assert rate == fraction
    assert str(rate) == str(fraction)


def test_a_unit_that_contradicts_the_cells_is_refused(tmp_path: Path) -> None:
    path = table(tmp_path, f"t,r\n{FIRST_MS},0.01%\n")
    with pytest.raises(DumpError, match=r"(?s)line 2, column r.*rate_unit=percent"):
        read_dump(path, PLAIN)
    mixed = table(tmp_path, f"t,r\n{FIRST_MS},0.01%\n{FIRST_MS + EIGHT_HOURS},0.01\n", "mixed.csv")
    with pytest.raises(MappingError, match="rate_unit: is required"):
        read_dump(mixed, {**PLAIN, "rate_unit": None})


@pytest.mark.parametrize(
    ("text", "unit", "hours"),
    [
        ("8", "h", 8.0),
        ("8h", "h", 8.0),
        ("8 Hours", "h", 8.0),
        ("480m", "h", 8.0),
        ("480", "m", 8.0),
        ("PT8H", "h", 8.0),
        ("28800000", "ms", 8.0),
        ("1d", "h", 24.0),
        ("", "h", None),
    ],
)
def test_intervals_by_word(tmp_path: Path, text: str, unit: str, hours: float | None) -> None:
    path = table(tmp_path, f"t,r,i\n{FIRST_MS},0.1,{text}\n")
    told = {**PLAIN, "interval": "i", "interval_unit": unit}
    assert read_dump(path, told)["interval_hours"].to_list() == [hours]


def test_a_decimal_comma(tmp_path: Path) -> None:
    path = table(tmp_path, f"t;r\n{FIRST_MS};-0,0123%\n")
    with pytest.raises(DumpError, match=r"(?s)'-0,0123%' is not a number.*decimal=,"):
        read_dump(path, {**PLAIN, "rate_unit": "percent"})
    told = {**PLAIN, "rate_unit": "percent", "decimal": ","}
    assert read_dump(path, told)["funding_rate"].to_list() == [-0.000123]


@pytest.mark.parametrize("factor", ["s", "ms", "us", "ns"])
def test_the_unit_of_numbers_is_seen_and_said(tmp_path: Path, factor: str) -> None:
    scale = {"s": 1, "ms": 1000, "us": 10**6, "ns": 10**9}[factor]
    path = table(tmp_path, f"t,r\n{FIRST_MS // 1000 * scale},0.0001\n")
    notes: list[str] = []
    (time,) = read_dump(path, {**PLAIN, "time_unit": None}, notes=notes)["venue_time"]
    assert time == from_ms(FIRST_MS)
    assert "t is read as" in notes[0]


def test_rounded_times_of_a_spreadsheet_are_refused(tmp_path: Path) -> None:
    path = table(tmp_path, "t,r\n1.70027E+12,0.0001\n")
    with pytest.raises(DumpError, match=r"'1.70027E\+12' is a rounded time"):
        read_dump(path, PLAIN)


INDEXED: list[tuple[str, str, str | None]] = [
    ("", "0", None),
    ("Unnamed: 0", "0", None),
    ("", "7", "line 1, column 1: has no name"),
    ("Unnamed: 0", "x", "column Unnamed: 0: is the index of a table"),
    ("junk", "0", "line 1, column junk: is not mapped"),
]


@pytest.mark.parametrize(("name", "first", "message"), INDEXED)
def test_the_index_of_a_table_means_nothing_if_it_counts(
    tmp_path: Path, name: str, first: str, message: str | None
) -> None:
    path = table(tmp_path, f"{name},t,r\n{first},{FIRST_MS},0.1\n1,{FIRST_MS + EIGHT_HOURS},0.1\n")
    if message is not None:
        with pytest.raises(DumpError, match=message):
            read_dump(path, PLAIN)
        assert read_dump(path, {**PLAIN, "ignore": "*"}).height == 2
        return
    notes: list[str] = []
    assert read_dump(path, PLAIN, notes=notes).height == 2
    assert "only counts the rows" in notes[0]


def test_lines_before_the_header_and_files_without_one(tmp_path: Path) -> None:
    rows = f"{FIRST_MS},0.0001,x\n"
    titled = table(tmp_path, f"https://www.example.org\n# taken in May\nt,r,n\n{rows}")
    assert read_dump(titled, {**PLAIN, "ignore": "n"})["line"].to_list() == [4]
    bare = table(tmp_path, f"{FIRST_MS},0.0001\n", "bare.csv")
    with pytest.raises(DumpError, match=r"(?s)there is no header.*header=time,rate"):
        read_dump(bare, PLAIN)
    assert read_dump(bare, {**PLAIN, "header": "t,r"})["line"].to_list() == [1]
