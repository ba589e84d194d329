"""The mapping that a refusal suggests works as it stands, where the columns say enough."""

import shlex
from itertools import pairwise
from pathlib import Path

import pytest

from funding_platform.flows.errors import MappingError
from funding_platform.flows.importing.importer import import_files
from funding_platform.lake import connect
from funding_platform.settings import Settings

HOUR_MS = 3_600_000
FIRST_MS = 1_735_689_600_000

BARS = [
    ("venue,symbol,kind,time,open,high,low,close", "okx,BTC-USDT-SWAP,mark,{time},100,102,99,101"),
    ("Exchange,Pair,Date,Open,High,Low,Close", "okx,BTC-USDT-SWAP,{time},100,102,99,101"),
    ("ts,o,h,l,c,instrument,venue_name", "{time},100,102,99,101,BTC-USDT-SWAP,okx"),
    (
        "open_time,open_px,high_px,low_px,close_px,market,venue",
        "{time},100,102,99,101,BTC-USDT-SWAP,okx",
    ),
]


@pytest.mark.sampled(1)
@pytest.mark.parametrize(("header", "row"), BARS, ids=[header for header, _ in BARS])
def test_what_is_suggested_for_bars_imports_them(
    tmp_path: Path, lake: Settings, header: str, row: str
) -> None:
    path = _file(tmp_path, header, row)
    told = suggested(path, lake, {"table": "price_candles"})
    assert "..." not in told.values()
    assert import_files([str(path)], lake, "run", told=told).rows == 2
    assert stored(lake, "price_candles") == [("okx", "BTC-USDT-SWAP", 101.0)] * 2


def test_what_was_told_is_not_suggested_otherwise(tmp_path: Path, lake: Settings) -> None:
    path = _file(tmp_path, *BARS[0])
    told = {"table": "price_candles", "kind": "index", "venue": "bybit"}
    again = suggested(path, lake, told)
    assert told.items() <= again.items()
    assert not {"kind_column", "venue_column"} & set(again)


def test_what_no_column_says_is_left_open(tmp_path: Path, lake: Settings) -> None:
    path = _file(tmp_path, "a,open,high,low,close", "{time},100,102,99,101")
    told = suggested(path, lake, {"table": "price_candles"})
    assert [name for name, value in told.items() if value == "..."] == ["time", "venue", "symbol"]


def test_open_interest_is_suggested_by_its_columns(tmp_path: Path, lake: Settings) -> None:
    path = _file(tmp_path, "exchange,symbol,ts,oi", "okx,BTC-USDT-SWAP,{time},250")
    told = suggested(path, lake, {"table": "open_interest"})
    import_files([str(path)], lake, "run", told=told)
    assert stored(lake, "open_interest") == [("okx", "BTC-USDT-SWAP", 250.0)] * 2


def test_settled_rates_are_suggested_with_the_column_of_their_venue(
    tmp_path: Path, lake: Settings
) -> None:
    path = _file(
        tmp_path, "exchange,symbol,when_time,my_rate", "okx,BTC-USDT-SWAP,{time},0.0001", 8
    )
    import_files([str(path)], lake, "run", told=suggested(path, lake, {}))
    assert stored(lake, "funding_rates") == [("okx", "BTC-USDT-SWAP", 0.0001)] * 2


def suggested(path: Path, lake: Settings, told: dict[str, str]) -> dict[str, str]:
    """Import without what is needed; the fields of the command that the refusal suggests."""
    with pytest.raises(MappingError) as refusal:
        import_files([str(path)], lake, "run", told=told)
    words = shlex.split(str(refusal.value.hint))
    fields = [word for flag, word in pairwise(words) if flag == "--map"]
    return dict(field.split("=", 1) for field in fields)


def stored(lake: Settings, table: str) -> list[tuple[object, ...]]:
    value = {
        "price_candles": "close",
        "open_interest": "open_interest_base",
        "funding_rates": "funding_rate",
    }[table]
    with connect(lake) as connection:
        return connection.execute(
            f"SELECT venue, venue_symbol, {value} FROM core.{table} ORDER BY ALL"
        ).fetchall()


def _file(folder: Path, header: str, row: str, hours: int = 1) -> Path:
    path = folder / "rows.csv"
    rows = [row.format(time=FIRST_MS + number * hours * HOUR_MS) for number in range(2)]
    path.write_text("\n".join([header, *rows]) + "\n")
    return path
