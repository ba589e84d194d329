"""Files of bars that tests write, and what comes of them in a lake."""

import zipfile
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from funding_platform.flows.importing.importer import import_files
from funding_platform.flows.importing.reports import ImportReport
from funding_platform.flows.queries import open_lake
from funding_platform.settings import Settings

FIRST = datetime(2025, 1, 1, tzinfo=UTC)
FIRST_MS = 1_735_689_600_000
MINUTE_MS = 60_000
HOUR_MS = 3_600_000
KLINE_HEADER = (
    "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,"
    "taker_buy_quote_volume,ignore"
)
PLAIN: dict[str, Any] = {
    "table": "price_candles",
    "time": "t",
    "open": "o",
    "high": "h",
    "low": "l",
    "close": "c",
    "kind": "trade",
    "venue": "okx",
    "symbol": "BTC-USDT-SWAP",
}

Bar = tuple[int, float, float, float, float]


def bars(count: int, step_ms: int = HOUR_MS, first_ms: int = FIRST_MS) -> list[Bar]:
    """Bars that rise by one each: open 100, high 102, low 99, close 101, and so on."""
    return [
        (first_ms + number * step_ms, 100.0 + number, 102.0 + number, 99.0 + number, 101.0 + number)
        for number in range(count)
    ]


def plain_file(folder: Path, rows: Iterable[Bar], name: str = "bars.csv") -> Path:
    path = folder / name
    lines = ["t,o,h,l,c", *(",".join(map(str, row)) for row in rows), ""]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def kline_rows(rows: Iterable[Bar], *, per_ms: int = 1, volume: float = 2.0) -> list[str]:
    """Rows of twelve columns; ``per_ms`` is 1000 where times are microseconds."""
    return [
        f"{time * per_ms},{o},{h},{low},{c},{volume},{(time + HOUR_MS) * per_ms - 1},"
        f"{volume * c},3600,1,{c},0"
        for time, o, h, low, c in rows
    ]


def kline_zip(folder: Path, name: str, lines: Iterable[str], *, header: bool = True) -> Path:
    """A monthly archive where Binance's public data has it."""
    folder.mkdir(parents=True, exist_ok=True)
    text = "\n".join([*([KLINE_HEADER] if header else []), *lines, ""])
    path = folder / f"{name}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{name}.csv", text)
    return path


def imported(lake: Settings, *paths: Path, **told: Any) -> ImportReport:
    return import_files([str(path) for path in paths], lake, "run", told=told)


def stored(lake: Settings, sql: str) -> list[tuple[Any, ...]]:
    with open_lake(lake) as connection:
        return connection.execute(sql).fetchall()


def candles(lake: Settings, table: str = "price_candles") -> pl.DataFrame:
    with open_lake(lake) as connection:
        return connection.execute(f"FROM core.{table} ORDER BY ALL").pl()
