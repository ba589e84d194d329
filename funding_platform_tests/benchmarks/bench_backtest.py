"""The backtest's kernel in events and orders, and a whole run over three years of history.

``python -m funding_platform_tests.benchmarks.bench_backtest`` prints the rows that ``run`` returns.
vectorbt and backtrader are timed in the same run where they are installed (``pip install`` them);
without them the figures stand alone. The kernel is warm: compiling is not what is measured.
"""

import importlib.util
import resource
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import numpy as np
import polars as pl

from funding_platform.backtest import books as b
from funding_platform.backtest.compiled import compiled
from funding_platform.backtest.config import BacktestConfig
from funding_platform.backtest.engine import run_backtest
from funding_platform.backtest.fills import open_position
from funding_platform.backtest.kernel import advance, close_position
from funding_platform.backtest.panel import (
    US_PER_HOUR,
    Facts,
    Ints,
    Panel,
    Prices,
    Settlements,
    Volumes,
)
from funding_platform.backtest.provider import FundingDataProvider
from funding_platform.core.time_grid import HOUR, to_us
from funding_platform_tests.benchmarks.measurement import Measurement

START = datetime(2022, 1, 1, tzinfo=UTC)
LEGS = 400
HOURS = 3 * 365 * 24
ORDERS = 1_000_000
VENUES, BASES = 14, 300
INTERVALS = (8, 8, 8, 1, 4)
REPEATS = 3
FILES = ("funding.parquet", "instruments.parquet")


def hourly_panel(legs: int, hours: int) -> Panel:
    """Contracts that settle every hour, at prices that walk together; two per base."""
    random = np.random.default_rng(0)
    first = np.arange(legs + 1) * hours
    times = np.tile(to_us(START) + np.arange(hours) * US_PER_HOUR, legs)
    price = np.tile(100 * np.exp(np.cumsum(random.normal(0, 0.002, hours))), legs)
    return Panel(
        facts=Facts(
            venue=np.arange(legs) % VENUES,
            base=np.arange(legs) // 2,
            inverse=np.zeros(legs, dtype=np.bool_),
            spot=np.zeros(legs, dtype=np.bool_),
            step=np.zeros(legs),
        ),
        settlements=Settlements(
            first, times, times, random.normal(0, 1e-5, legs * hours), np.ones(legs * hours), price
        ),
        prices=Prices(first, times, price, np.zeros(legs * hours, dtype=np.int8)),
        volumes=Volumes(np.zeros(legs + 1, dtype=np.int64), np.empty(0, np.int64), np.empty(0)),
    )


def rules() -> b.Rules:
    """Fees, half-spread, linear impact, margins and rebalancing, all at work."""
    return b.Rules(
        fee_first=np.arange(VENUES + 1),
        fee_since_us=np.full(VENUES, to_us(START) - 1),
        fee_bps=np.full(VENUES, 5.0),
        half_spread=1e-4,
        impact_model=b.LINEAR_IMPACT,
        bps_per_million=2.0,
        depth_share=1e-3,
        borrow_apr=0.0,
        transfer_usd=1.0,
        leverage=2.0,
        maintenance_rate=0.02,
        penalty_rate=0.01,
        rebalance_threshold=0.5,
        capital_usd=1e9,
        max_venue_usd=1e18,
        stale_us=26 * US_PER_HOUR,
    )


