"""The legs of opportunities in plain Python: what a venue shows, its fees, and what it settled.

Every hour and every settlement is looked at for itself.
"""

import csv
import math
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from funding_platform.core.time_grid import HOUR
from funding_platform_tests.dbt.forked import PROJECT

Row = dict[str, Any]

DOLLARS = {
    *("USD", "USDT", "USDC", "USDT0", "USDe", "USDE", "FDUSD", "USDS", "USDB", "DAI"),
    *("BUSD", "TUSD", "USD1", "USDH"),
}
SLACK = timedelta(minutes=30)


def base_fees() -> dict[str, tuple[float, float]]:
    """Maker and taker of the base tier now, by venue, from the seed."""
    with (PROJECT / "seeds/fee_schedules.csv").open(encoding="utf-8", newline="") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: row["effective_from"])
    return {
        row["venue"]: (float(row["maker_bps"]), float(row["taker_bps"]))
        for row in rows
        if row["tier"] == "base"
    }


def slow_legs(
    instruments: list[Row], snapshots: list[Row], settlements: list[Row], books: list[Row]
) -> Iterator[Row]:
    """Listed, dollar-quoted instruments that were seen, with their past."""
    market = {_of(row): row for row in sorted(snapshots, key=lambda row: row["snapshot_hour"])}
    history = defaultdict(list)
    for row in sorted(settlements, key=lambda row: row["funding_time"]):
        history[_of(row)].append(row)
    now = max(market[_of(row)]["observed_at"] for row in instruments if _of(row) in market)
    as_of = max((row["funding_time"] for row in settlements), default=now)
    fees = base_fees()
    measured = {_of(row): row for row in sorted(books, key=lambda row: row["snapshot_hour"])}
    for instrument in instruments:
        seen = market.get(_of(instrument))
        listed = instrument["status"] != "delisted" and instrument["quote"] in DOLLARS
        if seen is None or not listed:
            continue
        interval, mark = seen["interval_hours"], seen["mark_price"]
        rate = seen["predicted_rate"]
        maker, taker = fees.get(instrument["venue"], (None, None))
        past = history[_of(instrument)]
        patience = timedelta(hours=3) if interval is None else interval * HOUR + SLACK
        yield {
            "asset": f"{instrument['base']} {instrument['asset_class'] or 'crypto'}",
            **{name: instrument[name] for name in ("base", "quote", "status", "venue")},
            **{name: seen[name] for name in ("next_funding_time", "spread_bps", "observed_at")},
            **{name: seen[name] for name in ("open_interest_usd", "volume_24h_usd")},
            "symbol": instrument["venue_symbol"],
            "rate": rate,
            "interval": interval,
            "rate_8h": None if None in (rate, interval) else rate / interval * 8,
            "mark": None if mark is None else mark / instrument["multiplier"],
            "fee_tier": None if taker is None else "base",
            "maker_bps": maker,
            "taker_bps": taker,
            "impacts": _impacts(measured.get(_of(instrument)), now),
            "stale": now - seen["observed_at"] > patience,
            "settled": {days: _settled(past, as_of, days, interval) for days in (7, 30)},
            "hours": _hours(past, as_of),
            "paid_hours": max((paid for _, paid in _paid_hours(past, as_of)), default=1),
        }


def _impacts(book: Row | None, now: datetime) -> dict[float, float]:
    """What a trade moves a book that was measured within three hours, by the sizes it took."""
    if book is None or now - book["observed_at"] > timedelta(hours=3):
        return {}
    half_spread = (book["ask"] - book["bid"]) / book["mid"] * 1e4 / 2
    return {
        size: (book[f"buy_{name}_bps"] + book[f"sell_{name}_bps"]) / 2 - half_spread
        for name, size in (("1k", 1e3), ("10k", 1e4), ("100k", 1e5), ("1m", 1e6))
        if None not in (book[f"buy_{name}_bps"], book[f"sell_{name}_bps"])
    }


def _of(row: Row) -> tuple[str, str]:
    return row["venue"], row["venue_symbol"]


def _settled(past: list[Row], as_of: datetime, days: int, interval: float | None) -> float | None:
    """The sum of a period's settlements, if none of them is missing."""
    start = as_of - timedelta(days=days)
    inside = [row for row in past if start < row["funding_time"] <= as_of]
    if not inside or any(row["interval_hours"] is None for row in inside):
        return None
    begun = inside[0]["funding_time"] - inside[0]["interval_hours"] * HOUR
    gaps = (
        abs(after["funding_time"] - before["funding_time"] - after["interval_hours"] * HOUR)
        for before, after in pairwise(inside)
    )
    due = inside[-1]["funding_time"] + max(inside[-1]["interval_hours"], interval or 0) * HOUR
    shortest = min(row["interval_hours"] for row in inside) * HOUR
    if begun > start + SLACK or due <= as_of - SLACK or any(gap >= shortest / 2 for gap in gaps):
        return None
    return math.fsum(row["funding_rate"] for row in inside)


def _paid_hours(past: list[Row], as_of: datetime) -> Iterator[tuple[Row, int]]:
    """The settlements of the last 7 days, and the hours that each pays for."""
    start = as_of - timedelta(days=7)
    for row in past:
        if start < row["funding_time"] <= as_of and row["interval_hours"] is not None:
            yield row, max(round(row["interval_hours"]), 1)


def _hours(past: list[Row], as_of: datetime) -> dict[datetime, int]:
    """Funding of each hour of the last 7 days, in 1e-12, by the end of the hour."""
    start = as_of - timedelta(days=7)
    shares: dict[datetime, float] = defaultdict(float)
    for row, paid in _paid_hours(past, as_of):
        last = row["funding_time"] + SLACK
        last = last.replace(minute=0, second=0, microsecond=0)
        for number in range(paid):
            shares[last - number * HOUR] += row["funding_rate"] / paid
    return {hour: round(share * 1e12) for hour, share in shares.items() if hour > start}
