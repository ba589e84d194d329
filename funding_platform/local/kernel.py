"""``python -m funding_platform.local.kernel PARENT``: the backtest's machine code, made beside.

On a machine that has never run a backtest, its kernel takes some twenty seconds to compile. Whoever
will run one after minutes of other work has it compiled meanwhile, by a process of its own, which
ends with it. What is compiled lies on disk for all.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import polars as pl

from funding_platform.backtest import BacktestConfig, FundingDataProvider, run_backtest
from funding_platform.core.system.processes import die_with_parent
from funding_platform.local.supervisor import python_module
from funding_platform.strategies import Book, Close, MarketView, Open, Order

_START = datetime(2026, 1, 1, tzinfo=UTC)
_HOURS = 48


@contextmanager
def compiled_beside() -> Iterator[Callable[[], object]]:
    """Have the kernel compiled while the context lasts; yields what waits for it.

    How it went is nobody's concern: a backtest compiles what it does not find.
    """
    command = python_module("funding_platform.local.kernel", str(os.getpid()))
    quiet = subprocess.DEVNULL
    compiler = subprocess.Popen(command, stdout=quiet, stderr=quiet)  # noqa: S603 - our own
    try:
        yield compiler.wait
    finally:
        compiler.kill()
        compiler.wait()


class OpenAndClose:
    """Open the one pair that there is, and close it six hours later."""

    def decide(self, market: MarketView, book: Book) -> Iterator[Order]:
        """Give the order of the hour."""
        for position in book:
            if market.time - position.ordered_at > timedelta(hours=6):
                yield Close(position.position_id, "seen enough")
        if not list(book):
            yield Open(long=0, short=1)


def compile_kernel() -> None:
    """Run a small backtest in which everything happens that the kernel can do."""
    hours = [_START + timedelta(hours=number) for number in range(_HOURS + 1)]
    rows = [
        (venue, "BTC-PERP", "BTC", hour, rate, 1.0, 90_000.0 + number)
        for venue, rate in (("binance", 1e-4), ("okx", 2e-4))
        for number, hour in enumerate(hours)
    ]
    names = ["venue", "venue_symbol", "base", "funding_time", "funding_rate", "interval_hours"]
    frame = pl.DataFrame(rows, schema=[*names, "mark_price"], orient="row")
    config = BacktestConfig(start=hours[0], end=hours[-1], costs={"flat_fee_bps": 5.0})
    run_backtest(config, FundingDataProvider.from_frames(frame), OpenAndClose())


if __name__ == "__main__":
    die_with_parent(int(sys.argv[1]))
    compile_kernel()
