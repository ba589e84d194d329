"""Foreign files that tests write, and what the importer reads in them."""

import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from funding_platform.flows.importing.fields.folds import with_folds_resolved
from funding_platform.flows.importing.files.archives import members
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


def binance_dump(folder: Path, symbol: str, month: str, rows: list[tuple[int, int, str]]) -> Path:
    """A monthly archive as Binance publishes it."""
    name = f"{symbol}-fundingRate-{month}"
    lines = ["calc_time,funding_interval_hours,last_funding_rate"]
    lines += [",".join(map(str, row)) for row in rows]
    with zipfile.ZipFile(folder / f"{name}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{name}.csv", "\n".join(lines) + "\n")
    return folder / f"{name}.zip"
