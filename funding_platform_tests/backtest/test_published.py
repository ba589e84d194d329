"""Published figures, from the data they were computed on."""

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from funding_platform.backtest.config import BacktestConfig
from funding_platform.backtest.data.provider import FundingDataProvider
from funding_platform.backtest.engine import run_backtest
from funding_platform.backtest.market import ReplayedMarket
from funding_platform.core.tables.schema import UTC_TIME
from funding_platform.strategies.contract import Book, Close, MarketView, Open, Order
from funding_platform_tests.backtest.markets import FREE

FIRST_ROW = datetime(2023, 8, 1, 2, 0, 21, tzinfo=UTC)
LAST_ROW = datetime(2024, 2, 28, 16, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
FEE, STOP_MARGIN = 0.001, 0.0625


class PublishedCarry:
    """Half spot, half short: the published rule, kept in its authors' own books.

    A settlement earns half its rate on collateral less half the relative move since entry. Where
    the move, either way, has eaten the margin to 6.25 % of collateral, the pair is closed, and at
    the next settlement reopened: the fee is paid, and what funding earned joins the collateral.
    The first settlement of the window only enters.
    """

    def __init__(self) -> None:
        self.collateral, self.funding, self.fee = 1.0, 0.0, FEE
        self.entry = math.nan
        self.rows, self.last_us, self.entries = 0, 0, 0

    @property
    def profit(self) -> float:
        return self.collateral - 1.0 + self.funding

    def decide(self, market: MarketView, book: Book) -> Iterator[Order]:
        assert isinstance(market, ReplayedMarket)  # the protocol does not say when a rate was seen
        if math.isnan(market.rate[0]) or market.seen_us[0] == self.last_us:
            return  # nothing has settled, or nothing since
        self.last_us = int(market.seen_us[0])
        self.rows += 1
        if self.rows == 1:
            return
        price, rate = float(market.price[0]), float(market.rate[0])
        if self.fee:
            self.collateral += self.funding - self.fee
            self.funding, self.entry = 0.0, price
            self.entries += 1
            yield Open(None, 0, size_usd=1_000 * self.collateral)
        move = price / self.entry - 1.0
        self.funding += (self.collateral - move / 2) * rate / 2
        margin = (self.collateral - abs(move) + self.funding) / self.collateral
        stopped = margin < self.collateral * STOP_MARGIN
        self.fee = FEE if stopped else 0.0
        if stopped:
            for position in book:
                yield Close(position.position_id, "stop")


def read_csv(folder: Path, name: str) -> pl.DataFrame:
    found = next(path for path in (folder / name, folder / f"{name}.gz") if path.exists())
    return pl.read_csv(found, infer_schema_length=None)


def at(column: str) -> pl.Expr:
    return pl.from_epoch(column, time_unit="ms").dt.replace_time_zone("UTC").cast(UTC_TIME)


def real_market(shared: Path, venue: str, symbol: str, *, priced: bool) -> FundingDataProvider:
    """One instrument's settlements, with the closes beside them as its only prices."""
    key = {"venue": pl.lit(venue), "venue_symbol": pl.lit(symbol), "base": pl.lit("X")}
    funding = read_csv(shared / "data" / "funding" / venue, f"{symbol}.csv").select(
        funding_time=at("funding_time_ms"),
        funding_rate="funding_rate",
        interval_hours=pl.col("interval_hours").cast(pl.Float64),
        **key,
    )
    if not priced:
        prices = funding.select("venue", "venue_symbol", "funding_time", price=pl.lit(100.0))
        return FundingDataProvider.from_frames(
            funding, prices=prices.rename({"funding_time": "time"})
        )
    closes = read_csv(shared / "data" / "prices" / venue, f"{symbol}_at-funding.csv").select(
        time=at("time_ms"), price=pl.col("close").cast(pl.Float64), **key
    )
    closes = closes.filter(pl.col("price") > 0)  # the source has one zero, in 2017
    return FundingDataProvider.from_frames(funding, prices=closes)


@pytest.mark.world
@pytest.mark.parametrize(
    ("venue", "symbol", "published"),
    [
        ("binance", "BTCUSDT", 0.021671),
        ("bitmex", "XBTUSD", 0.019742),
        ("drift", "BTC-PERP", 0.074997),
        ("binance", "XRPUSDT", 0.040764),
        ("bitmex", "XRPUSD", 0.158745),
    ],
)
def test_published_profits_of_spot_and_short(
    shared_dir: Path, venue: str, symbol: str, published: float
) -> None:
    strategy = PublishedCarry()
    window = real_market(shared_dir, venue, symbol, priced=True).load_data(FIRST_ROW, LAST_ROW)
    setting = BacktestConfig(
        start=FIRST_ROW,
        end=LAST_ROW + QUARTER,
        decision_hours=0.25,
        costs=FREE,
        margin={"leverage": 1.0},
        strategy=None,
    )
    result = run_backtest(setting, window, strategy)
    assert strategy.profit == pytest.approx(published, abs=5e-7)
    assert result.positions.height == strategy.entries
    assert result.identity_error <= 1e-12


def test_funding_alone_on_binance_btcusdt_is_the_sum_of_its_rates(shared_dir: Path) -> None:
    data = real_market(shared_dir, "binance", "BTCUSDT", priced=False)
    rates = data.funding_rates
    start, end = rates["funding_time"].min(), rates["funding_time"].max()

    class Short:
        def decide(self, market: MarketView, book: Book) -> Iterator[Order]:
            if not len(book):
                yield Open(None, 0)

    setting = BacktestConfig(
        start=start,
        end=end,
        position_usd=1_000.0,
        decision_hours=24,
        costs=FREE,
        strategy=None,
    )
    result = run_backtest(setting, data, Short())
    earned = rates["funding_rate"].to_list()[1:]  # opened at the first settlement
    assert result.trades["n_settlements"].to_list() == [len(earned)]
    assert result.equity["funding_usd"][-1] == pytest.approx(1_000 * math.fsum(earned), rel=1e-12)
