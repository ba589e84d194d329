"""Bars of a file become hourly candles, or are refused with what is wrong with them."""

from datetime import timedelta
from pathlib import Path

import pytest

from funding_platform.flows.errors import DumpError, ImportConflictError, MappingError
from funding_platform.flows.importing.importer import import_files
from funding_platform.settings import Settings
from funding_platform_tests.flows.importing.series.bars import (
    FIRST,
    FIRST_MS,
    HOUR_MS,
    MINUTE_MS,
    PLAIN,
    bars,
    candles,
    imported,
    plain_file,
    stored,
)

HOUR = timedelta(hours=1)


def test_hourly_bars_are_stored_as_they_are(tmp_path: Path, lake: Settings) -> None:
    report = imported(lake, plain_file(tmp_path, bars(3)), **PLAIN)
    assert report.rows == 3
    rows = candles(lake)
    assert rows.select("venue", "venue_symbol", "kind").unique().rows() == [
        ("okx", "BTC-USDT-SWAP", "trade")
    ]
    assert rows.select("open", "high", "low", "close").row(1) == (101.0, 103.0, 100.0, 102.0)
    assert rows["open_time"].to_list() == [FIRST + n * HOUR for n in range(3)]
    assert (rows["available_at"] - rows["open_time"]).unique().to_list() == [HOUR]
    assert rows["volume_base"].null_count() == rows["volume_usd"].null_count() == 3


def test_times_may_be_those_of_the_ends(tmp_path: Path, lake: Settings) -> None:
    path = plain_file(tmp_path, bars(2, first_ms=FIRST_MS + HOUR_MS))
    imported(lake, path, **PLAIN, stamp="end", bar="1h")
    assert candles(lake)["open_time"].to_list() == [FIRST, FIRST + HOUR]


def test_ends_of_bars_of_unknown_length_are_refused(tmp_path: Path, lake: Settings) -> None:
    with pytest.raises(DumpError, match="ends a bar of unknown length"):
        imported(lake, plain_file(tmp_path, bars(2)), **PLAIN, stamp="end")


@pytest.mark.sampled(2)
@pytest.mark.parametrize("minutes", [1, 5, 15, 30])
def test_bars_of_minutes_are_put_together(tmp_path: Path, lake: Settings, minutes: int) -> None:
    count = 120 // minutes
    imported(lake, plain_file(tmp_path, bars(count, minutes * MINUTE_MS)), **PLAIN)
    half = count // 2
    assert candles(lake).select("open", "high", "low", "close").rows() == [
        (100.0, 101.0 + half, 99.0, 100.0 + half),
        (100.0 + half, 101.0 + count, 99.0 + half, 100.0 + count),
    ]


def test_volumes_are_summed_and_one_that_is_blank_makes_the_sum_unknown(
    tmp_path: Path, lake: Settings
) -> None:
    path = tmp_path / "bars.csv"
    lines = [f"{row[0]},1,1,1,1,{2 if n != 5 else ''},3" for n, row in enumerate(_quarters(8))]
    path.write_text("\n".join(["t,o,h,l,c,v,q", *lines, ""]), encoding="utf-8")
    imported(lake, path, **PLAIN, volume_base="v", volume_quote="q", quote="USDT")
    assert candles(lake).select("volume_base", "volume_usd").rows() == [(8.0, 12.0), (None, 12.0)]


def _quarters(count: int) -> list[tuple[int, float, float, float, float]]:
    return bars(count, 15 * MINUTE_MS)


def test_an_hour_that_lacks_a_minute_is_kept_and_named(tmp_path: Path, lake: Settings) -> None:
    rows = [row for number, row in enumerate(bars(120, MINUTE_MS)) if number != 17]
    report = imported(lake, plain_file(tmp_path, rows), **PLAIN)
    assert report.rows == 2
    (note,) = [one for one in report.notes if "lack some of their bars" in one]
    assert "2025-01-01 00:00 (59 of 60)" in note


def test_an_hour_that_the_file_begins_in_is_left_out(tmp_path: Path, lake: Settings) -> None:
    rows = bars(100, MINUTE_MS, FIRST_MS + 40 * MINUTE_MS)
    report = imported(lake, plain_file(tmp_path, rows), **PLAIN)
    assert candles(lake)["open_time"].to_list() == [FIRST + HOUR]
    assert any(
        "2 rows left out" in note and "ends within its hour" in note for note in report.notes
    )


@pytest.mark.parametrize(
    ("step", "said"), [(8 * HOUR_MS, "bars of 8 hours"), (24 * HOUR_MS, "bars of a day")]
)
def test_longer_bars_are_refused(tmp_path: Path, lake: Settings, step: int, said: str) -> None:
    with pytest.raises(DumpError, match=said) as caught:
        imported(lake, plain_file(tmp_path, bars(5, step)), **PLAIN)
    assert caught.value.hint is not None
    assert "1, 5, 15 or 30 minutes" in caught.value.hint


def test_bars_that_are_no_part_of_an_hour_are_refused(tmp_path: Path, lake: Settings) -> None:
    with pytest.raises(DumpError, match="45 minutes apart: that is no part of an hour"):
        imported(lake, plain_file(tmp_path, bars(5, 45 * MINUTE_MS)), **PLAIN)


def test_bars_that_overlap_are_refused(tmp_path: Path, lake: Settings) -> None:
    with pytest.raises(DumpError, match="they overlap"):
        imported(lake, plain_file(tmp_path, bars(8, 15 * MINUTE_MS)), **PLAIN, bar="1h")


