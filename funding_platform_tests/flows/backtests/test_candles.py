"""Candles of the lake price a backtest: one kind throughout, spot markets beside perpetuals."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from funding_platform.backtest.config import BacktestConfig
from funding_platform.backtest.data.provider import FundingDataProvider
from funding_platform.backtest.engine import run_backtest
from funding_platform.core.tables.prices import PRICE_CANDLES, SPOT_CANDLES
from funding_platform.core.tables.schema import Table
from funding_platform.core.time_grid import HOUR_US, to_us
from funding_platform.flows.backtests import candles
from funding_platform.flows.backtests.data import provider_from_lake
from funding_platform.lake.connection import connect
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings
from funding_platform.strategies.spot_perp_carry import SpotPerpCarry
from funding_platform_tests.backtest.markets import HOUR, START, drawn_market
from funding_platform_tests.flows.backtests.lakes import fill, row_of, setting

BARS = 24


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(data_dir=tmp_path / "data")
    fill(settings, drawn_market(3))
    return settings


def bars(table: Table, symbol: str, price: float, count: int = BARS, **more: Any) -> pl.DataFrame:
    opened = [START + number * HOUR for number in range(count)]
    frame = pl.DataFrame({"open_time": opened}).with_columns(
        (pl.col("open_time") + HOUR).alias("available_at")
    )
    values = {"open": price, "high": 2 * price, "low": price / 2, "close": price}
    return row_of(
        table, frame, venue="venue0", venue_symbol=symbol, observed_at=START, **values, **more
    )


def store(settings: Settings, *frames: tuple[Table, pl.DataFrame]) -> None:
    with Lake(settings) as lake, lake.commit("run", "candles") as transaction:
        for table, frame in frames:
            transaction.append(table, frame)


def symbol_of(settings: Settings) -> str:
    with connect(settings) as lake:
        sql = "SELECT min(venue_symbol) FROM core.instruments WHERE venue = 'venue0'"
        row = lake.execute(sql).fetchone()
    assert row is not None
    return str(row[0])


def frame_given(settings: Settings, monkeypatch: pytest.MonkeyPatch, **fields: Any) -> pl.DataFrame:
    """The prices that the provider is given."""
    given: dict[str, Any] = {}
    real = FundingDataProvider.from_frames

    def kept(*args: Any, **frames: Any) -> FundingDataProvider:
        given.update(frames)
        return real(*args, **frames)

    monkeypatch.setattr(FundingDataProvider, "from_frames", kept)
    config: BacktestConfig = setting(**fields)
    provider_from_lake(settings, config)
    prices = given["prices"]
    assert isinstance(prices, pl.DataFrame)
    return prices


def test_a_price_is_known_at_the_end_of_its_bar(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(settings, (PRICE_CANDLES, bars(PRICE_CANDLES, symbol_of(settings), 50.0, kind="mark")))
    prices = frame_given(settings, monkeypatch)
    assert prices["time"][0] == START + HOUR
    assert prices.select("price", "high", "low", "kind").unique().rows() == [
        (50.0, 100.0, 25.0, "mark")
    ]


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    ("counts", "chosen"),
    [
        ({"mark": 24, "index": 24, "trade": 24}, "mark"),
        ({"index": 24, "trade": 24}, "trade"),
        ({"index": 24}, "index"),
        ({"mark": 3, "trade": 24}, "trade"),
    ],
)
def test_one_kind_prices_an_instrument(
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    counts: dict[str, int],
    chosen: str,
) -> None:
    symbol = symbol_of(settings)
    store(
        settings,
        *(
            (PRICE_CANDLES, bars(PRICE_CANDLES, symbol, 50.0, count, kind=kind))
            for kind, count in counts.items()
        ),
    )
    prices = frame_given(settings, monkeypatch)
    assert prices["kind"].unique().to_list() == [chosen]
    assert prices.height == 24


def test_spot_markets_are_instruments_of_their_own(settings: Settings) -> None:
    symbol = symbol_of(settings)
    for quote, market in (("USDT", symbol), ("TRY", "B0TRY"), ("USDT", "1000B0USDT")):
        frame = bars(SPOT_CANDLES, market, 50.0, base="B0", quote=quote)
        store(settings, (SPOT_CANDLES, frame))
    data = provider_from_lake(settings, setting())
    spot = data.instruments.filter(contract_type="spot")
    assert spot.select("venue", "venue_symbol", "base", "multiplier").rows() == [
        ("venue0", f"1000B0USDT{candles.SPOT}", "B0", 1000.0),
        ("venue0", f"{symbol}{candles.SPOT}", "B0", 1.0),
    ]
    assert data.panel.facts.spot.sum() == 2
    others = provider_from_lake(settings, setting(venues=("venue1", "venue2")))
    assert not others.panel.facts.spot.any()


@pytest.mark.world
def test_spot_is_carried_against_the_perpetual_from_the_lake_alone(settings: Settings) -> None:
    symbol, hours = symbol_of(settings), 240
    same = {"base": "B0", "quote": "USDT"}
    store(
        settings,
        (PRICE_CANDLES, bars(PRICE_CANDLES, symbol, 50.0, hours, kind="mark")),
        (SPOT_CANDLES, bars(SPOT_CANDLES, symbol, 50.0, hours, **same)),
    )
    with connect(settings, read_only=False) as lake:
        lake.execute("UPDATE core.funding_rates SET mark_price = NULL, funding_rate = 0.001")
    carry = SpotPerpCarry(horizon_hours=48, entry_threshold=1e-4)
    config = setting(venues=("venue0",), bases=("B0",), strategy=carry, costs={})
    result = run_backtest(config, provider_from_lake(settings, config))
    assert result.trades.height > 0
    legs = result.trades.select("venue_symbol", "side", "price_source").unique()
    assert sorted(legs.rows()) == [
        (symbol, "short", "mark"),
        (f"{symbol}{candles.SPOT}", "long", "close"),
    ]
    assert result.trades["price_age_hours"].max() == 0.0
    assert result.trades["funding_usd"].sum() > 0
    assert result.trades["price_pnl_usd"].sum() == pytest.approx(0.0, abs=1e-9)


def test_a_spot_market_s_volume_is_that_of_its_last_24_bars(settings: Settings) -> None:
    symbol, hours = symbol_of(settings), 60
    frame = bars(SPOT_CANDLES, symbol, 50.0, hours, base="B0", quote="USDT").with_columns(
        volume_usd=pl.when(pl.int_range(hours) != 30).then(pl.int_range(hours) * 1e6)
    )
    store(settings, (SPOT_CANDLES, frame))
    data = provider_from_lake(settings, setting())
    (number,) = data.panel.facts.spot.nonzero()[0]
    volumes = data.panel.volumes
    rows = slice(volumes.first[number], volumes.first[number + 1])
    hour = (volumes.time_us[rows] - to_us(START)) / HOUR_US
    # Where a bar does not say its volume, the day that it belongs to has none.
    assert hour.tolist() == [*range(24, 31), *range(55, 61)]
    assert volumes.volume_usd[rows][0] == sum(range(24)) * 1e6
    assert volumes.volume_usd[rows][-1] == sum(range(36, 60)) * 1e6


def test_a_lake_without_candles_gives_no_prices(settings: Settings) -> None:
    data = provider_from_lake(settings, setting())
    assert not data.panel.facts.spot.any()
