"""The kernel against an engine that shares nothing with it but the rules."""

from collections import Counter
from collections.abc import Iterator

import numpy as np
import polars as pl
import pytest

from funding_platform.backtest.data.provider import FundingDataProvider
from funding_platform.backtest.engine import run_backtest
from funding_platform.core.tables.backtests.ledgers import COMPONENTS
from funding_platform.strategies.contract import Book, Close, MarketView, Open, Order
from funding_platform_tests.backtest.markets import HOUR, START, config, funding_frame, settlement
from funding_platform_tests.backtest.slow_engine import Wish, run_slowly

HOURS = 160
VENUES = ("v1", "v4", "v8")


class Wishes:
    """Opens and closes at given times."""

    def __init__(self, wishes: list[Wish]) -> None:
        self.wishes = wishes

    def decide(self, market: MarketView, book: Book) -> Iterator[Order]:
        for position in book:
            if self.wishes[int(position.memo)][1] == market.time:
                yield Close(position.position_id, "told to")
        for number, (opened, _, base, long, short) in enumerate(self.wishes):
            if opened == market.time:
                legs = [market.index(venue, f"{base}-PERP") for venue in (long, short)]
                yield Open(legs[0], legs[1], memo=number)


def wild_market(generator: np.random.Generator) -> pl.DataFrame:
    """Two bases on three clocks, whose prices move enough to end in liquidation at times."""
    rows = []
    for base in ("X", "Y"):
        path = 100 * np.exp(np.cumsum(generator.normal(0, 0.05, HOURS + 1)))
        for interval, venue in zip((1, 4, 8), VENUES, strict=True):
            for hour in range(0, HOURS + 1, interval):
                mark = float(path[hour] * (1 + generator.normal(0, 0.02)))
                rate = float(generator.normal(0, 1e-3))
                rows.append(
                    settlement(venue, hour, rate, interval, mark, symbol=f"{base}-PERP", base=base)
                )
    return funding_frame(rows)


def drawn_wishes(generator: np.random.Generator) -> list[Wish]:
    wishes = []
    for _ in range(8):
        opened, held = int(generator.integers(HOURS - 10)), int(generator.integers(1, 90))
        long, short = generator.choice(VENUES, 2, replace=False).tolist()
        base = str(generator.choice(["X", "Y"]))
        wishes.append((START + opened * HOUR, START + (opened + held) * HOUR, base, long, short))
    return wishes


def test_the_kernel_agrees_with_the_slow_engine() -> None:
    seen: Counter[str] = Counter()
    for seed in range(40):
        generator = np.random.default_rng(seed)
        funding, wishes = wild_market(generator), drawn_wishes(generator)
        setting = config(
            HOURS,
            capital_usd=1e7,
            max_price_gap_bps=None,
            max_price_age_hours=8,
            costs={
                "flat_fee_bps": 4.0,
                "transfer_usd": 11.0,
                "slippage": {"half_spread_bps": 1.0},
            },
            margin={"leverage": 3, "rebalance_threshold": (None, 0.3, 0.6)[seed % 3]},
        )
        result = run_backtest(setting, FundingDataProvider.from_frames(funding), Wishes(wishes))
        expected = pl.DataFrame(run_slowly(setting, funding, wishes))
        key = ["opened_at", "base", "venue", "side", "closed_at", "funding_usd"]
        mine, theirs = result.trades.sort(key), expected.sort(key)
        same = ["opened_at", "closed_at", "base", "venue", "side", "exit_reason", "n_settlements"]
        assert mine.select(same).rows() == theirs.select(same).rows(), seed
        for name in COMPONENTS:
            assert mine[name].to_list() == pytest.approx(
                theirs[name].to_list(), rel=1e-9, abs=1e-9
            ), (seed, name)
        assert result.identity_error < 1e-12
        seen.update(mine["exit_reason"].to_list())
        seen["rebalance"] += result.ledger.filter(kind="rebalance").height
    assert all(seen[what] > 10 for what in ("liquidation", "told to", "rebalance")), seen
