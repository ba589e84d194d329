"""A lake of half a year of losses, and what may happen to it between two builds of the marts."""

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import polars as pl

from funding_platform.core.tables.collected import (
    FUNDING_RATES,
    LISTINGS,
)
from funding_platform.core.time_grid import HOUR, Window, next_month
from funding_platform.lake.writer import Lake, Scope
from funding_platform_tests.dbt.market import Row, frame_of

START = datetime(2025, 1, 3, tzinfo=UTC)
END = datetime(2025, 6, 10, 8, tzinfo=UTC)
VENUES = {"binance": 8, "bybit": 4, "hyperliquid": 1}
SYMBOLS = ("BTC", "ETH", "SHARE", "OTHER SHARE")


def settlement(venue: str, symbol: str, due: datetime, dice: random.Random) -> Row:
    hours = VENUES[venue]
    return {
        "venue": venue, "venue_symbol": symbol, "funding_time": due, "venue_time": due,
        "funding_rate": dice.choice([1e-4 * hours / 8, round(dice.gauss(0, 1e-4), 8)]),
        "interval_hours": dice.choice([float(hours)] * 30 + [None]), "interval_inferred": False,
        "observed_at": END,
    }  # fmt: skip


def settlements(start: datetime, end: datetime, dice: random.Random) -> Iterator[Row]:
    """What is due in a span, with losses, and with a month or two that nothing is stored of."""
    for venue, hours in VENUES.items():
        for symbol in SYMBOLS:
            due, lost = start, dice.randrange(1, 9)
            while due < end:
                closed = "SHARE" in symbol and due.weekday() >= 5
                if dice.random() > 0.03 and due.month != lost and not closed:
                    yield settlement(venue, symbol, due, dice)
                due += hours * HOUR


def instrument(venue: str, symbol: str) -> Row:
    return {
        "venue": venue, "venue_symbol": symbol, "base": symbol, "quote": "USDT", "multiplier": 1.0,
        "contract_type": "linear", "status": "trading", "interval_hours": float(VENUES[venue]),
        "asset_class": "equity" if "SHARE" in symbol else "crypto", "listed_at": START - 50 * HOUR,
        "first_seen_at": START, "last_seen_at": END,
    }  # fmt: skip


def collected(venue: str) -> Row:
    return {
        "run_id": venue, "venue": venue, "dataset": "core.funding_rates", "status": "success",
        "started_at": END, "finished_at": END, "rows_written": 1, "requests": 1,
        "window_start": START, "window_end": END,
    }  # fmt: skip


def replaced_whole(lake: Lake, dice: random.Random) -> None:
    """A month that is fetched again, with other rates, losses and settlements than before."""
    venue, month = dice.choice([*VENUES]), datetime(2025, dice.randrange(1, 7), 1, tzinfo=UTC)
    window = Window(month, next_month(month))
    rows = [row for row in settlements(*bounds(window), dice) if row["venue"] == venue]
    scope = Scope({"venue": venue}, "funding_time", window)
    with lake.commit("refetch", f"{venue} {window}") as transaction:
        transaction.replace(FUNDING_RATES, frame_of(FUNDING_RATES, rows), scope, proven_empty=True)


def bounds(window: Window) -> tuple[datetime, datetime]:
    return max(window.start, START), min(window.end, END)


def appended(lake: Lake, dice: random.Random) -> None:
    """Hours that are new, or lie before all that was known."""
    start = dice.choice([END, START - timedelta(days=40)])
    rows = [*settlements(start, start + 30 * HOUR, dice)]
    with lake.commit("append", "some hours") as transaction:
        transaction.upsert(FUNDING_RATES, frame_of(FUNDING_RATES, rows))


def corrected(lake: Lake, dice: random.Random) -> None:
    """Single settlements with another rate, and the interval unknown."""
    stored = lake.rows(FUNDING_RATES).sample(5, seed=dice.randrange(100))
    changed = stored.with_columns(
        funding_rate=pl.lit(dice.gauss(0, 1e-3)), interval_hours=pl.lit(None, pl.Float64())
    )
    with lake.commit("correct", "some settlements") as transaction:
        transaction.upsert(FUNDING_RATES, changed)


def deleted(lake: Lake, dice: random.Random) -> None:
    """Single settlements, or all that an instrument has."""
    symbol = dice.choice(SYMBOLS)
    which = dice.choice(["hash(funding_time) % 50 = 0", f"venue_symbol = '{symbol}'"])
    venue = dice.choice([*VENUES])
    with lake.commit("delete", which):
        lake.connection.execute(
            f"DELETE FROM core.funding_rates WHERE venue = '{venue}' AND {which}"
        )


def relisted(lake: Lake, dice: random.Random) -> None:
    """A ticker that was another contract's."""
    venue, symbol = dice.choice([*VENUES]), dice.choice(SYMBOLS)
    since = START + timedelta(days=dice.randrange(20, 150))
    rows = [
        {**instrument(venue, symbol), "listed_at": at, "first_seen_at": at, "last_seen_at": END}
        for at in (START - 9 * HOUR, since)
    ]
    with lake.commit("list", f"{venue} {symbol}") as transaction:
        transaction.upsert(LISTINGS, frame_of(LISTINGS, rows))


CHANGES: tuple[Callable[[Lake, random.Random], None], ...] = (
    replaced_whole,
    appended,
    corrected,
    deleted,
    relisted,
)
