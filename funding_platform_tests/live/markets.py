"""A market as the lake holds it, told to a board as streams would tell it."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import polars as pl

from funding_platform.core.tables.schema import Table
from funding_platform.core.time_grid import to_ms
from funding_platform.lake import connect
from funding_platform.live.board.board import Board
from funding_platform.settings import Settings
from funding_platform.venues.streams.updates import MarketUpdate

SAID = (
    *("predicted_rate", "interval_hours", "mark_price", "index_price", "open_interest_base"),
    *("open_interest_usd", "volume_24h_usd", "best_bid", "best_ask"),
)


def update_of(row: dict[str, Any], *, event_ms: int | None = None) -> MarketUpdate:
    """What a stream says that says all of a row of ``core.market_snapshots``."""
    due = row["next_funding_time"]
    return MarketUpdate(
        venue_symbol=row["venue_symbol"],
        event_ms=event_ms,
        next_funding_ms=None if due is None else to_ms(due),
        **{name: row[name] for name in SAID},
    )


def tell(board: Board, snapshots: pl.DataFrame) -> None:
    """Tell a board every row of ``core.market_snapshots``, each at its time."""
    for venue, at, row in told(snapshots):
        board.apply(venue, at, [update_of(row)])


def told(snapshots: pl.DataFrame) -> Iterator[tuple[str, datetime, dict[str, Any]]]:
    for row in snapshots.sort("observed_at").iter_rows(named=True):
        yield row["venue"], row["observed_at"], row


def read(settings: Settings, table: Table) -> pl.DataFrame:
    """Every row that a lake has of a table."""
    with connect(settings) as lake:
        return table.typed(lake.sql(f"FROM {table.full_name}").pl())
