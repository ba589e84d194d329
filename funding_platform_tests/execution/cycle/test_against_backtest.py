"""The same strategy object over the same market, in a backtest and on paper, to the cent.

Without fees, spread, latency and the limits of a book the two must agree in every position: when it
was opened and closed and why, what funding it received and what its prices brought. One thing
differs by design: a backtest puts the same dollars on both legs, a trader the same quantity of the
base. Where the venues' prices are alike that is the same; where they lie apart, each leg's figures
are to each other as the quantities are, which explains the whole difference. A venue may list
inverse contracts: the trader orders dollars there, and they bring what they bring in a backtest.
"""

import asyncio
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from itertools import permutations
from pathlib import Path

import polars as pl
import pytest

from funding_platform.backtest.data.provider import FundingDataProvider
from funding_platform.backtest.engine import run_backtest
from funding_platform.core.symbols import ContractType
from funding_platform.core.time_grid import to_us
from funding_platform.core.trading import InstrumentLimits
from funding_platform.execution.cycle.market import market_frame
from funding_platform.execution.cycle.sight import Sight
from funding_platform.execution.ledger import PairLedger, ledgers, live_ledgers
from funding_platform.execution.pair.pairs import InstrumentRef, LegName
from funding_platform.paper import PricedMarket
from funding_platform.strategies import CrossVenueCarry
from funding_platform_tests.backtest.markets import FREE, HOUR, START, funding_frame
from funding_platform_tests.backtest.markets import config as backtest_config
from funding_platform_tests.execution.cycle.paper_desk import (
    MovedClock,
    PaperVenues,
    config,
    desk,
)
from funding_platform_tests.execution.cycle.seen import opportunities, opportunity

HOURS = 72
INTERVALS = {"aster": 8, "binance": 8, "bybit": 4, "okx": 1}
BASES = ("BTC", "ETH", "SOL")
SIZE_USD = 1_000.0
CENT = 0.005

STRATEGY = CrossVenueCarry(entry_threshold=0.0005, erosion=0.5, max_age_hours=40, better_by=0.002)

UNHINDERED: Mapping[str, Mapping[str, object]] = {
    "sizes": {"position_usd": SIZE_USD},
    "limits": {
        "max_pairs": 10,
        "max_total_usd": 1e6,
        "max_venue_usd": 1e6,
        "max_base_usd": 1e6,
        "max_new_per_cycle": 10,
        "cooldown_minutes": 0,
    },
    "exits": {
        "on_flip": False,
        "erosion": None,
        "max_age_hours": None,
        "better_by": None,
        "venue_silent_minutes": None,
        "min_margin_ratio": None,
    },
}


@dataclass(frozen=True)
class Course:
    """A market of some days: prices by the hour, and settlements, by instrument.

    ``inverse`` are the venues whose contracts are.
    """

    prices: Mapping[tuple[str, str], Sequence[float]]
    rates: Mapping[tuple[str, str], Mapping[int, float]]
    inverse: frozenset[str] = frozenset()

    def kind(self, venue: str) -> ContractType:
        return "inverse" if venue in self.inverse else "linear"

    def settlements(self) -> Iterator[tuple[str, str, int, float]]:
        for (venue, base), rates in self.rates.items():
            for hour, rate in rates.items():
                yield venue, base, hour, rate


def drawn(seed: int, gap: float) -> Course:
    """Draw a market whose venues' prices lie up to ``gap`` apart, each by a share of its own."""
    draw = random.Random(seed)
    prices, rates = {}, {}
    for base in BASES:
        level = {"BTC": 60_000.0, "ETH": 3_000.0, "SOL": 150.0}[base]
        course = [level]
        for _ in range(HOURS):
            course.append(round(course[-1] * (1 + draw.gauss(0, 0.004)), 2))
        for venue, interval in INTERVALS.items():
            factor = 1 + draw.uniform(-gap, gap)
            prices[venue, base] = [round(price * factor, 2) for price in course]
            mean = draw.gauss(0, 3e-4)
            rates[venue, base] = {
                hour: round((mean + draw.gauss(0, 2e-4)) * interval / 8, 8)
                for hour in range(0, HOURS + 1, interval)
            }
    return Course(prices, rates)


