"""Open interest of files: one side, at full hours, in the unit that is told."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from funding_platform.flows.errors import DumpError, MappingError
from funding_platform.settings import Settings
from funding_platform_tests.flows.importing.series.bars import (
    FIRST,
    FIRST_MS,
    HOUR_MS,
    candles,
    imported,
)

PLAIN: dict[str, Any] = {
    "table": "open_interest",
    "time": "t",
    "open_interest_base": "oi",
    "sides": "1",
    "venue": "okx",
    "symbol": "BTC-USDT-SWAP",
}


def points(folder: Path, stamps: list[int], figure: float = 10.0) -> Path:
    path = folder / "oi.csv"
    path.write_text("\n".join(["t,oi", *(f"{t},{figure}" for t in stamps), ""]), encoding="utf-8")
    return path


def test_figures_at_full_hours_are_stored(tmp_path: Path, lake: Settings) -> None:
    imported(lake, points(tmp_path, [FIRST_MS, FIRST_MS + HOUR_MS]), **PLAIN)
    rows = candles(lake, "open_interest")
    assert rows["time"].to_list() == [FIRST, FIRST + timedelta(hours=1)]
    assert rows["open_interest_base"].to_list() == [10.0, 10.0]
    assert rows["available_at"].to_list() == rows["time"].to_list()


def test_both_sides_are_halved(tmp_path: Path, lake: Settings) -> None:
    imported(lake, points(tmp_path, [FIRST_MS]), **{**PLAIN, "sides": "2"})
    assert candles(lake, "open_interest")["open_interest_base"].to_list() == [5.0]


def test_whether_both_sides_are_counted_must_be_told(tmp_path: Path, lake: Settings) -> None:
    told = {name: value for name, value in PLAIN.items() if name != "sides"}
    with pytest.raises(MappingError, match="sides: is required"):
        imported(lake, points(tmp_path, [FIRST_MS]), **told)


def test_what_lies_between_hours_is_left_out(tmp_path: Path, lake: Settings) -> None:
    stamps = [FIRST_MS + n * HOUR_MS // 12 + (20_000 if n == 12 else 0) for n in range(25)]
    report = imported(lake, points(tmp_path, stamps), **PLAIN)
    assert report.rows == 3
    assert any("22 rows left out" in note for note in report.notes)
    late = candles(lake, "open_interest")["available_at"][1]
    assert late == FIRST + timedelta(hours=1, seconds=20)


def test_a_file_without_one_full_hour_is_refused(tmp_path: Path, lake: Settings) -> None:
    with pytest.raises(DumpError, match="is not of a full hour"):
        imported(lake, points(tmp_path, [FIRST_MS + HOUR_MS // 2]), **PLAIN)


def test_units_in_a_column(tmp_path: Path, lake: Settings) -> None:
    path = tmp_path / "okx/BTC-USDT-SWAP_1h.csv"
    path.parent.mkdir()
    rows = [f"{FIRST_MS},8,BTC", f"{FIRST_MS + HOUR_MS},700,USD", ""]
    path.write_text("\n".join(["time_ms,open_interest,unit", *rows]), encoding="utf-8")
    imported(lake, path, sides="2")
    rows_in = candles(lake, "open_interest").select("open_interest_base", "open_interest_usd")
    assert rows_in.rows() == [(4.0, None), (None, 350.0)]
    path.write_text(f"time_ms,open_interest,unit\n{FIRST_MS},8,contracts\n", encoding="utf-8")
    with pytest.raises(DumpError, match="neither a dollar nor the base of BTC-USDT-SWAP"):
        imported(lake, path, sides="2")


def test_metrics_of_binance(tmp_path: Path, lake: Settings) -> None:
    path = tmp_path / "BTCUSDT-metrics-2025-01-01.csv"
    head = (
        "create_time,symbol,sum_open_interest,sum_open_interest_value,"
        "count_toptrader_long_short_ratio,sum_toptrader_long_short_ratio,count_long_short_ratio,"
        "sum_taker_long_short_vol_ratio"
    )
    lines = [
        "2025-01-01 00:05:00,BTCUSDT,11,1100,1,1,1,1",
        "2025-01-01 00:00:00,BTCUSDT,10,1000,1,1,1,1",
        "2025-01-01 01:00:00,BTCUSDT,12,,1,1,1,1",
    ]
    path.write_text("\n".join([head, *lines, ""]), encoding="utf-8")
    imported(lake, path)
    rows = candles(lake, "open_interest").select("open_interest_base", "open_interest_usd")
    assert rows.rows() == [(10.0, 1000.0), (12.0, None)]
