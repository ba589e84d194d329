"""What people download that is neither a rate nor Binance's: known by itself, or asked about."""

import gzip
import json
import shlex
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from funding_platform.flows.errors import DumpError, MappingError
from funding_platform.flows.importing.importer import import_files
from funding_platform.lake import connect
from funding_platform.settings import Settings

HOUR_MS = 3_600_000
FIRST_MS = 1_735_689_600_000
TIMES = [FIRST_MS + number * HOUR_MS for number in range(3)]


def write(folder: Path, value: Any, name: str = "answer.json") -> str:
    path = folder / name
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return str(path)


def commands(refusal: pytest.ExceptionInfo[Any]) -> list[dict[str, str]]:
    """The fields of each command that a refusal suggests."""
    found = []
    for part in str(refusal.value.hint).split("funding import ")[1:]:
        text = part.split("; ")[0].removesuffix(" or ").strip()
        words = shlex.split(text)
        fields = [word for flag, word in pairwise(words) if flag == "--map"]
        found.append(dict(field.split("=", 1) for field in fields))
    return found


def stored(lake: Settings, table: str, *columns: str) -> list[tuple[object, ...]]:
    with connect(lake) as connection:
        return connection.execute(
            f"SELECT {', '.join(columns)} FROM core.{table} ORDER BY ALL"
        ).fetchall()