def settlement_events(hours: int) -> tuple[float, int]:
    """Seconds of one core for all settlements of 400 open legs, and how many those were."""
    panel, law = hourly_panel(LEGS, hours), rules()
    took, begin_us = [], to_us(START)
    for _ in range(REPEATS + 1):
        books = b.empty_books(LEGS // 2, entries=LEGS * (hours + 100))
        books.entries["kind"] = 0  # memory that has been touched
        for number in range(LEGS // 2):
            one, other = 2 * number, 2 * number + 1
            open_position(panel, law, books, one, begin_us, one, other, 1e4, number)
        begin = perf_counter()
        done = advance(panel, law, books, begin_us + hours * US_PER_HOUR)
        took.append(perf_counter() - begin)
        assert done
    count = int((books.entries["kind"][: books.account[0]["n_entries"]] == b.SETTLEMENT).sum())
    return min(took[1:]), count


@compiled
def _trade(panel: Panel, law: b.Rules, books: b.Books, times: Ints) -> None:
    """Open a pair at each time and close the one before: four orders."""
    for number in range(len(times)):
        advance(panel, law, books, times[number])
        slot = 2 * (number % 2)
        close_position(panel, law, books, 2 - slot, times[number], b.RUN_ENDED)
        open_position(panel, law, books, slot, times[number], 0, 1, 1e4, number)


def order_seconds(orders: int) -> float:
    """Seconds of one core for that many orders, the settlements between them included."""
    panel, law = hourly_panel(2, HOURS), rules()
    times = to_us(START) + np.linspace(0, (HOURS - 30) * US_PER_HOUR, orders // 4).astype(np.int64)
    took = []
    for _ in range(REPEATS + 1):
        books = b.empty_books(2, entries=orders + 2 * HOURS + 1_000)
        books = b.with_room(books, orders // 2 + 10, 0)
        begin = perf_counter()
        _trade(panel, law, books, times)
        took.append(perf_counter() - begin)
        assert books.account[0]["n_closed"] == 2 * (len(times) - 1)
    return min(took[1:])


def vectorbt_seconds(orders: int) -> float:
    """The same number of orders in one asset, through vectorbt's compiled simulation."""
    import vectorbt

    price = hourly_panel(1, HOURS).prices.price
    closes = np.interp(np.linspace(0, HOURS - 1, orders), np.arange(HOURS), price)
    size = np.where(np.arange(orders) % 2 == 0, 1.0, -1.0)
    took = []
    for _ in range(REPEATS + 1):
        begin = perf_counter()
        portfolio = vectorbt.Portfolio.from_orders(
            closes, size, fees=5e-4, slippage=1e-4, init_cash=1e9
        )
        took.append(perf_counter() - begin)
        assert portfolio.orders.count() == orders
    return min(took[1:])


def backtrader_bars_per_second(bars: int) -> float:
    """Bars of two assets through backtrader, with a strategy that buys one and sells the other."""
    import backtrader
    import pandas as pd

    class Pair(backtrader.Strategy):  # type: ignore[misc]
        def next(self) -> None:
            if not self.getposition(self.datas[0]):
                self.buy(self.datas[0])
                self.sell(self.datas[1])

    price = hourly_panel(1, bars).prices.price
    index = pd.date_range(START.replace(tzinfo=None), periods=bars, freq="h")
    frame = pd.DataFrame(dict.fromkeys(("open", "high", "low", "close"), price), index=index)
    cerebro = backtrader.Cerebro(stdstats=False)
    for _ in range(2):
        cerebro.adddata(backtrader.feeds.PandasData(dataname=frame.assign(volume=0.0)))
    cerebro.addstrategy(Pair)
    begin = perf_counter()
    cerebro.run()
    return 2 * bars / (perf_counter() - begin)


def history(hours: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Three years of 14 venues and 300 bases with persistent funding, and their instruments."""
    random = np.random.default_rng(0)
    walks = [100 * np.exp(np.cumsum(random.normal(0, 0.005, hours))) for _ in range(BASES)]
    parts = []
    for venue in range(VENUES):
        interval = INTERVALS[venue % len(INTERVALS)]
        count = hours // interval
        kernel = np.exp(-np.arange(400) * interval / 200)
        kernel /= np.sqrt((kernel**2).sum())
        times = pl.datetime_range(
            START, START + (count - 1) * interval * HOUR, timedelta(hours=interval), eager=True
        )
        for base in range(BASES):
            level = 1 + np.convolve(random.normal(0, 1, count), kernel, mode="same")
            mark = walks[base][: count * interval : interval]
            parts.append(
                pl.DataFrame(
                    {
                        "funding_time": times,
                        "funding_rate": 1e-4 * interval / 8 * level,
                        "mark_price": mark * (1 + random.normal(0, 1e-4, count)),
                    }
                ).select(
                    pl.lit(f"venue{venue:02}").alias("venue"),
                    pl.lit(f"B{base:03}USDT").alias("venue_symbol"),
                    pl.lit(f"B{base:03}").alias("base"),
                    pl.all(),
                    pl.lit(float(interval)).alias("interval_hours"),
                )
            )
    whole = pl.concat(parts, rechunk=True)
    facts = whole.select("venue", "venue_symbol", "base").unique(maintain_order=True)
    return whole.drop("base"), facts


def write_history(hours: int, folder: str) -> None:
    """The history as two Parquet files."""
    for frame, name in zip(history(hours), FILES, strict=True):
        frame.write_parquet(Path(folder) / name)


def whole_run(hours: int, folder: str) -> tuple[float, float, int]:
    """Seconds from Parquet to a result, the process's peak in GiB, and settlements read."""
    rates, instruments = (Path(folder) / name for name in FILES)
    config = BacktestConfig(
        start=START,
        end=START + hours * HOUR,
        capital_usd=1e7,
        max_positions=200,
        costs={"flat_fee_bps": 5.0},  # type: ignore[arg-type]
    )
    facts = pl.read_parquet(instruments)
    month = START + 30 * 24 * HOUR
    early = pl.scan_parquet(rates).filter(pl.col("funding_time") < month).collect()
    compiling = FundingDataProvider.from_frames(early, facts)
    run_backtest(config.model_copy(update={"end": month}), compiling)
    begin = perf_counter()
    provider = FundingDataProvider.from_frames(pl.read_parquet(rates), facts)
    result = run_backtest(config, provider)
    took = perf_counter() - begin
    rows = provider.funding_rates.height
    assert result.identity_error < 1e-12
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30
    return took, peak, rows


def run(quick: bool = False) -> list[Measurement]:
    """The kernel beside its peers, then a whole run in a process of its own."""
    hours, orders = (HOURS // 50, ORDERS // 50) if quick else (HOURS, ORDERS)
    took, events = settlement_events(hours)
    bars = _peer("backtrader", lambda: backtrader_bars_per_second(HOURS // 5))
    traded = order_seconds(orders)
    peer = _peer("vectorbt", lambda: orders / vectorbt_seconds(orders))
    with TemporaryDirectory() as folder:
        _alone(write_history, hours, folder)
        seconds, peak, rows = _alone(whole_run, hours, folder)
    name = f"14 venues x 300 symbols, {hours / 8760:.2g} years ({rows / 1e6:.0f} M settlements)"
    return [
        Measurement("kernel, settlements of open legs; peer: backtrader's bars", events / took,
                    "events/s", 5e6, bars),
        Measurement("kernel, orders with fees, impact and margin; peer: vectorbt", orders / traded,
                    "orders/s", None, peer),
        Measurement(f"{name}: Parquet to result", seconds, "s", 20.0),
        Measurement(f"{name}: peak memory", peak, "GiB", 4.0),
    ]  # fmt: skip


def _alone(work: Callable[..., Any], *given: object) -> Any:
    """Done in a process of its own: the peak of memory is a mark that never falls."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work, *given).result()


def _peer(package: str, measured: Callable[[], float]) -> float | None:
    """What a peer does, where it is installed; otherwise says on stderr that it is not."""
    if importlib.util.find_spec(package) is None:
        print(f"{package} is not installed: no peer to set beside", file=sys.stderr)
        return None
    return measured()


if __name__ == "__main__":
    for line in run("--quick" in sys.argv):
        print(line, line.ratio)
