"""Deribit, Paradex and Drift: rates that the adapters read back from the wire are the market's."""

import asyncio
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from funding_platform.core.time_grid import Window, from_ms, to_ms
from funding_platform.sandbox.markets.market import Market
from funding_platform.sandbox.server import RunningSandbox, build_market, running_sandbox
from funding_platform.settings import Settings
from funding_platform.venues.parsing.history import History
from funding_platform.venues.registry import open_venue
from funding_platform_tests.sandbox.conftest import NOW
from funding_platform_tests.venues.histories import read_series


def collect(url: str, venue: str, symbols: list[str], window: Window, now: datetime) -> History:
    async def run() -> History:
        settings = Settings(rate_limit_scale=1e6)
        async with open_venue(venue, f"{url}/{venue}", settings=settings, clock=lambda: now) as one:
            return await one.funding_history(symbols, window)

    return asyncio.run(run())


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    ("venue", "symbols", "tolerance"),
    [
        ("deribit", ["BTC-PERPETUAL", "SOL_USDC-PERPETUAL"], 0.0),
        ("drift", ["BTC-PERP", "1MPEPE-PERP"], 0.0),
        ("paradex", ["BTC-USD-PERP", "kPEPE-USD-PERP"], 1e-14),
    ],
)
@pytest.mark.parametrize("days_ago", [0, 300])
def test_the_market_is_read_back(
    served: RunningSandbox,
    market: Market,
    venue: str,
    symbols: list[str],
    tolerance: float,
    days_ago: int,
) -> None:
    """Seconds are all that Drift's stamps have; Paradex's rates are differences of an index."""
    window = Window(NOW - timedelta(days=days_ago + 20), NOW - timedelta(days=days_ago))
    history = collect(served.url, venue, symbols, window, NOW)
    for symbol in symbols:
        settled = market.settlements(venue, symbol)
        stamps = settled.times_ms // 1_000 * 1_000
        inside = (stamps >= to_ms(window.start)) & (stamps < to_ms(window.end))
        found = history.frame.filter(venue_symbol=symbol)
        assert [to_ms(time) for time in found["venue_time"]] == stamps[inside].tolist()
        error = np.abs(found["funding_rate"].to_numpy() - settled.rates[inside])
        assert error.max() <= tolerance


@pytest.fixture(scope="module")
def replayed(shared_dir: Path) -> Iterator[RunningSandbox]:
    with running_sandbox(build_market(replay=shared_dir / "data")) as sandbox:
        yield sandbox


@pytest.mark.sampled(1)
@pytest.mark.parametrize(
    ("venue", "symbol", "suffix"),
    [
        ("deribit", "BTC-PERPETUAL", "csv.gz"),
        ("drift", "BTC-PERP", "csv"),
        ("drift", "SOL-PERP", "csv.gz"),
    ],
)
def test_a_replayed_file_is_read_back_row_for_row(
    replayed: RunningSandbox, shared_dir: Path, venue: str, symbol: str, suffix: str
) -> None:
    series = read_series(shared_dir / "data" / "funding" / venue / f"{symbol}.{suffix}")
    window = Window(from_ms(series[0].time_ms), from_ms(series[-1].time_ms + 1_000))
    history = collect(replayed.url, venue, [symbol], window, datetime.now(UTC))
    expected = [(from_ms(time), float(rate)) for time, rate in series]
    assert history.frame.select("venue_time", "funding_rate").rows() == expected
    assert set(history.frame["interval_hours"]) == {1.0}


def test_other_figures_of_a_contract_are_left_out_of_a_replay(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "funding" / "deribit"
    folder.mkdir(parents=True)
    for name, rate in (("BTC-PERPETUAL", "0.1"), ("BTC-PERPETUAL.interest_8h", "0.2")):
        (folder / f"{name}.csv").write_text(f"funding_time_ms,funding_rate\n3600000,{rate}\n")
    with caplog.at_level(logging.WARNING):
        market = build_market(replay=tmp_path)
    assert [i.venue_symbol for i in market.instruments("deribit")] == ["BTC-PERPETUAL"]
    assert market.settlements("deribit", "BTC-PERPETUAL").rates.tolist() == [0.1]
    assert "interest_8h" in caplog.text