def coinalyze(symbol: str, **more: float) -> list[dict[str, Any]]:
    history = [{"t": at // 1000, "o": 100, "h": 102, "l": 99, "c": 101, **more} for at in TIMES]
    return [{"symbol": symbol, "history": history}]


def test_prices_of_coinalyze_are_bars_and_never_a_rate(tmp_path: Path, lake: Settings) -> None:
    path = write(tmp_path, coinalyze("BTCUSDT_PERP.A", v=5, bv=3, tx=9, btx=4))
    with pytest.raises(MappingError, match=r"Coinalyze, bars of trades.*venue") as refusal:
        import_files([path], lake, "run", told={})
    import_files([path], lake, "run", told=commands(refusal)[0])
    assert (
        stored(lake, "price_candles", "venue_symbol", "kind", "low", "close")
        == [("BTCUSDT", "trade", 99.0, 101.0)] * 3
    )
    rate = {"table": "funding_rates", "rate": "c", "interval_hours": "8", "venue": "binance"}
    with pytest.raises(MappingError, match="no rates") as refusal:
        import_files([path], lake, "run", told=rate)
    assert commands(refusal) == [{"table": "price_candles", "venue": "binance"}]


def test_prices_of_coinglass_are_bars(tmp_path: Path, lake: Settings) -> None:
    rows = [
        {"time": at, "open": "100", "high": "102", "low": "99", "close": "101", "volume_usd": "7.5"}
        for at in TIMES
    ]
    path = write(tmp_path, {"code": "0", "data": rows})
    told = {"venue": "okx", "symbol": "BTC-USDT-SWAP"}
    import_files([path], lake, "run", told=told)
    assert (
        stored(lake, "price_candles", "kind", "close", "volume_usd") == [("trade", 101.0, 7.5)] * 3
    )


def test_open_interest_of_ccxt_is_told_by_its_columns(tmp_path: Path, lake: Settings) -> None:
    rows = [
        {
            "symbol": "BTC/USDT:USDT",
            "openInterestAmount": 10.5,
            "openInterestValue": 1e6,
            "timestamp": at,
            "datetime": "2025-01-01T00:00:00.000Z",
            "info": {"symbol": "BTCUSDT"},
        }
        for at in TIMES
    ]
    path = write(tmp_path, rows)
    with pytest.raises(MappingError, match="venue or sides") as refusal:
        import_files([path], lake, "run", told={})
    import_files([path], lake, "run", told=commands(refusal)[0])
    assert (
        stored(lake, "open_interest", "venue_symbol", "open_interest_base")
        == [("BTCUSDT", 10.5)] * 3
    )


def test_what_may_be_a_rate_a_price_or_open_interest_is_asked_about(
    tmp_path: Path, lake: Settings
) -> None:
    path = write(tmp_path, coinalyze("BTCUSDT_PERP.A"))
    with pytest.raises(MappingError) as refusal:
        import_files([path], lake, "run", told={"venue": "binance", "interval_hours": "1"})
    rate, prices, interest = commands(refusal)
    assert rate["rate"] == "c"
    import_files([path], lake, "run", told=prices)
    assert stored(lake, "price_candles", "venue_symbol", "open") == [("BTCUSDT", 100.0)] * 3
    import_files([path], lake, "run", told=interest)
    assert (
        stored(lake, "open_interest", "venue_symbol", "open_interest_base")
        == [("BTCUSDT", 100.0)] * 3
    )


@pytest.mark.parametrize("volume", ["volume", "Volume USDT", "vol"])
def test_bars_with_a_volume_are_prices(tmp_path: Path, lake: Settings, volume: str) -> None:
    lines = [f"time,open,high,low,close,{volume}", *(f"{at},100,102,99,101,5" for at in TIMES)]
    path = write(tmp_path, "\n".join(lines), "okx_BTC.csv")
    told = {"venue": "okx", "symbol": "BTC-USDT-SWAP", "interval_hours": "8"}
    with pytest.raises(MappingError, match="no preset knows") as refusal:
        import_files([path], lake, "run", told=told)
    import_files([path], lake, "run", told=commands(refusal)[0])
    assert stored(lake, "price_candles", "close") == [(101.0,)] * 3


def test_rows_of_six_numbers_are_bars(tmp_path: Path, lake: Settings) -> None:
    """As ccxt's fetchOHLCV gives them, which does not say of what."""
    path = write(tmp_path, [[at, 100, 102, 99, 101, 5] for at in TIMES])
    with pytest.raises(DumpError, match="no rows are found") as refusal:
        import_files([path], lake, "run", told={})
    hint = str(refusal.value.hint)
    words = shlex.split(hint.partition("fetchOHLCV: ")[2])
    told = dict(word.split("=", 1) for flag, word in pairwise(words) if flag == "--map")
    assert {name for name, value in told.items() if value == "..."} == {"venue", "symbol"}
    import_files([path], lake, "run", told={**told, "venue": "okx", "symbol": "BTC-USDT-SWAP"})
    assert stored(lake, "price_candles", "kind", "high") == [("trade", 102.0)] * 3


def test_a_bar_that_was_running_when_it_was_read_is_left_out(
    tmp_path: Path, lake: Settings
) -> None:
    header = "instrument_name,open,high,low,close,vol,vol_ccy,vol_quote,open_time,confirm"
    rows = [f"BTC-USDT-SWAP,100,102,99,101,1,1,100,{at},1" for at in TIMES]
    running = f"BTC-USDT-SWAP,100,100.5,100,100.2,1,1,100,{TIMES[2]},0"
    last = f"BTC-USDT-SWAP,100,100.5,100,100.2,1,1,100,{TIMES[2] + HOUR_MS},0"
    path = write(tmp_path, "\n".join([header, *rows, running, last]), "okx.csv")
    report = import_files([path], lake, "run", told={})
    assert any("2 rows left out" in note and "was not over" in note for note in report.notes)
    assert stored(lake, "price_candles", "close") == [(101.0,)] * 3
    path = write(tmp_path, "\n".join([header, rows[0].removesuffix("1") + "maybe"]), "odd.csv")
    with pytest.raises(DumpError, match="confirm: 'maybe' is none of 1, 0, true and false"):
        import_files([path], lake, "run", told={})


@pytest.mark.parametrize("ticks", ["", ",17"])
def test_bybits_bars_for_metatrader_ask_for_their_clock(
    tmp_path: Path, lake: Settings, ticks: str
) -> None:
    rows = [f"2025.01.01,{hour:02d}:00,100,102,99,101,5{ticks}" for hour in range(3)]
    path = tmp_path / "BTCUSDT_60_2025-01-01_2025-01-31.csv.gz"
    path.write_bytes(gzip.compress("\n".join(rows).encode()))
    with pytest.raises(MappingError, match="does not say time_zone") as refusal:
        import_files([str(path)], lake, "run", told={})
    assert commands(refusal) == [{"table": "price_candles", "time_zone": "UTC"}]
    import_files([str(path)], lake, "run", told={"zone": "Etc/GMT-3"})
    first, *_ = stored(lake, "price_candles", "venue", "venue_symbol", "open_time::VARCHAR")
    assert first == ("bybit", "BTCUSDT", "2024-12-31 21:00:00+00")


def test_a_day_and_a_time_may_be_two_columns(tmp_path: Path, lake: Settings) -> None:
    lines = ["day,at,rate", "2025-01-01,00:00,0.0001", "2025-01-01,08:00:00,0.0002"]
    path = write(tmp_path, "\n".join(lines), "rates.csv")
    told = {"date": "day", "time": "at", "zone": "UTC", "rate": "rate", "rate_unit": "fraction"}
    import_files([path], lake, "run", told={**told, "venue": "gate", "symbol": "BTC_USDT"})
    assert stored(lake, "funding_rates", "funding_time::VARCHAR", "funding_rate") == [
        ("2025-01-01 00:00:00+00", 0.0001),
        ("2025-01-01 08:00:00+00", 0.0002),
    ]


def test_a_comma_is_seen_where_the_cells_say_their_unit(tmp_path: Path, lake: Settings) -> None:
    path = write(tmp_path, "at;rate\n01.01.2025 00:00;0,01%\n01.01.2025 08:00;-0,02%\n", "r.csv")
    told = {"time": "at", "zone": "UTC", "rate": "rate", "venue": "gate", "symbol": "BTC_USDT"}
    with pytest.raises(MappingError, match="rate_unit") as refusal:
        import_files([path], lake, "run", told=told)
    import_files([path], lake, "run", told=commands(refusal)[0])
    assert stored(lake, "funding_rates", "funding_rate") == [(-0.0002,), (0.0001,)]


def test_data_without_a_header_is_seen_by_its_first_day(tmp_path: Path, lake: Settings) -> None:
    path = write(tmp_path, "2025.01.01 00:00,0.0001\n2025.01.01 08:00,0.0002\n", "rates.csv")
    with pytest.raises(DumpError, match="there is no header"):
        import_files([path], lake, "run", told={})
