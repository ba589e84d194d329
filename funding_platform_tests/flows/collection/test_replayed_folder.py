"""What files know is collected from a sandbox that replays them: absence is null, no failure."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from funding_platform.core.tables.collected import INSTRUMENTS, MARKET_SNAPSHOTS
from funding_platform.core.time_grid import floor_hour, to_ms
from funding_platform.flows.collection.snapshots import collect_instruments, collect_snapshots
from funding_platform.lake import connect
from funding_platform.sandbox.markets.market import Contract
from funding_platform.sandbox.server import build_market, running_sandbox
from funding_platform.sandbox.wire.registry import WIRES
from funding_platform.settings import Settings
from funding_platform.venues.registry import open_venue, venue_names, venue_spec
from funding_platform_tests.flows.conftest import settings_for

pytestmark = pytest.mark.usefixtures("present")

COLLECTED = [
    venue
    for venue in venue_names()
    if venue in WIRES and {INSTRUMENTS, MARKET_SNAPSHOTS} <= set(venue_spec(venue).offers)
]


PRICED = [
    ("binance", "BTCUSDT"), ("aster", "BTCUSDT"), ("bybit", "BTCUSDT"), ("okx", "BTC-USDT-SWAP"),
    ("deribit", "BTC_USDC-PERPETUAL"), ("hyperliquid", "BTC"), ("lighter", "BTC"),
    ("extended", "BTC-USD"), ("paradex", "BTC-USD-PERP"), ("edgex", "BTCUSDC"),
    ("grvt", "BTC_USDT_Perp"), ("backpack", "BTC_USDC_PERP"), ("drift", "BTC-PERP"),
]  # fmt: skip


def write_settlements(folder: Path, venue: str, now: datetime) -> None:
    """Two days of settlements of BTC and ETH, at the venue's usual interval, without a price."""
    style = WIRES[venue].style
    hours = next(iter(style.intervals))
    last = now.replace(minute=0, second=0, microsecond=0)
    last -= timedelta(hours=last.hour % hours)
    times = [to_ms(last - timedelta(hours=hours * back)) for back in range(48 // hours, -1, -1)]
    rows = "".join(f"{time},0.00011,{hours},\n" for time in times)
    for base in ("BTC", "ETH"):
        symbol = style.spell(Contract(base, style.quotes[0], "linear"))
        path = folder / "funding" / venue / f"{symbol}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("funding_time_ms,funding_rate,interval_hours,mark_price\n" + rows)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("venue", COLLECTED)
def test_a_market_without_prices_is_collected_without_prices(tmp_path: Path, venue: str) -> None:
    write_settlements(tmp_path / "files", venue, datetime.now(UTC))
    with running_sandbox(build_market(replay=tmp_path / "files")) as sandbox:
        settings = settings_for(sandbox, tmp_path)
        listed = collect_instruments([venue], settings, "instruments")[venue].attempt
        seen = collect_snapshots([venue], settings, "snapshots")[venue].attempt
    assert (listed.error, seen.error) == (None, None)
    with connect(settings) as lake:
        (row,) = lake.execute(
            "SELECT count(*), count(predicted_rate), count(mark_price), count(index_price), "
            "count(open_interest_usd), count(volume_24h_usd) FROM core.market_snapshots"
        ).fetchall()
    assert row == (2, 2, 0, 0, 0, 0)


@pytest.mark.parametrize(("venue", "symbol"), PRICED)
def test_bars_of_files_are_collected_and_what_they_do_not_tell_is_null(
    tmp_path: Path, venue: str, symbol: str
) -> None:
    now = datetime.now(UTC)
    write_settlements(tmp_path, venue, now)
    start = floor_hour(now) - timedelta(hours=10)
    times = [to_ms(start + timedelta(hours=hour)) for hour in range(8)]
    lines = [f"{at},{100 + k},{102 + k},{99 + k},{101 + k}," for k, at in enumerate(times)]
    prices = tmp_path / "prices" / venue / f"{symbol}_1h.csv"
    prices.parent.mkdir(parents=True)
    prices.write_text("time_ms,open,high,low,close,volume\n" + "\n".join(lines) + "\n")

    async def bars(url: str) -> pl.DataFrame:
        async with open_venue(venue, url, settings=Settings(rate_limit_scale=1_000)) as asked:
            return await asked.candles([symbol], start, now, "trade")

    with running_sandbox(build_market(replay=tmp_path)) as sandbox:
        found = asyncio.run(bars(sandbox.url_of(venue))).sort("open_time")
    assert found["open_time"].to_list() == [start + timedelta(hours=hour) for hour in range(8)]
    assert found["close"].to_list() == [101 + hour for hour in range(8)]
    assert found["volume_base"].null_count() == found["volume_usd"].null_count() == 8
