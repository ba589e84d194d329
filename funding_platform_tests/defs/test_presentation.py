"""Tables in the Dagster UI."""

from datetime import UTC, datetime, timedelta

import polars as pl

from funding_platform.core.tables.collected import FUNDING_RATES, INSTRUMENTS
from funding_platform.core.tables.features.curves import CURVE_SNAPSHOTS
from funding_platform.defs.presentation import (
    LONGEST_CELL,
    figure_metadata,
    frame_metadata,
    markdown_table,
    speed_metadata,
    time_column,
)

DAWN = datetime(2026, 3, 14, tzinfo=UTC)


def test_a_frame_is_a_markdown_table() -> None:
    frame = pl.DataFrame({"venue": ["okx", None], "rate": [0.0001, -12345.678]})
    assert markdown_table(frame).splitlines() == [
        "| venue | rate |",
        "| --- | --- |",
        "| okx | 0.0001 |",
        "| - | -12,345.7 |",
    ]


def test_a_cell_breaks_out_of_nothing() -> None:
    frame = pl.DataFrame({"a|b": ["x | y\n| z `<img src=x>` [l](javascript:1)\x1b", "x" * 100]})
    header, _, row, long = markdown_table(frame).splitlines()
    assert header == r"| a\|b |"
    assert row == r"| x \| y \| z \`&lt;img src=x&gt;\` \[l\](javascript\:1)\\x1b |"
    assert len(long) == len("| … |") + LONGEST_CELL


def test_a_row_is_dated_by_the_time_of_its_key() -> None:
    assert time_column(FUNDING_RATES) == "funding_time"
    assert time_column(CURVE_SNAPSHOTS) == "as_of"
    assert time_column(INSTRUMENTS) is None


def test_rows_are_shown_with_their_number_and_times() -> None:
    times = [DAWN + timedelta(hours=8 * n) for n in (1, 0, 2)]
    frame = pl.DataFrame({"venue": ["okx"] * 3, "funding_time": times})
    shown = frame_metadata(frame, FUNDING_RATES)
    assert shown["dagster/row_count"].value == 3
    assert shown["first_time"].value == DAWN.timestamp()
    assert shown["last_time"].value == times[-1].timestamp()
    assert str(shown["preview"].value).count("okx") == 3


def test_a_preview_has_rows_of_all_parts() -> None:
    frame = (
        FUNDING_RATES.empty()
        .clear(80)
        .with_columns(venue_symbol=pl.Series([f"{n // 20}-USDT" for n in range(80)]))
    )
    shown = str(frame_metadata(frame, FUNDING_RATES)["preview"].value)
    assert [shown.count(f"{n}-USDT") for n in range(4)] == [2, 2, 2, 2]


def test_no_rows_have_no_times() -> None:
    shown = frame_metadata(FUNDING_RATES.empty(), FUNDING_RATES)
    assert shown["dagster/row_count"].value == 0
    assert not {"first_time", "last_time"} & shown.keys()


def test_speed_is_rows_by_seconds_and_unknown_to_a_clock_that_was_put_back() -> None:
    assert {name: one.value for name, one in speed_metadata(30, 1.5).items()} == {
        "duration_seconds": 1.5,
        "rows_per_second": 20.0,
    }
    assert speed_metadata(30, 0.0) == {} == speed_metadata(30, -1.0)


def test_numbers_of_a_check_can_be_plotted() -> None:
    shown = figure_metadata({"missing": 3, "share": 0.25, "okay": True, "who": None})
    assert {name: one.value for name, one in shown.items()} == {
        "missing": 3.0,
        "share": 0.25,
        "okay": "True",
        "who": "None",
    }
