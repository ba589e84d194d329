"""Real candles and open interest, as people keep them: taken whole, or refused in words."""

import gzip
from pathlib import Path

import polars as pl
import pytest

from funding_platform.flows.errors import ImportRefusedError
from funding_platform.flows.importing.importer import import_files
from funding_platform.flows.queries import open_lake
from funding_platform.settings import Settings

HOURLY = "*_1h.csv*"
LONGER = ("binance/BTCUSDT_1d.csv", "binance_coinm/BTCUSD_PERP_8h.csv", "bybit/BTCUSD_8h.csv")
AT_FUNDING = (
    "binance/BTCUSDT_at-funding.csv",
    "binance/XRPUSDT_at-funding.csv",
    "bitmex/XBTUSD_at-funding.csv",
    "bitmex/XRPUSD_at-funding.csv",
    "drift/BTC-PERP_at-funding.csv.gz",
)
NO_CANDLES = ("*premium-index*", "*-index_1h*")


def rows_in(path: Path) -> int:
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return raw.count(b"\n") - 1


def hourly_files(folder: Path, *, spot: bool) -> list[Path]:
    return [
        path
        for path in sorted(folder.glob(f"*/{HOURLY}"))
        if not any(path.match(one) for one in NO_CANDLES)
        and (path.parent.name == "binance_spot") == spot
    ]


@pytest.mark.world
def test_every_hourly_candle_is_there(shared_dir: Path, tmp_path: Path) -> None:
    lake = Settings(data_dir=tmp_path / "data")
    files = hourly_files(shared_dir / "data" / "prices", spot=False)
    report = import_files([str(path) for path in files], lake, "run", told={"kind": "trade"})
    assert report.rows == sum(map(rows_in, files)) > 100_000
    with open_lake(lake) as connection:
        rows = connection.execute("FROM core.price_candles").pl()
    assert rows.select("venue", "venue_symbol").n_unique() == len(files)
    assert rows.filter(pl.col("high") < pl.col("low")).is_empty()
    crash = rows.filter(
        pl.col("venue") == "bybit",
        pl.col("venue_symbol") == "SOLUSDT",
        pl.col("open_time").dt.strftime("%Y-%m-%d %H") == "2025-10-10 21",
    )
    assert crash.select("low", "close").rows() == [(146.57, 187.25)]


def test_spot_candles(shared_dir: Path, tmp_path: Path) -> None:
    lake = Settings(data_dir=tmp_path / "data")
    files = hourly_files(shared_dir / "data" / "prices", spot=True)
    told = {"table": "spot_candles", "venue": "binance"}
    report = import_files([str(path) for path in files], lake, "run", told=told)
    assert report.rows == sum(map(rows_in, files)) > 30_000


@pytest.mark.parametrize("name", LONGER)
def test_longer_bars_are_refused(shared_dir: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(ImportRefusedError, match="an hour cannot be taken out of a longer bar"):
        import_files(
            [str(shared_dir / "data" / "prices" / name)],
            Settings(data_dir=tmp_path / "data"),
            "run",
            told={"kind": "trade"},
        )


@pytest.mark.world
@pytest.mark.parametrize("name", AT_FUNDING)
def test_prices_at_settlements_are_no_candles(shared_dir: Path, tmp_path: Path, name: str) -> None:
    told = {"kind": "trade", "path": "{venue}/{symbol}_at-funding.csv"}
    with pytest.raises(ImportRefusedError, match=r"longer bar|cannot be stored|no part of an hour"):
        import_files(
            [str(shared_dir / "data" / "prices" / name)],
            Settings(data_dir=tmp_path / "data"),
            "run",
            told=told,
        )


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("binance/BTCUSDT-premium-index_1h.csv.gz", "has a price of zero or less"),
        ("deribit/BTC-index_1h.csv", "has no open, high, low or close"),
    ],
)
def test_what_holds_no_bars_is_refused(
    shared_dir: Path, tmp_path: Path, name: str, said: str
) -> None:
    with pytest.raises(ImportRefusedError, match=said):
        import_files(
            [str(shared_dir / "data" / "prices" / name)],
            Settings(data_dir=tmp_path / "data"),
            "run",
            told={"kind": "index"},
        )


@pytest.mark.world
@pytest.mark.parametrize(("venue", "sides"), [("bybit", 2), ("hyperliquid", 1)])
def test_open_interest(shared_dir: Path, tmp_path: Path, venue: str, sides: int) -> None:
    lake = Settings(data_dir=tmp_path / "data")
    folder = shared_dir / "data" / "open_interest" / venue
    report = import_files([str(folder)], lake, "run", told={"sides": str(sides)})
    assert report.rows == sum(rows_in(path) for path in folder.iterdir())
    with open_lake(lake) as connection:
        figures = connection.execute(
            "SELECT count(open_interest_base), count(open_interest_usd) FROM core.open_interest"
        ).fetchone()
    assert figures == ((report.rows, 0) if venue == "bybit" else (0, report.rows))