def provider(path: Course) -> FundingDataProvider:
    rows = [
        (venue, f"{base}USDT", base, START + hour * HOUR, rate, float(INTERVALS[venue]), None)
        for venue, base, hour, rate in path.settlements()
    ]
    prices = pl.DataFrame(
        [
            (venue, f"{base}USDT", START + hour * HOUR, price)
            for (venue, base), course in path.prices.items()
            for hour, price in enumerate(course)
        ],
        schema=["venue", "venue_symbol", "time", "price"],
        orient="row",
    )
    instruments = pl.DataFrame(
        [(venue, f"{base}USDT", base, path.kind(venue)) for venue, base in path.prices],
        schema=["venue", "venue_symbol", "base", "contract_type"],
        orient="row",
    )
    return FundingDataProvider.from_frames(
        funding_frame(rows), prices=prices, instruments=instruments
    )


@dataclass
class ReplayedSight:
    """Sees of the path what was known at the clock's present, every pair an opportunity."""

    path: Course
    moved: MovedClock

    def look(self, held: Sequence[InstrumentRef]) -> Sight:
        hour = int((self.moved.at - START) / HOUR)
        rows = []
        for (venue, base), rates in self.path.rates.items():
            settled = max(known for known in rates if known <= hour)
            rows.append(
                {
                    "venue": venue,
                    "venue_symbol": f"{base}USDT",
                    "base": base,
                    "asset": base,
                    "contract_type": self.path.kind(venue),
                    "rate": rates[settled],
                    "interval_hours": float(INTERVALS[venue]),
                    "price": self.path.prices[venue, base][hour],
                    "fee_bps": 0.0,
                    "half_spread_bps": 0.0,
                    "seen_at": self.moved.at,
                }
            )
        offered = [
            opportunity(base, long, short, observed_at=self.moved.at)
            for base in BASES
            for long, short in permutations(INTERVALS, 2)
        ]
        return Sight(
            instruments=market_frame(pl.DataFrame(rows)),
            opportunities=opportunities(offered),
            opportunities_at=self.moved.at,
        )


def on_paper(path: Course, folder: Path) -> list[PairLedger]:
    """Trade the path hour by hour, and close what is left at its end."""
    fine = Decimal("1E-9")
    limits = {
        venue: {
            f"{base}USDT": InstrumentLimits(
                venue_symbol=f"{base}USDT",
                quantity_step=fine,
                price_step=fine,
                min_quantity=fine,
                contract_type=path.kind(venue),
            )
            for base in BASES
        }
        for venue in INTERVALS
    }
    markets = {venue: PricedMarket({}, of_venue) for venue, of_venue in limits.items()}
    venues = PaperVenues(MovedClock(START), markets)
    listed = [
        {"venue": venue, "venue_symbol": f"{base}USDT", "price": course[0]}
        for (venue, base), course in path.prices.items()
    ]
    venues.list_(listed, deposit=Decimal(100_000))
    for venue, base, hour, rate in path.settlements():
        mark = path.prices[venue, base][hour]
        at = START + hour * HOUR
        venues.settle(venue, f"{base}USDT", at, repr(rate), repr(mark))

    async def scenario() -> list[PairLedger]:
        source = ReplayedSight(path, venues.moved)
        traded = config(STRATEGY, **UNHINDERED)
        async with desk(folder, venues, source, traded) as made:
            journal = made.trader.journal
            for hour in range(HOURS + 1):
                venues.moved.move((START + hour * HOUR - venues.moved.at).total_seconds())
                for (venue, base), course in path.prices.items():
                    price = Decimal(repr(course[hour]))
                    venues.markets[venue].set_price(f"{base}USDT", price)
                await made.reconciler.reconcile()
                if hour < HOURS:
                    await made.trader.cycle()
            for pair in live_ledgers(journal):
                await made.trader.executor.close(pair.record.pair_id, "end of the run")
            await made.reconciler.reconcile()
            return ledgers(journal, journal.pairs())

    return asyncio.run(scenario())


def in_backtest(path: Course) -> pl.DataFrame:
    chosen = backtest_config(
        HOURS, strategy=STRATEGY, position_usd=SIZE_USD, costs=FREE, max_price_gap_bps=None
    )
    return run_backtest(chosen, provider(path)).trades


