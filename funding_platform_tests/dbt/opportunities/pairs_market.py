"""A random market in which every reason for and against a pair occurs."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from funding_platform.core.tables.books.depth import ORDER_BOOK_DEPTH
from funding_platform.core.tables.collected import FUNDING_RATES, INSTRUMENTS, MARKET_SNAPSHOTS
from funding_platform.core.time_grid import HOUR, floor_hour
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings
from funding_platform_tests.dbt.market import Row, frame_of

NOW = datetime(2025, 3, 10, 12, 7, 31, 250_000, tzinfo=UTC)

INTERVALS = {
    "binance": 8.0,
    "bybit": 8.0,
    "deribit": 8.0,
    "nowhere": 8.0,
    "okx": 4.0,
    "hyperliquid": 1.0,
    "lighter": 1.0,
    "paradex": 0.5,
}
"""Venues and their hours between settlements; no fees are known of ``nowhere``."""

SIZES = {"1k": 1e3, "10k": 1e4, "100k": 1e5, "1m": 1e6}
BASES = {"BTC": 90_000.0, "ETH": 3_000.0, "PEPE": 1e-5, "SOL": 150.0}


def fill(settings: Settings, *, seed: int) -> None:
    """Put the market into a new lake."""
    dice = random.Random(seed)
    coins = [_instrument(venue, base, dice) for venue in INTERVALS for base in BASES]
    coins += [_instrument("okx", "BTC", dice, venue_symbol="BTC-EUR", quote="EUR")]
    coins += [_instrument("okx", "BTC", dice, venue_symbol="BTC-OLD", status="delisted")]
    seen, past = _drawn(coins, dice)
    shares = [
        _instrument(venue, "ETH", dice, venue_symbol="ETH-S", asset_class="equity")
        for venue in ("binance", "bybit")
    ]
    seen_of_shares, past_of_shares = _drawn(shares, dice)
    with Lake(settings) as lake, lake.commit("run-1", "a market") as transaction:
        transaction.append(INSTRUMENTS, frame_of(INSTRUMENTS, coins + shares))
        transaction.append(MARKET_SNAPSHOTS, frame_of(MARKET_SNAPSHOTS, seen + seen_of_shares))
        transaction.append(FUNDING_RATES, frame_of(FUNDING_RATES, past + past_of_shares))
        books = [
            book for one in coins + shares for book in _books(one, random.Random(f"{seed} {one}"))
        ]
        transaction.append(ORDER_BOOK_DEPTH, frame_of(ORDER_BOOK_DEPTH, books))


def _drawn(listed: list[Row], dice: random.Random) -> tuple[list[Row], list[Row]]:
    """What is seen of instruments, and what they settled."""
    levels = {
        (row["venue"], row["venue_symbol"]): dice.choice([1e-4, 1e-4, -3e-4, dice.gauss(0, 5e-4)])
        for row in listed
    }
    seen = [_snapshot(row, levels, dice) for row in listed]
    return seen, [settled for row in listed for settled in _history(row, levels, dice)]


def an_hour_later(snapshots: pl.DataFrame) -> pl.DataFrame:
    """The same market seen again an hour on, at the same rates."""
    times = pl.col("snapshot_hour", "observed_at") + timedelta(hours=1)
    return snapshots.with_columns(times)


def _instrument(venue: str, base: str, dice: random.Random, **changes: str) -> Row:
    return {
        "venue": venue,
        "venue_symbol": base,
        "base": base,
        "quote": dice.choice(["USD", "USDT", "USDC"]),
        "multiplier": dice.choice([1.0, 1000.0]),
        "contract_type": "linear",
        "status": dice.choice(["trading"] * 9 + ["halted"]),
        "first_seen_at": NOW,
        "last_seen_at": NOW,
        **changes,
    }


def _snapshot(listed: Row, levels: dict[tuple[str, str], float], dice: random.Random) -> Row:
    """What a venue shows: at times something is missing, old, or on an odd clock."""

    def mostly(value: Any, otherwise: Any = None, share: float = 0.9) -> Any:
        return value if dice.random() < share else otherwise

    interval = INTERVALS[listed["venue"]]
    age = mostly(timedelta(seconds=dice.randrange(90)), timedelta(hours=dice.choice([2, 9])), 0.9)
    observed_at = NOW - age
    into = (observed_at - observed_at.replace(hour=0, minute=0)) % (interval * HOUR)
    due = (observed_at + interval * HOUR - into).replace(second=0, microsecond=0)
    level = levels[listed["venue"], listed["venue_symbol"]] * interval / 8
    rate = mostly(level, level + dice.gauss(0, 1e-4), 0.5)
    price = BASES[listed["base"]] * listed["multiplier"]
    return {
        "venue": listed["venue"],
        "venue_symbol": listed["venue_symbol"],
        "snapshot_hour": floor_hour(observed_at),
        "predicted_rate": mostly(rate),
        "interval_hours": mostly(interval),
        "next_funding_time": mostly(mostly(due, due - 24 * HOUR)),
        "mark_price": mostly(mostly(price * dice.uniform(0.999, 1.001), price * 1.02)),
        "open_interest_usd": mostly(dice.lognormvariate(14, 2)),
        "volume_24h_usd": mostly(mostly(dice.lognormvariate(16, 2), 0.0)),
        "spread_bps": mostly(mostly(dice.uniform(0, 4), -1.0)),
        "observed_at": observed_at,
    }


def _books(listed: Row, dice: random.Random) -> list[Row]:
    """Measurements of a book: of some none, of some only old ones, of some it holds little."""
    price = BASES[listed["base"]]
    half = dice.choice([0.5, 2.0, 7.5])
    slope = dice.choice([1e-5, 1e-4, 2e-3])
    reached = dice.choice([1e3, 1e4, 1e5, 1e6, 1e6])
    rows = []
    for age in dice.choice([(), (0.5,), (2.9, 0.1), (3.2,), (30,)]):
        observed_at = NOW - age * HOUR
        costs = {
            f"{verb}_{name}_bps": half + factor * slope * size**0.9 if size <= reached else None
            for verb, factor in (("buy", 1.0), ("sell", 1.3))
            for name, size in SIZES.items()
        }
        rows.append(
            {
                "venue": listed["venue"],
                "venue_symbol": listed["venue_symbol"],
                "snapshot_hour": floor_hour(observed_at),
                "bid": price * (1 - half / 1e4),
                "ask": price * (1 + half / 1e4),
                "mid": price,
                **costs,
                "bid_levels": 10,
                "ask_levels": 10,
                "observed_at": observed_at,
                "available_at": observed_at,
            }
        )
    return rows


def _history(listed: Row, levels: dict[tuple[str, str], float], dice: random.Random) -> list[Row]:
    """Settlements up to now around a level; of some instruments one or the beginning is missing."""
    interval = INTERVALS[listed["venue"]]
    days = dice.choice([3, 20, 40, 40, 40])
    count = int(days * 24 / interval)
    last = floor_hour(NOW) - (NOW.hour % interval) * HOUR
    lost = dice.randrange(count) if dice.random() < 0.2 else None
    level = levels[listed["venue"], listed["venue_symbol"]]
    rows, deviation = [], 0.0
    for number in range(count):
        deviation = 0.9 * deviation + dice.gauss(0, 5e-5)
        due = last - (count - 1 - number) * interval * HOUR
        if number != lost:
            rows.append(
                {
                    "venue": listed["venue"],
                    "venue_symbol": listed["venue_symbol"],
                    "funding_time": due
                    + timedelta(seconds=dice.randrange(3) * (number < count - 1)),
                    "funding_rate": (level + deviation) * interval / 8,
                    "interval_hours": interval,
                    "interval_inferred": False,
                    "venue_time": due,
                    "observed_at": NOW,
                }
            )
    return rows
