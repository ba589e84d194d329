"""The store as frames: the columns of schema ``execution``, for screens and for the lake."""

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import polars as pl

from funding_platform.core.tables.execution import (
    EVENTS,
    FILLS,
    FUNDING_PAYMENTS,
    ORDERS,
    PERFORMANCE,
    POSITIONS,
)
from funding_platform.core.tables.schema import Table
from funding_platform.core.time_grid import parse_instant
from funding_platform.execution.cycle.memory import DIVERGENCE
from funding_platform.execution.ledger import LegLedger, PairLedger
from funding_platform.execution.pair.pairs import LEGS, LegName
from funding_platform.flows.execution.sizes import Sizes

Rows = Iterable[Mapping[str, Any]]


def positions_frame(pairs: Iterable[PairLedger]) -> pl.DataFrame:
    """Lay pairs out as ``execution.positions``."""
    return _frame(POSITIONS, [_position(pair) for pair in pairs])


def orders_frame(rows: Rows, sizes: Sizes) -> pl.DataFrame:
    """Lay rows of the store's orders out as ``execution.orders``."""
    return _frame(ORDERS, [sizes.told(row, "quantity", "filled") for row in rows])


def fills_frame(rows: Rows, sizes: Sizes) -> pl.DataFrame:
    """Lay rows of the store's fills out as ``execution.fills``."""
    return _frame(FILLS, [sizes.told(row, "quantity") for row in rows])


def payments_frame(rows: Rows, sizes: Sizes) -> pl.DataFrame:
    """Lay rows of the store's funding out as ``execution.funding_payments``."""
    told = [sizes.told(row, "quantity") for row in rows]
    return _frame(FUNDING_PAYMENTS, told, rate="funding_rate")


def events_frame(rows: Rows) -> pl.DataFrame:
    """Lay rows of the store's events out as ``execution.events``."""
    written = [
        {**row, "details": json.dumps(dict(row["details"]), sort_keys=True, default=str)}
        for row in rows
    ]
    return _frame(EVENTS, written)


def performance_frame(rows: Rows) -> pl.DataFrame:
    """Lay the pictures of cycles out as ``execution.performance``, one per instant."""
    shown = [
        {
            "taken_at": parse_instant(content["at"]),
            "trader": content["trader"],
            "pairs": content["totals"]["pairs"],
            "notional_usd": content["totals"]["notional_usd"],
            "equity_usd": content["totals"]["equity_usd"],
            **content["since_start"],
        }
        for content in (row["content"] for row in rows)
    ]
    return _frame(PERFORMANCE, shown).unique("taken_at", keep="last", maintain_order=True)


def _position(pair: PairLedger) -> dict[str, Any]:
    record, pnl = pair.record, pair.pnl
    legs: dict[str, Any] = {}
    for side in LEGS:
        legs |= _leg(side, pair.legs[side])
    return {
        **{name: getattr(record, name) for name in record.__dataclass_fields__},
        **legs,
        "state": str(record.state),
        "lot_base": record.lot,
        "net_base": float(pair.net_base),
        "notional_usd": float(pair.notional_usd),
        "entry_divergence_8h": record.facts.get(DIVERGENCE),
        "settlements": sum(leg.settlements for leg in pair.legs.values()),
        "trading_usd": None if pnl is None else float(pnl.trading_usd),
        "fees_usd": None if pnl is None else float(pnl.fees_usd),
        "funding_usd": None if pnl is None else float(pnl.funding_usd),
        "pnl_usd": None if pnl is None else float(pnl.total_usd),
    }


def _leg(side: LegName, leg: LegLedger) -> dict[str, Any]:
    entry, left = leg.entry_price, leg.exit_price
    return {
        f"{side}_venue": leg.record.venue,
        f"{side}_symbol": leg.record.venue_symbol,
        f"{side}_base": float(leg.base),
        f"{side}_entry_price": None if entry is None else float(entry),
        f"{side}_exit_price": None if left is None else float(left),
        f"{side}_funding_usd": float(leg.funding_usd),
    }


def _frame(table: Table, rows: Rows, **renamed: str) -> pl.DataFrame:
    """Lay rows out as a table: its columns, decimals as floats."""
    names = {column: column for column in table.column_names}
    names |= {new: old for old, new in renamed.items()}
    kept = [{column: _plain(row.get(old)) for column, old in names.items()} for row in rows]
    return pl.DataFrame(kept, schema=table.polars_schema, orient="row")


def _plain(value: object) -> object:
    return float(value) if isinstance(value, Decimal) else value
