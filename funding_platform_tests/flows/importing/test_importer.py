"""Foreign files: whatever their form, what they hold comes out exactly."""

import gzip
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from funding_platform.core.time_grid import from_ms
from funding_platform.flows.errors import DumpError
from funding_platform.flows.importing.mapping import read_mapping
from funding_platform_tests.flows.importing.dumps import (
    EIGHT_HOURS,
    FIRST_MS,
    NOW,
    PLAIN,
    binance_dump,
    history,
    read_dump,
    table,
)


def test_the_form_of_the_sandbox(tmp_path: Path) -> None:
    path = history(tmp_path, f"{FIRST_MS},0.0001,8,90000.5", f"{FIRST_MS + 28800048},-0.00025,,")
    assert read_dump(path, {}, NOW).rows() == [
        ("okx", "BTC-USDT-SWAP", from_ms(FIRST_MS), 0.0001, 8.0, 90000.5, str(path), 2),
        ("okx", "BTC-USDT-SWAP", from_ms(FIRST_MS + 28800048), -0.00025, None, None, str(path), 3),
    ]


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


@pytest.mark.sampled(1)
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