def test_one_bar_does_not_tell_its_length(tmp_path: Path, lake: Settings) -> None:
    path = plain_file(tmp_path, bars(1))
    with pytest.raises(DumpError, match="one bar does not tell how long it is"):
        imported(lake, path, **PLAIN)
    assert imported(lake, path, **PLAIN, bar="1h").rows == 1


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ((0.0, 2.0, 1.0, 1.0), "a price of zero or less"),
        ((-1.0, 2.0, -1.0, 1.0), "a price of zero or less"),
        ((1.0, 1.0, 2.0, 1.5), "a high below its low"),
        ((1.0, 2.0, 1.0, 3.0), "an open or a close beyond its high and low"),
    ],
)
def test_what_is_no_bar_is_left_out_and_named(
    tmp_path: Path, lake: Settings, fault: tuple[float, ...], reason: str
) -> None:
    rows = bars(6)
    rows[2] = (rows[2][0], *fault)  # type: ignore[assignment]
    report = imported(lake, plain_file(tmp_path, rows), **PLAIN)
    assert report.rows == 5
    assert any("1 rows left out, the first in line 4" in n and reason in n for n in report.notes)


def test_a_file_of_mostly_no_bars_is_refused(tmp_path: Path, lake: Settings) -> None:
    rows = [(row[0], -0.1, 0.2, -0.2, 0.1) if n % 4 else row for n, row in enumerate(bars(12))]
    with pytest.raises(DumpError, match="9 of 12 rows cannot be stored") as caught:
        imported(lake, plain_file(tmp_path, rows), **PLAIN)
    assert caught.value.line == 3


def test_bars_off_the_grid_are_left_out(tmp_path: Path, lake: Settings) -> None:
    rows = bars(40)
    rows[7] = (rows[7][0] + 7 * MINUTE_MS, *rows[7][1:])
    report = imported(lake, plain_file(tmp_path, rows), **PLAIN)
    assert report.rows == 39
    assert any("does not begin on the grid" in note for note in report.notes)


def test_a_bar_told_twice_alike_is_one_and_told_otherwise_is_none(
    tmp_path: Path, lake: Settings
) -> None:
    rows = bars(6)
    other = (rows[4][0], 1.0, 2.0, 0.5, 1.5)
    report = imported(lake, plain_file(tmp_path, [*rows, rows[1], other]), **PLAIN)
    assert FIRST + 4 * HOUR not in candles(lake)["open_time"].to_list()
    assert report.rows == 5
    assert any("2 rows left out, the first in line 6" in note for note in report.notes)


def test_two_files_of_one_month_are_one_series(tmp_path: Path, lake: Settings) -> None:
    minutes = bars(180, MINUTE_MS)
    first = plain_file(tmp_path, minutes[:90], "a.csv")
    second = plain_file(tmp_path, minutes[80:], "b.csv")
    report = imported(lake, first, second, **PLAIN)
    assert report.rows == 3
    assert not [note for note in report.notes if "lack" in note]


def test_what_is_stored_stays_and_what_differs_is_refused(tmp_path: Path, lake: Settings) -> None:
    path = plain_file(tmp_path, bars(4))
    imported(lake, path, **PLAIN)
    again = imported(lake, path, **PLAIN)
    assert again.files.select("rows", "written").row(0) == (4, 0)
    rows = [*bars(5)]
    rows[2] = (rows[2][0], 102.0, 104.5, 101.0, 103.0)
    other = plain_file(tmp_path, rows, "other.csv")
    with pytest.raises(ImportConflictError, match=r"trade at 2025-01-01 02:00: high is 104\.5"):
        imported(lake, other, **PLAIN)
    kept = import_files([str(other)], lake, "run", told=PLAIN, keep_stored=True)
    assert kept.rows == 1
    assert kept.n_conflicts.total() == 1
    log = "SELECT dataset, status, rows_written FROM core.collection_log ORDER BY started_at"
    assert stored(lake, log)[-1] == ("core.price_candles", "partial", 1)


def test_the_kind_of_price_is_never_guessed(tmp_path: Path, lake: Settings) -> None:
    told = {name: value for name, value in PLAIN.items() if name != "kind"}
    with pytest.raises(MappingError, match="nothing says of what the prices are"):
        imported(lake, plain_file(tmp_path, bars(3)), **told)


def test_a_table_that_there_is_not(tmp_path: Path, lake: Settings) -> None:
    with pytest.raises(MappingError, match="did you mean price_candles"):
        imported(lake, plain_file(tmp_path, bars(3)), **{**PLAIN, "table": "price_candle"})


def test_spot_markets_say_their_base_and_quote(tmp_path: Path, lake: Settings) -> None:
    told = {**PLAIN, "table": "spot_candles", "symbol": "BTC-USDT"}
    del told["kind"]
    imported(lake, plain_file(tmp_path, bars(3)), **told)
    assert candles(lake, "spot_candles").select("base", "quote").unique().rows() == [
        ("BTC", "USDT")
    ]
    with pytest.raises(DumpError, match="'@107' does not say its base and its quote"):
        imported(lake, plain_file(tmp_path, bars(3)), **{**told, "symbol": "@107"})
    imported(lake, tmp_path / "bars.csv", **{**told, "symbol": "@107"}, base="HYPE", quote="USDC")


def test_without_a_mapping_the_message_says_how_to_import_prices(
    tmp_path: Path, lake: Settings
) -> None:
    path = tmp_path / "x.csv"
    path.write_text("when,open,high,low,close\n2025-01-01,1,1,1,1\n", encoding="utf-8")
    with pytest.raises(MappingError) as caught:
        imported(lake, path)
    assert caught.value.hint is not None
    assert "table=price_candles" in caught.value.hint
