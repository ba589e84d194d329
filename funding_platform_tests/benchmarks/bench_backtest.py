"""The backtest's kernel, in settlements and in orders.

``python -m funding_platform_tests.benchmarks.bench_backtest`` prints the rows that ``run`` returns.
vectorbt and backtrader are timed in the same run where they are installed (extra ``bench``);
without them the figures stand alone. All are warm: compiling is not what is measured.

What is compared: ``Portfolio.from_orders`` fills a given array of orders at given prices, with a
proportional fee and slippage, into one cash account; nearly all of its time is its compiled loop.
Ours, called from compiled code likewise, also looks the fee of venue and time up, works impact out
from size, rounds to the order step, checks venue caps and free collateral, settles funding on both
legs' clocks in between, and writes every amount into trades and ledger. backtrader calls a
strategy's Python method per bar; the settlements are walked without a strategy.
"""

import importlib.util
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from time import perf_counter

import numpy as np

from funding_platform.backtest import books as b
from funding_platform.backtest.data.coins import NO_COIN, Coins
from funding_platform.backtest.data.panel import (
    Facts,
    Panel,
    Prices,
    Settlements,
    Volumes,
    sealed,
)
from funding_platform.backtest.data.reference import build_reference
from funding_platform.backtest.kernel.clock import advance
from funding_platform.backtest.kernel.closing import close_position
from funding_platform.backtest.kernel.opening import open_position
from funding_platform.core.arrays import Ints
from funding_platform.core.market.price_gap import MAX_PRICE_GAP_BPS
from funding_platform.core.system.compiled import compiled
from funding_platform.core.time_grid import HOUR_US, to_us
from funding_platform_tests.benchmarks.measurement import Measurement

START = datetime(2022, 1, 1, tzinfo=UTC)
LEGS = 400
HOURS = 3 * 365 * 24
ORDERS = 1_000_000
VENUES = 14
REPEATS = 3


def hourly_panel(legs: int, hours: int) -> Panel:
    """Contracts that settle every hour, at prices that walk together; two per base."""
    random = np.random.default_rng(0)
    first = np.arange(legs + 1) * hours
    times = np.tile(to_us(START) + np.arange(hours) * HOUR_US, legs)
    price = np.tile(100 * np.exp(np.cumsum(random.normal(0, 0.002, hours))), legs)
    base = np.arange(legs) // 2
    return sealed(
        Panel(
            facts=Facts(
                venue=np.arange(legs) % VENUES,
                base=base,
                inverse=np.zeros(legs, dtype=np.bool_),
                spot=np.zeros(legs, dtype=np.bool_),
                step=np.zeros(legs),
            ),
            settlements=Settlements(
                first,
                times,
                times,
                random.normal(0, 1e-5, legs * hours),
                np.ones(legs * hours),
                price,
            ),
            prices=Prices(
                first, times, price, np.zeros(legs * hours, dtype=np.int8), *np.empty((2, 0))
            ),
            volumes=Volumes(np.zeros(legs + 1, dtype=np.int64), np.empty(0, np.int64), np.empty(0)),
            reference=build_reference(base, first, times, price),
            coins=Coins(
                np.full(legs, NO_COIN), np.zeros(1, np.int64), np.empty(0, np.int64), np.empty(0)
            ),
        )
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
        transfer_us=0,
        leverage=2.0,
        tier_first=3 * np.arange(VENUES + 1),
        tier_from=np.tile([0.0, 50_000.0, 250_000.0], VENUES),
        tier_rate=np.tile([0.005, 0.01, 0.02], VENUES),
        tier_amount=np.tile([0.0, 250.0, 2_750.0], VENUES),
        cross=np.zeros(VENUES, dtype=np.bool_),
        penalty_rate=0.01,
        rebalance_threshold=0.5,
        capital_usd=1e9,
        max_venue_usd=1e18,
        stale_us=26 * HOUR_US,
        price_age_us=HOUR_US,
        price_gap_bps=MAX_PRICE_GAP_BPS,
        stops_us=np.full(LEGS, b.NEVER),
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
        done = advance(panel, law, books, begin_us + hours * HOUR_US)
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
    times = to_us(START) + np.linspace(0, (HOURS - 30) * HOUR_US, orders // 4).astype(np.int64)
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


def run(quick: bool = False) -> list[Measurement]:
    """Settlements and orders per second, beside backtrader's bars and vectorbt's orders."""
    hours, orders = (HOURS // 50, ORDERS // 50) if quick else (HOURS, ORDERS)
    took, events = settlement_events(hours)
    bars = _peer("backtrader", lambda: backtrader_bars_per_second(HOURS // 5))
    traded = order_seconds(orders)
    peer = _peer("vectorbt", lambda: orders / vectorbt_seconds(orders))
    return [
        Measurement("settlements of open legs, with margin; peer: backtrader's bars", events / took,
                    "events/s", bars, least_ratio=300),
        Measurement("orders with fees, impact and margin; peer: vectorbt", orders / traded,
                    "orders/s", peer, least_ratio=1.2),
    ]  # fmt: skip


def _peer(package: str, measured: Callable[[], float]) -> float | None:
    """What a peer does, where it is installed; otherwise says on stderr that it is not."""
    if importlib.util.find_spec(package) is None:
        print(f"{package} is not installed: no peer to set beside", file=sys.stderr)
        return None
    return measured()


if __name__ == "__main__":
    for line in run("--quick" in sys.argv):
        print(line, line.ratio)
