"""A small market with all that the marts must tell apart, and histories whose losses are known."""

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from funding_platform.core.tables.collected import FUNDING_RATES, INSTRUMENTS, MARKET_SNAPSHOTS
from funding_platform.core.tables.schema import Table
from funding_platform.core.time_grid import HOUR, floor_hour, month_start

NOW = datetime(2025, 3, 10, 12, 7, tzinfo=UTC)
"""When the newest snapshots were taken."""

HISTORY_START = datetime(2024, 10, 29, 8, tzinfo=UTC)

VENUES = {"binance": 8, "bybit": 8, "hyperliquid": 1, "okx": 4, "lighter": 1, "nowhere": 8}
"""Venues and their funding intervals; no fees are known of ``nowhere``."""

BASES = {"BTC": 90_000.0, "ETH": 3_000.0, "PEPE": 1e-5}

Row = dict[str, Any]


def frame_of(table: Table, rows: list[Row]) -> pl.DataFrame:
    """Rows as a frame of the table; what they leave out is null."""
    return pl.DataFrame(
        [{name: row.get(name) for name in table.column_names} for row in rows],
        schema=table.polars_schema,
    )


def instruments() -> pl.DataFrame:
    """Three bases at six venues, and instruments that must never be a leg."""
    rows = [
        _instrument(venue, f"{'1000' if base == 'PEPE' else ''}{base}", base=base)
        for venue in VENUES
        for base in BASES
    ]
    rows += [
        _instrument("okx", "BTC-EUR", quote="EUR"),
        _instrument("okx", "BTC-HALTED", status="halted"),
        _instrument("okx", "BTC-UNSEEN"),
        _instrument("okx", "BTC-NO-RATE"),
        _instrument("okx", "BTC-NO-INTERVAL"),
        _instrument("okx", "BTC-STALE"),
        _instrument("okx", "BTC-INVERSE", quote="USD", contract_type="inverse"),
    ]
    return frame_of(INSTRUMENTS, rows)


def snapshots(dice: random.Random) -> pl.DataFrame:
    """Three hours of every instrument but one; rates are few, so that some are equal."""
    rows = []
    for instrument in instruments().rows(named=True):
        symbol = instrument["venue_symbol"]
        if symbol == "BTC-UNSEEN":
            continue
        age = timedelta(hours=4) if symbol == "BTC-STALE" else timedelta(0)
        rows += [_snapshot(instrument, NOW - age - hours * HOUR, dice) for hours in range(3)]
    return frame_of(MARKET_SNAPSHOTS, rows)


@dataclass(frozen=True)
class History:
    """A settlement history and what was taken out of it."""

    kept: list[Row]
    lost: list[Row]


def histories(dice: random.Random) -> list[History]:
    """Histories with changes of interval, single losses, and a hole over whole months."""
    return [
        _history("binance", "BTC", [(8, 330), (1, 200), (4, 100)], dice),
        _history("hyperliquid", "BTC", [(8, 40), (1, 1500)], dice),
        _with_hole(
            _history("okx", "BTC", [(8, 380)], dice),
            datetime(2024, 11, 20, tzinfo=UTC),
            datetime(2025, 2, 3, tzinfo=UTC),
        ),
    ]


def _instrument(venue: str, symbol: str, *, base: str = "BTC", **changes: str) -> Row:
    return {
        "venue": venue,
        "venue_symbol": symbol,
        "base": base,
        "quote": "USDC" if venue == "hyperliquid" else "USDT",
        "multiplier": 1000.0 if base == "PEPE" else 1.0,
        "contract_type": "linear",
        "status": "trading",
        "first_seen_at": NOW,
        "last_seen_at": NOW,
        **changes,
    }


def _snapshot(instrument: Row, observed_at: datetime, dice: random.Random) -> Row:
    symbol = instrument["venue_symbol"]
    price = BASES[instrument["base"]] * instrument["multiplier"] * dice.uniform(0.99, 1.01)
    return {
        "venue": instrument["venue"],
        "venue_symbol": symbol,
        "snapshot_hour": floor_hour(observed_at),
        "predicted_rate": None if symbol == "BTC-NO-RATE" else dice.randrange(-4, 5) * 1e-4,
        "interval_hours": None if symbol == "BTC-NO-INTERVAL" else VENUES[instrument["venue"]],
        "next_funding_time": floor_hour(observed_at) + HOUR,
        "mark_price": dice.choice([price, price, price, None]),
        "index_price": price,
        "open_interest_usd": dice.choice([dice.uniform(1e5, 1e7), None]),
        "volume_24h_usd": dice.uniform(1e5, 1e7),
        "spread_bps": 1.0,
        "observed_at": observed_at + timedelta(seconds=dice.randrange(60)),
    }


def _history(
    venue: str, symbol: str, phases: list[tuple[int, int]], dice: random.Random
) -> History:
    """Phases of (interval in hours, settlements), about one settlement in ten lost.

    The first and the last settlement of a phase stay: how many were lost between two intervals
    cannot be told from what is left.
    """
    kept: list[Row] = []
    lost: list[Row] = []
    due = HISTORY_START
    for interval, count in phases:
        for number in range(count):
            due += interval * HOUR
            row = _settlement(venue, symbol, due + timedelta(seconds=dice.randrange(8)), interval)
            at_edge = number in (0, count - 1)
            (kept if at_edge or dice.random() > 0.1 else lost).append(row)
    return History(kept, lost)


def _with_hole(history: History, first: datetime, last: datetime) -> History:
    """The history without its settlements in ``[first, last)``."""
    inside = [row for row in history.kept if first <= row["funding_time"] < last]
    outside = [row for row in history.kept if not first <= row["funding_time"] < last]
    return History(outside, history.lost + inside)


def _settlement(venue: str, symbol: str, time: datetime, interval: int) -> Row:
    return {
        "venue": venue,
        "venue_symbol": symbol,
        "funding_time": time,
        "funding_rate": 1e-4,
        "interval_hours": float(interval),
        "interval_inferred": True,
        "venue_time": time,
        "observed_at": NOW,
    }


def settlements(histories: list[History]) -> pl.DataFrame:
    """What of the histories is stored."""
    return frame_of(FUNDING_RATES, [row for history in histories for row in history.kept])


def month_of(row: Row) -> datetime:
    """The month of a settlement."""
    return month_start(row["funding_time"])