Name = tuple[str, str, str, datetime]
"""A pair by base, its venues and when it was opened."""


def legs_on_paper(pairs: Sequence[PairLedger]) -> dict[Name, dict[str, dict[str, float]]]:
    found = {}
    for pair in pairs:
        opened, closed = pair.record.opened_at, pair.record.closed_at
        assert opened is not None
        assert closed is not None
        name = (pair.record.base, pair.long.record.venue, pair.short.record.venue, _hour(opened))
        found[name] = {
            str(side): {
                "quantity": float(leg.opened),
                "funding": float(leg.funding_usd),
                "price": float(leg.cash_usd),
                "closed_us": to_us(_hour(closed)),
                "settlements": leg.settlements,
            }
            for side, leg in pair.legs.items()
        }
    return found


def _hour(moment: datetime) -> datetime:
    """Return the full hour that an order was sent after: it takes its seconds."""
    return START + round((moment - START) / HOUR) * HOUR


def legs_in_backtest(trades: pl.DataFrame) -> dict[Name, dict[str, dict[str, float]]]:
    found: dict[Name, dict[str, dict[str, float]]] = {}
    for _, legs in trades.group_by("position_id", maintain_order=True):
        sides = {row["side"]: row for row in legs.iter_rows(named=True)}
        long, short = sides["long"], sides["short"]
        found[long["base"], long["venue"], short["venue"], long["opened_at"]] = {
            side: {
                "quantity": row["quantity_base"],
                "funding": row["funding_usd"],
                "price": row["price_pnl_usd"],
                "closed_us": to_us(row["closed_at"]),
                "settlements": row["n_settlements"],
            }
            for side, row in sides.items()
        }
    return found


@pytest.mark.parametrize(
    ("seed", "inverse"),
    [
        (1, ()),
        (1, ("okx",)),
        pytest.param(2, (), marks=pytest.mark.world),
        pytest.param(2, ("aster", "okx"), marks=pytest.mark.world),
        pytest.param(3, tuple(INTERVALS), marks=pytest.mark.world),
    ],
)
def test_at_equal_prices_backtest_and_paper_agree_to_the_cent(
    seed: int, inverse: tuple[str, ...], tmp_path: Path
) -> None:
    path = replace(drawn(seed, gap=0.0), inverse=frozenset(inverse))
    simulated, traded = legs_in_backtest(in_backtest(path)), legs_on_paper(on_paper(path, tmp_path))
    assert len(simulated) >= 5, "a market in which nothing happens proves nothing"
    assert traded.keys() == simulated.keys()
    assert not inverse or any({long, short} & path.inverse for _, long, short, _ in traded)
    for name, legs in simulated.items():
        for side in map(str, LegName):
            mine, theirs = traded[name][side], legs[side]
            assert mine["closed_us"] == theirs["closed_us"], name
            assert mine["settlements"] == theirs["settlements"], name
            assert mine["quantity"] == pytest.approx(theirs["quantity"], abs=1e-8)
            assert mine["funding"] == pytest.approx(theirs["funding"], abs=CENT / 100), name
            assert mine["price"] == pytest.approx(theirs["price"], abs=CENT / 100), name


@pytest.mark.world
def test_at_prices_apart_the_quantities_explain_the_whole_difference(tmp_path: Path) -> None:
    path = drawn(4, gap=0.01)
    simulated, traded = legs_in_backtest(in_backtest(path)), legs_on_paper(on_paper(path, tmp_path))
    assert traded.keys() == simulated.keys()
    differences = 0
    for name, legs in simulated.items():
        bought, sold = traded[name]["long"]["quantity"], traded[name]["short"]["quantity"]
        assert bought == sold
        for side in map(str, LegName):
            mine, theirs = traded[name][side], legs[side]
            ratio = mine["quantity"] / theirs["quantity"]
            assert ratio <= 1 + 1e-9, "never more than the dollars that were asked for"
            differences += abs(mine["price"] - theirs["price"]) > CENT
            assert mine["funding"] == pytest.approx(ratio * theirs["funding"], abs=CENT / 100)
            assert mine["price"] == pytest.approx(ratio * theirs["price"], abs=CENT / 100)
    assert differences, "the prices lie apart, so something must differ"
