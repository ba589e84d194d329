"""The engine again, slowly: plain Python over one list of events, every sum by ``math.fsum``.

It knows one clock for all legs of a base, linear contracts, margins, liquidation and rebalancing,
flat fees and a half-spread, and nothing of the kernel's records, cursors or walks.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from statistics import median
from typing import Any

import polars as pl

from funding_platform.backtest.config import BacktestConfig


@dataclass
class SlowLeg:
    venue: str
    base: str
    sign: int
    size: float
    entry: float
    opened: datetime
    collateral: float
    margin: float
    guarded: bool = True  # rebalanced at the threshold
    funding: list[float] = field(default_factory=list)
    fees: list[float] = field(default_factory=list)
    slippage: list[float] = field(default_factory=list)
    penalty: float = 0.0
    transfers: float = 0.0
    closed: datetime | None = None
    exit: float = math.nan
    reason: str = ""

    def value(self, price: float) -> float:
        return self.margin + self.sign * self.size * (price - self.entry)

    def row(self) -> dict[str, Any]:
        return {
            "venue": self.venue,
            "base": self.base,
            "side": "long" if self.sign > 0 else "short",
            "opened_at": self.opened,
            "closed_at": self.closed,
            "funding_usd": math.fsum(self.funding),
            "price_pnl_usd": self.sign * self.size * (self.exit - self.entry),
            "fees_usd": math.fsum(self.fees),
            "slippage_usd": math.fsum(self.slippage),
            "borrow_usd": self.transfers,
            "penalty_usd": self.penalty,
            "n_settlements": len(self.funding),
            "exit_reason": self.reason,
        }


Wish = tuple[datetime, datetime, str, str, str]
"""Open at, close at, base, long venue, short venue."""


def run_slowly(
    config: BacktestConfig, funding: pl.DataFrame, wishes: Iterable[Wish]
) -> list[dict[str, Any]]:
    """Trades of positions that are opened and closed at given times; both legs always fill."""
    market: dict[datetime, list[dict[str, Any]]] = {}
    for row in funding.iter_rows(named=True):
        market.setdefault(row["funding_time"], []).append(row)
    wishes = list(wishes)
    prices: dict[tuple[str, str], float] = {}
    pairs: list[tuple[SlowLeg, SlowLeg, Wish]] = []
    done: list[SlowLeg] = []
    times = {*market, *(wish[0] for wish in wishes), *(wish[1] for wish in wishes), config.end}
    for now in sorted(time for time in times if time <= config.end):
        news = market.get(now, [])
        for base in {row["base"] for row in news}:
            _move(prices, base, {r["venue"]: r["mark_price"] for r in news if r["base"] == base})
        for row in news:
            for leg in (leg for pair in pairs for leg in pair[:2]):
                if (leg.venue, leg.base) == (row["venue"], row["base"]) and leg.opened < now:
                    paid = -leg.sign * leg.size * row["mark_price"] * row["funding_rate"]
                    leg.funding.append(paid)
                    leg.margin += paid
        touched = {row["base"] for row in news}
        for pair in list(pairs):
            legs = [leg for leg in pair[:2] if leg.base in touched]
            if _margins(config, pair[:2], legs, prices, now):
                pairs.remove(pair)
                done += pair[:2]
        for pair in list(pairs):
            if pair[2][1] == now or now == config.end:
                reason = "told to" if pair[2][1] == now and now < config.end else "end of the run"
                for leg in pair[:2]:
                    _close(config, leg, prices, now, reason)
                pairs.remove(pair)
                done += pair[:2]
        pairs += [
            (*_open(config, wish, prices), wish)
            for wish in wishes
            if wish[0] == now and now < config.end
        ]
    return [leg.row() for leg in done]


def _move(prices: dict[tuple[str, str], float], base: str, marks: dict[str, float]) -> None:
    """Take marks of one instant in; what states none moves with the median of those that do."""
    known = {venue: price for (venue, of), price in prices.items() if of == base}
    moves = [mark / known[venue] for venue, mark in marks.items() if venue in known]
    if moves:
        move = median(moves)
    else:
        move = median(marks.values()) / median(known.values()) if known else 1.0
        move = move if 0.5 < move < 2.0 else 1.0
    for venue, price in known.items():
        prices[venue, base] = price * move
    for venue, mark in marks.items():
        prices[venue, base] = mark


def _open(
    config: BacktestConfig, wish: Wish, prices: dict[tuple[str, str], float]
) -> tuple[SlowLeg, SlowLeg]:
    when, _, base, long, short = wish
    entry = [prices[venue, base] for venue in (long, short)]
    size = config.position_usd / (sum(entry) / 2)
    legs = []
    for venue, sign, price in ((long, 1, entry[0]), (short, -1, entry[1])):
        collateral = size * price / config.margin.leverage
        leg = SlowLeg(venue, base, sign, size, price, when, collateral, collateral)
        _pay_for_fill(config, leg, price)
        legs.append(leg)
    return legs[0], legs[1]


def _pay_for_fill(config: BacktestConfig, leg: SlowLeg, price: float) -> None:
    leg.fees.append(leg.size * price * (config.costs.flat_fee_bps or 0.0) / 10_000)
    leg.slippage.append(leg.size * price * config.costs.slippage.half_spread_bps / 10_000)


def _close(
    config: BacktestConfig,
    leg: SlowLeg,
    prices: dict[tuple[str, str], float],
    now: datetime,
    reason: str,
) -> None:
    leg.exit, leg.closed, leg.reason = prices[leg.venue, leg.base], now, reason
    _pay_for_fill(config, leg, leg.exit)
    if reason == "liquidation":
        leg.penalty = config.margin.liquidation_penalty_rate * leg.size * leg.exit


def _margins(
    config: BacktestConfig,
    pair: tuple[SlowLeg, SlowLeg],
    touched: list[SlowLeg],
    prices: dict[tuple[str, str], float],
    now: datetime,
) -> bool:
    """Liquidate or rebalance where a leg that has news asks for it; True if the pair is gone."""
    margin = config.margin
    left = None if margin.rebalance_threshold is None else 1 - margin.rebalance_threshold

    def value(leg: SlowLeg) -> float:
        return leg.value(prices[leg.venue, leg.base])

    def broke(leg: SlowLeg) -> bool:
        return value(leg) < margin.maintenance_rate * leg.size * prices[leg.venue, leg.base]

    def low(leg: SlowLeg) -> bool:
        return leg.guarded and left is not None and value(leg) < left * leg.collateral

    if not any(broke(leg) or low(leg) for leg in touched):
        return False
    if any(broke(leg) for leg in pair):
        fates = ["liquidation" if broke(leg) else "other leg liquidated" for leg in pair]
        for leg, fate in zip(pair, fates, strict=True):
            _close(config, leg, prices, now, fate)
        return True
    worth = [value(leg) for leg in pair]
    total = sum(worth) - config.costs.transfer_usd
    whole = pair[0].collateral + pair[1].collateral
    possible = left is not None and total > left * whole
    for leg in pair:
        leg.guarded = possible
    if possible:
        for leg, had in zip(pair, worth, strict=True):
            leg.margin += total * leg.collateral / whole - had
        pair[worth[1] >= worth[0]].transfers += config.costs.transfer_usd
    return False
