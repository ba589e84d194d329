"""Ways to tell a board something, and to look at what it shows."""

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from funding_platform.core.tables.collected import INSTRUMENTS
from funding_platform.core.time_grid import to_ms
from funding_platform.live.board.board import Board
from funding_platform.venues.streams.updates import MarketUpdate

NOW = datetime(2025, 3, 10, 12, 7, 31, 250_000, tzinfo=UTC)
NOW_MS = to_ms(NOW)
SECOND = timedelta(seconds=1)


def listed(symbol: str = "BTCUSDT", **changes: Any) -> pl.DataFrame:
    row = {
        "venue": "binance",
        "venue_symbol": symbol,
        "base": "BTC",
        "quote": "USDT",
        "multiplier": 1.0,
        "contract_type": "linear",
        "status": "trading",
        "first_seen_at": NOW,
        "last_seen_at": NOW,
        **changes,
    }
    return pl.DataFrame(
        [{name: row.get(name) for name in INSTRUMENTS.column_names}],
        schema=INSTRUMENTS.polars_schema,
    )


def say(board: Board, at: datetime = NOW, symbol: str = "BTCUSDT", **said: Any) -> None:
    board.apply("binance", at, [MarketUpdate(venue_symbol=symbol, **said)])


def shown(board: Board, field: str, row: int = 0) -> float:
    return float(board.view().column(field)[row])
